/** One actor's chart: what is active, what was taken last, what it knows, what it listens to, what it did lately. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { ActorView, Json, TransitionRecord } from '../record.ts'
import { chartStyle } from './chart-colours.ts'
import { Drawing } from './drawing.ts'
import { badge, clockTime, look, statePath, toneOf } from './look.ts'
import { Part } from './part.ts'

const recentMax = 40
/** How far back they are looked for. */
const searchedMax = 5000
const hotMs = 1200

export class ChartView extends Part {
  static override styles = [
    look,
    chartStyle,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 340px;
        height: 100%;
      }
      @media (max-width: 900px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
          height: auto;
        }
      }
      .stage {
        overflow: auto;
        padding: 16px;
        display: grid;
        gap: 12px;
        align-content: start;
      }
      .pick {
        position: sticky;
        top: -16px;
        z-index: 1;
        margin: -16px -16px 0;
        padding: 12px 16px;
        background: var(--ground);
        display: flex;
        gap: 8px;
        align-items: center;
        flex-wrap: wrap;
      }
      .drawing svg {
        max-width: 100%;
        height: auto;
        display: block;
        margin: 0 auto;
      }
      .drawing.whole svg {
        max-height: calc(100dvh - 190px);
      }
      .pick button {
        margin-left: auto;
      }
      aside > * {
        min-width: 0;
      }
      aside {
        border-left: 1px solid var(--frame);
        background: var(--raised);
        overflow: auto;
        padding: 16px;
        display: grid;
        gap: 18px;
        align-content: start;
      }
      ul {
        list-style: none;
        margin: 4px 0 0;
        padding: 0;
      }
      ul ul {
        margin: 0 0 0 14px;
      }
      .tree {
        font-size: 12px;
        overflow-wrap: anywhere;
      }
      .key {
        color: var(--faint);
      }
      .events {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin-top: 6px;
      }
      .event {
        border: 1px solid var(--frame);
        border-radius: 4px;
        padding: 0 6px;
        font-size: 12px;
      }
      .event.now {
        border-color: var(--accent);
        color: var(--accent);
      }
      .recent li {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0 8px;
        padding: 3px 0;
        border-top: 1px solid var(--rule);
        font-size: 12px;
      }
      .recent .idle {
        color: var(--faint);
      }
    `,
  ]

  static override properties = { ...Part.properties, whole: { state: true } }
  declare whole: boolean
  #inSight = ''
  #drawing: { readonly chart: string; readonly drawing: Drawing | undefined } | undefined
  #hotAt = -1
  #cooling: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.whole = false
  }

  override render() {
    const { desk } = this
    const chosen = this.#chosen()
    if (!chosen) return html`<div class="empty">No actor with a chart was told of yet.</div>`
    const { node, view } = chosen
    return html`
      <div class="stage">
        <div class="pick">
          <select aria-label="Actor" @change=${this.#choose}>${this.#options(node, view.actor)}</select>
          ${view.states.map((state) => badge(statePath(state), toneOf(state), state))}
          <button title="All of the drawing, or as large as it reads best" aria-pressed=${this.whole} @click=${() => {
            this.whole = !this.whole
          }}>whole</button>
        </div>
        <div class="drawing ${this.whole ? 'whole' : ''}"></div>
      </div>
      <aside aria-label="What is known of it">
        ${this.#listens(view)}
        <section><h3>Context</h3>${tree(view.context)}</section>
        <section><h3>Lately</h3><ul class="recent">${this.#recent(node, view.actor).map(
          ([position, record]) => html`<li class=${record.taken.length > 0 ? '' : 'idle'}>
            <a href="#" class="mono" @click=${(event: Event) => this.#goTo(event, position)}>${clockTime(record.atMs)}</a>
            <span>${record.event.type}${record.taken.length > 0 ? html` → ${record.after.map(statePath).join(', ')}` : nothing}</span>
          </li>`,
        )}</ul></section>
        ${desk.moment.nodes.get(node)?.actors.has(view.actor) ? nothing : badge('stopped')}
      </aside>
    `
  }

  override updated(): void {
    const chosen = this.#chosen()
    const place = this.renderRoot.querySelector('.drawing')
    if (!chosen || !place) return
    const chart = chosen.view.chart as string
    if (this.#drawing?.chart !== chart) this.#drawing = { chart, drawing: Drawing.of(chart) }
    const { drawing } = this.#drawing
    if (!drawing) {
      place.textContent = `There is no drawing of ${chart}.`
      return
    }
    if (place.firstChild !== drawing.svg) place.replaceChildren(drawing.svg)
    drawing.light(chosen.view.states)
    this.#reveal(drawing, chosen.view.states[0] ?? '')
    const [last] = this.#recent(chosen.node, chosen.view.actor, 1, (record) => record.taken.length > 0)
    drawing.heat([])
    if (!last) return
    const [position, record] = last
    if (!this.desk.isNow) {
      // Standing still: what led here stays lit.
      if (position === this.desk.position - 1) drawing.heat(record.taken)
      return
    }
    if (position !== this.#hotAt) {
      this.#hotAt = position
      clearTimeout(this.#cooling)
      this.#cooling = setTimeout(() => {
        this.#cooling = undefined
        drawing.heat([])
      }, hotMs)
    }
    if (this.#cooling !== undefined) drawing.heat(record.taken)
  }

  /** Where it is now, once each time it gets somewhere else: the reader may look elsewhere meanwhile. */
  #reveal(drawing: Drawing, state: string): void {
    if (state === this.#inSight) return
    this.#inSight = state
    drawing.svg.querySelector(`[id="${CSS.escape(state)}"]`)?.scrollIntoView({ block: 'center', inline: 'nearest' })
  }

  #chosen(): { node: string; view: ActorView } | undefined {
    const { selection, moment } = this.desk
    const selected = selection && moment.nodes.get(selection.node)?.actors.get(selection.actor)
    if (selection && selected?.chart) return { node: selection.node, view: selected }
    for (const [node, { actors }] of moment.nodes) {
      for (const view of actors.values()) if (view.chart) return { node, view }
    }
    return undefined
  }

  #options(node: string, actor: string): TemplateResult[] {
    return [...this.desk.moment.nodes].map(([name, { actors }]) => {
      const charts = [...actors.values()].filter(({ chart }) => chart !== null)
      return html`<optgroup label=${name}>${charts.map(
        (
          view,
        ) => html`<option value=${JSON.stringify([name, view.actor])} ?selected=${name === node && view.actor === actor}>
          ${name}: ${view.id}</option>`,
      )}</optgroup>`
    })
  }

  #choose(event: Event): void {
    const [node, actor] = JSON.parse((event.target as HTMLSelectElement).value) as [string, string]
    this.desk.show('chart', { node, actor })
  }

  #goTo(event: Event, position: number): void {
    event.preventDefault()
    this.desk.goTo(position + 1)
  }

  #listens({ chart, states }: ActorView): TemplateResult {
    const drawing = this.#drawing?.chart === chart ? this.#drawing.drawing : Drawing.of(chart as string)
    const events = [...(drawing?.accepted(states).keys() ?? [])]
    const { latest } = this.desk
    const now = latest?.kind === 'transition' ? latest.event.type : ''
    return html`<section><h3>Listens to</h3><div class="events">${events.map(
      (event) => html`<span class="event ${event === now ? 'now' : ''}">${event}</span>`,
    )}</div></section>`
  }

  /** The latest first, with their positions. */
  #recent(
    node: string,
    actor: string,
    max = recentMax,
    wanted: (record: TransitionRecord) => boolean = () => true,
  ): [number, TransitionRecord][] {
    const { story, position } = this.desk
    const found: [number, TransitionRecord][] = []
    for (let at = position - 1; at >= Math.max(story.first, position - searchedMax) && found.length < max; at--) {
      const record = story.record(at)
      if (record?.kind !== 'transition' || record.node !== node || record.actor !== actor) continue
      if (wanted(record)) found.push([at, record])
    }
    return found
  }
}

/** Nested lists; long ones are cut. */
function tree(value: Json): TemplateResult {
  if (typeof value !== 'object' || value === null) return html`<span class="mono">${String(value)}</span>`
  const entries = Object.entries(value)
  if (entries.length === 0) return html`<span class="faint">${Array.isArray(value) ? 'none' : '–'}</span>`
  return html`<ul class="tree">${entries
    .slice(0, 100)
    .map(
      ([key, item]) => html`<li><span class="key">${key}</span> ${tree(item)}</li>`,
    )}${entries.length > 100 ? html`<li class="faint">and ${entries.length - 100} more</li>` : nothing}</ul>`
}

customElements.define('reeve-chart-view', ChartView)
