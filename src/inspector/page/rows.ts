/** A long list of rows of one height of which only those in sight exist: thousands scroll like ten. */

import { css, html, LitElement, type TemplateResult } from 'lit'
import { look } from './look.ts'

const beyond = 8

export class Rows extends LitElement {
  static override styles = [
    look,
    css`
      :host {
        display: block;
        overflow: auto;
        position: relative;
        contain: strict;
      }
      .all {
        position: relative;
      }
      .seen {
        position: absolute;
        left: 0;
        right: 0;
      }
      .row {
        display: flex;
        align-items: center;
        gap: 10px;
        height: var(--row-height, 30px);
        padding: 0 16px;
        border-bottom: 1px solid var(--rule);
        white-space: nowrap;
        overflow: hidden;
      }
      .row.node {
        background: var(--ground);
      }
      .row.stopped .id {
        text-decoration: line-through;
        color: var(--faint);
      }
      .row[data-actor] {
        cursor: pointer;
      }
      .row[data-actor]:hover {
        background: var(--accent-fill);
      }
      .row .id {
        font-weight: 500;
      }
      .row .number {
        margin-left: auto;
      }
      .message {
        display: block;
        cursor: pointer;
      }
      .message:hover {
        background: var(--accent-fill);
      }
      .message text {
        font-size: 11.5px;
        fill: var(--text);
      }
      .message .at {
        font-family: var(--mono);
        fill: var(--faint);
      }
      .message .label.taken {
        fill: var(--accent);
        font-weight: 600;
      }
      .message .lane {
        stroke: var(--rule);
      }
      .message .arrow {
        stroke: var(--faint);
        fill: none;
      }
      .message .head,
      .message .dot {
        fill: var(--faint);
      }
      .indent {
        flex: none;
        width: calc(18px * var(--depth, 0));
      }
      .indent[data-depth='1'] {
        --depth: 0.5;
      }
      .indent[data-depth='2'] {
        --depth: 1.5;
      }
      .indent[data-depth='3'] {
        --depth: 2.5;
      }
      .indent[data-depth='4'] {
        --depth: 3.5;
      }
    `,
  ]
  static override properties = {
    count: { type: Number },
    rowHeight: { type: Number },
    drawRow: { attribute: false },
    /** Changes whenever rows show something else. */
    version: { attribute: false },
  }

  declare count: number
  declare rowHeight: number
  declare drawRow: (index: number) => TemplateResult
  declare version: unknown
  /** Stays at the end as rows are added. */
  follow = false
  readonly #resized = new ResizeObserver(() => this.requestUpdate())

  constructor() {
    super()
    this.count = 0
    this.rowHeight = 28
    this.drawRow = () => html``
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.addEventListener('scroll', this.#scrolled, { passive: true })
    this.#resized.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#resized.disconnect()
  }

  /** So that this row is in sight. */
  reveal(index: number): void {
    const top = index * this.rowHeight
    if (top < this.scrollTop) this.scrollTop = top
    else if (top + this.rowHeight > this.scrollTop + this.clientHeight) {
      this.scrollTop = top + this.rowHeight - this.clientHeight
    }
  }

  override render() {
    const { count, rowHeight } = this
    const first = Math.max(0, Math.floor(this.scrollTop / rowHeight) - beyond)
    const last = Math.min(count, Math.ceil((this.scrollTop + this.clientHeight) / rowHeight) + beyond)
    const indices = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at)
    return html`<div class="all"></div>
      <div class="seen">${indices.map((index) => this.drawRow(index))}</div>`
  }

  override updated(): void {
    // By properties, for the page's policy allows no styles in its text.
    const all = this.renderRoot.querySelector<HTMLElement>('.all')
    const seen = this.renderRoot.querySelector<HTMLElement>('.seen')
    if (all) all.style.height = `${this.count * this.rowHeight}px`
    const first = Math.max(0, Math.floor(this.scrollTop / this.rowHeight) - beyond)
    if (seen) seen.style.top = `${first * this.rowHeight}px`
    if (this.follow) this.scrollTop = this.scrollHeight
  }

  readonly #scrolled = (): void => {
    this.follow &&= this.scrollTop + this.clientHeight >= this.scrollHeight - this.rowHeight
    this.requestUpdate()
  }
}

customElements.define('reeve-rows', Rows)
