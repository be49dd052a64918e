/**
 * A long list of rows of one height of which only those in sight exist: thousands scroll like ten. One row is the current
 * one: arrow keys move it, Enter picks it. Tells `picked` with the row's index, and `sight` when other rows are in sight.
 */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { look } from './look.ts'
import { rowLook } from './row-look.ts'

const beyond = 8

export class Rows extends LitElement {
  static override styles = [
    look,
    rowLook,
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
        top: 0;
        min-width: 100%;
        width: max-content;
      }
      .seen:focus {
        outline: none;
      }
      .seen:focus-visible > .current {
        outline: 2px solid var(--accent);
        outline-offset: -2px;
      }
    `,
  ]
  static override properties = {
    count: { type: Number },
    rowHeight: { type: Number },
    drawRow: { attribute: false },
    /** `tree` or `listbox`, and its name. */
    kind: { attribute: false },
    label: { attribute: false },
    current: { state: true },
    /** Changes whenever rows show something else. */
    version: { attribute: false },
  }

  declare count: number
  declare rowHeight: number
  /** Its element carries `rowAttributes` of the index. */
  declare drawRow: (index: number, row: RowPlace) => TemplateResult
  declare kind: 'tree' | 'listbox'
  declare label: string
  declare version: unknown
  declare current: number
  /** Stays at the end as rows are added. */
  follow = false
  /** Follows again once somebody scrolls back to the end. */
  tail = false
  #told = ''
  readonly #resized = new ResizeObserver(() => this.requestUpdate())

  constructor() {
    super()
    this.count = 0
    this.rowHeight = 28
    this.drawRow = () => html``
    this.kind = 'listbox'
    this.label = ''
    this.current = 0
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.addEventListener('scroll', this.#scrolled, { passive: true })
    this.#resized.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.removeEventListener('scroll', this.#scrolled)
    this.#resized.disconnect()
  }

  /** The first in sight, and the one behind the last. */
  get sight(): { readonly first: number; readonly last: number } {
    const first = Math.floor(this.scrollTop / this.rowHeight)
    const last = Math.ceil((this.scrollTop + this.clientHeight) / this.rowHeight)
    return { first: Math.min(first, this.count), last: Math.min(last, this.count) }
  }

  /** So that this row is in sight. */
  reveal(index: number): void {
    const top = index * this.rowHeight
    if (top < this.scrollTop) this.scrollTop = top
    else if (top + this.rowHeight > this.scrollTop + this.clientHeight) {
      this.scrollTop = top + this.rowHeight - this.clientHeight
    }
  }

  override willUpdate(changed: PropertyValues): void {
    if (changed.has('count')) this.current = Math.max(0, Math.min(this.current, this.count - 1))
  }

  override render() {
    const { count, current } = this
    const { first, last } = this.#drawn()
    const indices = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at)
    const shown = current >= first && current < last
    return html`<div class="all"></div>
      <div class="seen" role=${this.kind} aria-label=${this.label} tabindex="0" @keydown=${this.#key} @click=${this.#click}
        aria-activedescendant=${shown ? `row-${current}` : nothing}>${indices.map((index) =>
          this.drawRow(index, {
            id: `row-${index}`,
            current: index === current ? 'current' : '',
            place: index + 1,
            of: count,
          }),
        )}</div>`
  }

  override updated(): void {
    // By properties, for the page's policy allows no styles in its text.
    const all = this.renderRoot.querySelector<HTMLElement>('.all')
    const seen = this.renderRoot.querySelector<HTMLElement>('.seen')
    if (all) all.style.height = `${this.count * this.rowHeight}px`
    if (this.follow) this.scrollTop = this.scrollHeight
    if (seen) seen.style.transform = `translateY(${this.#drawn().first * this.rowHeight}px)`
    this.#tell()
  }

  #drawn(): { first: number; last: number } {
    const { first, last } = this.sight
    return { first: Math.max(0, first - beyond), last: Math.min(this.count, last + beyond) }
  }

  #tell(): void {
    const { first, last } = this.sight
    const now = `${first} ${last} ${this.count}`
    if (now === this.#told) return
    this.#told = now
    this.dispatchEvent(new Event('sight'))
  }

  readonly #scrolled = (): void => {
    const atEnd = this.scrollTop + this.clientHeight >= this.scrollHeight - this.rowHeight
    this.follow = atEnd && (this.follow || this.tail)
    this.requestUpdate()
  }

  #click(event: Event): void {
    const row = event.composedPath().find((each) => each instanceof Element && each.id.startsWith('row-'))
    if (row instanceof Element) this.#pick(Number(row.id.slice('row-'.length)))
  }

  #pick(index: number): void {
    this.current = index
    this.dispatchEvent(new CustomEvent<number>('picked', { detail: index }))
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const page = Math.max(1, Math.floor(this.clientHeight / this.rowHeight) - 1)
    const steps: Readonly<Record<string, number>> = {
      ...{ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count },
    }
    const step = Object.hasOwn(steps, event.key) ? steps[event.key] : undefined
    if (step === undefined && event.key !== 'Enter') return
    event.preventDefault()
    event.stopPropagation()
    if (step === undefined) {
      if (this.count > 0) this.#pick(this.current)
      return
    }
    this.current = Math.max(0, Math.min(this.count - 1, this.current + step))
    this.follow = false
    this.reveal(this.current)
  }
}

/** Where a row is, for its attributes. */
export interface RowPlace {
  readonly id: string
  /** A class. */
  readonly current: 'current' | ''
  /** From 1. */
  readonly place: number
  readonly of: number
}

customElements.define('reeve-rows', Rows)
