/** Now, or some moment before it: pause, step, slide, play; and traces, to be kept and to be opened. */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import type { TraceRecord } from '../record.ts'
import { clockTime, eventName, grouped, look, statePath } from './look.ts'
import { asideOf } from './messages.ts'
import { openTrace } from './open-trace.ts'
import { Part } from './part.ts'
import { type Speed, speeds } from './player.ts'

/** Marks on the slider. */
const marksMax = 200

interface Mark {
  readonly position: number
  readonly isGap: boolean
  readonly text: string
}

export class TimeBar extends Part {
  static override styles = [
    look,
    css`
      :host {
        background: var(--raised);
        border-top: 1px solid var(--frame);
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 6px 8px;
        padding: 8px 16px;
        flex-wrap: wrap;
      }
      .slide {
        flex: 1 1 220px;
        min-width: 140px;
        position: relative;
      }
      .slide input {
        width: 100%;
        accent-color: var(--accent);
        padding: 0;
        margin: 0;
        border: 0;
        background: none;
        display: block;
      }
      .slide svg {
        position: absolute;
        left: 8px;
        top: -6px;
        width: calc(100% - 16px);
        height: 6px;
        overflow: visible;
      }
      .slide rect {
        fill: var(--accent);
      }
      .slide .gap {
        fill: var(--bad);
      }
      .go {
        min-width: 92px;
      }
      .when {
        min-width: 96px;
        font-family: var(--mono);
        font-size: 12px;
      }
      .says {
        flex-basis: 100%;
        font-size: 12px;
        color: var(--text);
        min-height: 18px;
      }
      .says .gap {
        color: var(--bad);
        font-weight: 600;
      }
      input[type='file'] {
        display: none;
      }
      .files {
        display: inline-flex;
        gap: 8px;
        align-items: center;
      }
      select {
        padding: 3px 4px;
      }
    `,
  ]

  #marked = { upTo: 0, story: undefined as unknown, marks: [] as Mark[] }

  override render() {
    const { desk } = this
    const { first, last } = desk.story
    const { atMs } = desk.moment
    const moves = desk.isNow || desk.playing
    return html`
      <div class="bar" role="toolbar" aria-label="Time">
        <button class="go" title="Stand still, or go on (space)" ?disabled=${last === first}
          @click=${() => desk.toggle()}>${moves ? '❚❚ Pause' : '▶ Play'}</button>
        <button title="One record back (← or ,)" aria-label="One record back" ?disabled=${desk.position <= first}
          @click=${() => desk.step(-1)}>◂</button>
        <button title="One record on (→ or .)" aria-label="One record on" ?disabled=${desk.position >= last}
          @click=${() => desk.step(1)}>▸</button>
        <select aria-label="Speed" title="Speed of play" @change=${(event: Event) => {
          desk.speed = Number((event.target as HTMLSelectElement).value) as Speed
        }}>${speeds.map((speed) => html`<option value=${speed} .selected=${speed === desk.speed}>${speed} ×</option>`)}</select>
        <span class="slide">
          <input type="range" aria-label="Moment" aria-valuetext=${clockTime(atMs)} min=${first} max=${Math.max(last, first + 1)}
            .value=${String(desk.position)} @input=${this.#slide} />
          ${this.#marks()}
        </span>
        <span class="when">${last > first ? clockTime(atMs) : ''}</span>
        ${desk.file || desk.isNow ? nothing : html`<button title="Back to the present (n)" @click=${() => desk.resume()}>Now</button>`}
        <span class="files">
          ${
            desk.file
              ? html`<button @click=${() => desk.close()}>Close file</button>`
              : html`<a href="trace" download title="All that is remembered, as a file">Save trace</a>`
          }
          <button title="Of a node, of a simulation (o); or drop a file anywhere" @click=${() => this.choose()}>Open trace …</button>
        </span>
        <input type="file" accept=".jsonl,.trace" tabindex="-1" aria-label="Trace file" @change=${this.#open} />
        ${desk.isNow ? nothing : this.#says()}
      </div>
    `
  }

  /** Asks for a file. */
  choose(): void {
    this.renderRoot.querySelector<HTMLInputElement>('input[type=file]')?.click()
  }

  /** What happened at the moment that is shown. */
  #says(): TemplateResult {
    const { desk } = this
    const { first, last } = desk.story
    const { latest } = desk
    const text = latest ? sentence(latest) : 'before the first record'
    return html`<span class="says clip" role="status"><span class="faint">${grouped(desk.position - first)} of ${grouped(last - first)}</span>
      <span class=${latest?.kind === 'gap' ? 'gap' : ''}>${text}</span></span>`
  }

  #marks(): TemplateResult | typeof nothing {
    const { story } = this.desk
    const { first, last } = story
    if (this.#marked.story !== story) this.#marked = { upTo: first, story, marks: [] }
    const { marks } = this.#marked
    for (let at = Math.max(first, this.#marked.upTo); at < last; at++) {
      const record = story.record(at)
      const text = record ? asideOf(record) : ''
      if (text) marks.push({ position: at, isGap: record?.kind === 'gap', text })
    }
    this.#marked.marks = marks.filter(({ position }) => position >= first).slice(-marksMax)
    this.#marked.upTo = last
    if (this.#marked.marks.length === 0) return nothing
    const x = (position: number) => (100 * (position - first)) / Math.max(1, last - first)
    return html`<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${this.#marked.marks.map(
      ({ position, isGap, text }) =>
        svg`<rect class=${isGap ? 'gap' : ''} x=${x(position)} y=${isGap ? 0 : 2} width="0.35" height=${isGap ? 6 : 4}><title>${text}</title></rect>`,
    )}</svg>`
  }

  #slide(event: Event): void {
    this.desk.goTo(Number((event.target as HTMLInputElement).value))
  }

  async #open(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement
    const [file] = input.files ?? []
    if (file) await openTrace(file, this.desk)
    input.value = ''
  }
}

/** A record in a few words. */
function sentence(record: TraceRecord): string {
  const aside = asideOf(record)
  if (aside) return aside
  switch (record.kind) {
    case 'transition': {
      const to =
        record.taken.length > 0 ? ` → ${record.after.map(statePath).join(', ')}` : ': nothing listens to it now'
      return `${record.node}: ${record.actor} hears ${eventName(record.event.type)}${to}`
    }
    case 'started':
      return `${record.node}: ${record.actor} begins`
    case 'stopped':
      return `${record.node}: ${record.actor} ends (${record.status})`
    case 'snapshot':
      return `${record.node}: where all its actors stood`
    case 'heard':
      return `${record.node} heard the ${record.what} ${record.name}`
    case 'relay':
      return `${record.by} asks ${record.node}: ${record.state}`
    case 'facts':
      return `${record.node} tells of ${Object.keys(record.facts).join(', ')}`
    default:
      return ''
  }
}

customElements.define('reeve-time-bar', TimeBar)
