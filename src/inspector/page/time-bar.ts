/** Now, or some moment before it: pause, step, slide, play; and traces, to be kept and to be opened. */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import type { TraceRecord } from '../record.ts'
import { clockTime, eventName, grouped, look, statePath } from './look.ts'
import { type MarkKind, markOf, markSigns, type PlacedMark } from './marks.ts'
import { openTrace } from './open-trace.ts'
import { Part } from './part.ts'
import { type Speed, speeds } from './player.ts'

/** Places along the slider: of several marks in one of them the worst is drawn. */
const placesMax = 300
/** In the list of them. */
const listedMax = 500

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
        gap: 8px;
        padding: 10px 16px 8px;
        flex-wrap: wrap;
      }
      .slide {
        flex: 1 1 220px;
        min-width: 140px;
        position: relative;
        margin-top: 4px;
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
        bottom: 100%;
        width: calc(100% - 16px);
        height: 10px;
        pointer-events: none;
      }
      .slide rect {
        fill: var(--accent);
      }
      .slide .fault {
        fill: var(--busy);
      }
      .slide :is(.gap, .broken, .crash) {
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
      .bad {
        color: var(--bad);
        font-weight: 600;
      }
      .fault {
        color: var(--busy);
        font-weight: 600;
      }
      [popover] {
        inset: auto 16px 96px auto;
        width: min(560px, calc(100vw - 32px));
        max-height: min(420px, 60dvh);
        overflow: auto;
        padding: 8px;
        color: var(--ink);
        background: var(--raised);
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        box-shadow: 0 8px 24px rgb(0 0 0 / 0.2);
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li button {
        display: grid;
        grid-template-columns: auto 16px minmax(0, 1fr);
        gap: 0 8px;
        width: 100%;
        padding: 4px 8px;
        border: 0;
        text-align: left;
        font-size: 12px;
        overflow-wrap: anywhere;
      }
      li :is(.bad, .fault) {
        font-weight: 400;
      }
      li button:hover {
        background: var(--quiet-fill);
      }
      li button[aria-current] {
        background: var(--accent-fill);
      }
      .marks {
        display: inline-flex;
      }
      .marks button {
        border-radius: 0;
        margin-left: -1px;
      }
      .marks button:first-child {
        border-radius: 6px 0 0 6px;
      }
      .marks button:last-child {
        border-radius: 0 6px 6px 0;
      }
      .marks button:is(:hover, :focus-visible) {
        z-index: 1;
      }
      @media (max-width: 600px) {
        .says {
          white-space: normal;
          overflow-wrap: anywhere;
          max-height: 54px;
          overflow-y: auto;
        }
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

  #listing = false

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
        ${this.#marked()}
        <span class="files">
          ${desk.file ? nothing : html`<a href="trace" download title="All that is remembered, as a file">Save trace</a>`}
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
    const mark = latest && markOf(latest)
    return html`<span class="says clip" role="status" title=${text}><span class="faint">${grouped(desk.position - first)} of ${grouped(last - first)}</span>
      ${mark ? html`<span class=${toneOfMark(mark.kind)}>${markSigns[mark.kind]}</span>` : nothing}
      <span class=${mark ? toneOfMark(mark.kind) : ''}>${text}</span></span>`
  }

  /** Along the slider; told apart by how high they are. */
  #marks(): TemplateResult | typeof nothing {
    const { story, marks } = this.desk
    const { first, last } = story
    if (marks.length === 0) return nothing
    const places = new Map<number, PlacedMark>()
    for (const mark of marks) {
      const place = Math.round((placesMax * (mark.position - first)) / Math.max(1, last - first))
      const other = places.get(place)
      if (!other || heights[mark.kind] > heights[other.kind]) places.set(place, mark)
    }
    return html`<svg viewBox="0 0 ${placesMax} 10" preserveAspectRatio="none" aria-hidden="true">${[...places].map(
      ([place, { kind }]) =>
        svg`<rect class=${kind} x=${place - 0.5} y=${10 - heights[kind]} width="1" height=${heights[kind]}></rect>`,
    )}</svg>`
  }

  /** The way from one to the next, and all of them as a list. */
  #marked(): TemplateResult | typeof nothing {
    const { desk } = this
    const { marks, position } = desk
    if (marks.length === 0) return nothing
    const said = `${grouped(marks.length)} ${marks.length === 1 ? 'thing stands' : 'things stand'} out`
    return html`<span class="marks">
      <button title="The one before that stands out (shift m)" aria-label="The one before that stands out"
        ?disabled=${!marks.some((mark) => mark.position < position - 1)} @click=${() => desk.toMark(-1)}>◂</button>
      <button popovertarget="marks" title="Starts, faults, what went wrong, what is missing" aria-label=${said}>⚑ ${grouped(marks.length)}</button>
      <button title="The next that stands out (m)" aria-label="The next that stands out"
        ?disabled=${!marks.some((mark) => mark.position >= position)} @click=${() => desk.toMark(1)}>▸</button></span>
      <div id="marks" popover role="group" aria-label="What stands out" @toggle=${this.#toggled}>${this.#listing ? this.#list(marks) : nothing}</div>`
  }

  #list(marks: readonly PlacedMark[]): TemplateResult {
    const { position } = this.desk
    return html`<ol>${marks.slice(-listedMax).map(
      (mark) => html`<li><button aria-current=${mark.position === position - 1 ? 'true' : nothing}
        @click=${() => this.desk.goTo(mark.position + 1)}><span class="mono faint">${mark.atMs === undefined ? '' : clockTime(mark.atMs)}</span>
        <span class=${toneOfMark(mark.kind)} aria-hidden="true">${markSigns[mark.kind]}</span><span class=${toneOfMark(mark.kind)}>${mark.text}</span></button></li>`,
    )}</ol>`
  }

  readonly #toggled = (event: Event): void => {
    this.#listing = (event as ToggleEvent).newState === 'open'
    this.requestUpdate()
    if (!this.#listing) return
    void this.updateComplete.then(() => {
      this.renderRoot.querySelector('li [aria-current]')?.scrollIntoView({ block: 'nearest' })
    })
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

const heights: Readonly<Record<MarkKind, number>> = { other: 4, fault: 6, verdict: 6, gap: 8, crash: 8, broken: 10 }

function toneOfMark(kind: MarkKind): string {
  if (kind === 'fault') return 'fault'
  return kind === 'broken' || kind === 'crash' || kind === 'gap' ? 'bad' : ''
}

/** A record in a few words. */
function sentence(record: TraceRecord): string {
  const mark = markOf(record)
  if (mark) return mark.text
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
