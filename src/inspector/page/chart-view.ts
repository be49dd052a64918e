/** One actor's chart: what is active, what was taken last, what it knows, what it listens to, what it did lately. */

import { html, nothing, type TemplateResult } from 'lit'
import type { ActorView, TransitionRecord } from '../record.ts'
import { chartStyle } from './chart-colours.ts'
import { chartLook } from './chart-look.ts'
import { Drawing } from './drawing.ts'
import { badge, clockTime, eventName, grouped, look, statePath, toneOf } from './look.ts'
import { Part } from './part.ts'
import { Pulses } from './pulses.ts'
import { tree, treeLook } from './tree.ts'

const recentMax = 40
/** How far back they are looked for. */
const searchedMax = 5000
/** Further than this is a leap in time: what lies between is not shown one by one. */
const leap = 2000
const zoomStep = 1.25

interface Chosen {
  readonly node: string
  readonly view: ActorView
  /** It is no more; these are its last states. */
  readonly stopped: boolean
}

export class ChartView extends Part {
  static override styles = [look, chartStyle, treeLook, chartLook]

  static override properties = { ...Part.properties, zoom: { state: true } }
  /** Undefined: all of the drawing is in sight. */
  declare zoom: number | undefined
  readonly #pulses = new Pulses(() => this.requestUpdate())
  #inSight = ''
  #drawing: { readonly chart: string; readonly drawing: Drawing | undefined } | undefined
  /** Whose transitions were shown, and up to which position. */
  #seen = { actor: '', position: 0 }
  #last: Chosen | undefined

  constructor() {
    super()
    this.zoom = 1
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#pulses.clear()
  }

  override render() {
    const chosen = this.#chosen()
    if (!chosen) return html`<div class="empty" role="status">No actor with a chart was told of yet.</div>`
    this.#follow(chosen)
    const { node, view, stopped } = chosen
    const shown = this.#pulses.shown
    const states = shown?.after ?? view.states
    const recent = this.#recent(node, view.actor)
    return html`
      <div class="stage" @keydown=${this.#key}>
        <div class="pick">
          <select aria-label="Actor" @change=${this.#choose}>${this.#options(chosen)}</select>
          ${stopped ? badge('stopped') : states.map((state) => badge(statePath(state) || state, toneOf(state), state))}
          ${shown ? html`<span class="event now" aria-hidden="true">${eventName(shown.event.type)}</span>` : nothing}
          <span class="zoom" role="group" aria-label="Size of the drawing">
            <button title="Smaller (-)" aria-label="Smaller" @click=${() => this.#resize(1 / zoomStep)}>−</button>
            <button title="All of the drawing in sight (0)" aria-pressed=${this.zoom === undefined} @click=${() => this.#fit()}>fit</button>
            <button title="Larger (+)" aria-label="Larger" @click=${() => this.#resize(zoomStep)}>+</button>
          </span>
        </div>
        <div class="drawing ${this.zoom === undefined ? 'whole' : ''}" tabindex="0" role="group"
          aria-label="Chart of ${view.id}: ${states.map(statePath).join(', ')}"></div>
      </div>
      <aside aria-label="What is known of it">
        <section class="who"><h2 class="clip" title=${view.actor}>${view.id}</h2>
          <span class="faint clip">on ${node}, since ${clockTime(view.startedMs)}, ${grouped(view.handled)} events</span>
          <a href="#/sequence" @click=${(event: Event) => this.#messages(event, chosen)}>its messages</a></section>
        ${this.#listens(view, shown)}
        <section><h3>Context</h3>${tree(view.context)}</section>
        <section><h3>Lately</h3>${recent.length === 0 ? html`<span class="faint">nothing yet</span>` : nothing}
          <ol class="recent">${recent.map((each) => this.#line(...each))}</ol></section>
      </aside>
    `
  }

  #line(position: number, record: TransitionRecord): TemplateResult {
    const here = position === this.desk.position - 1
    const { event, taken, after, from, actor, atMs } = record
    const by = from === null ? 'outside' : from === actor ? 'itself' : from.slice(from.lastIndexOf('/') + 1)
    return html`<li class="${taken.length > 0 ? '' : 'idle'} ${here ? 'here' : ''}">
      <a href="#/chart" class="mono" title="Go to this moment" @click=${(click: Event) => this.#goTo(click, position)}>${clockTime(atMs)}</a>
      <span>${eventName(event.type)} <span class="faint">from ${by}</span>
        ${taken.length > 0 ? html`<br />→ ${after.map(statePath).join(', ')}` : nothing}</span></li>`
  }

  override updated(): void {
    const chosen = this.#chosen()
    const place = this.renderRoot.querySelector<HTMLElement>('.drawing')
    if (!chosen || !place) return
    const drawing = this.#drawn(chosen.view.chart as string)
    if (!drawing) {
      place.textContent = `There is no drawing of ${chosen.view.chart}: it is of another version.`
      return
    }
    const { svg } = drawing
    if (place.firstChild !== svg) place.replaceChildren(svg)
    // The page's policy allows no styles in its text, but sizes by properties.
    svg.style.width = this.zoom === undefined ? '' : `${Math.round(drawing.width * this.zoom)}px`
    const shown = this.#pulses.shown
    const states = shown?.after ?? (chosen.stopped ? [] : chosen.view.states)
    drawing.light(states)
    drawing.heat(shown?.taken ?? this.#ledHere(chosen))
    this.#reveal(drawing, states[0] ?? '')
  }

  /** Standing still: what led here stays lit. */
  #ledHere({ node, view }: Chosen): readonly string[] {
    const { latest, isNow, playing } = this.desk
    if (isNow || playing || latest?.kind !== 'transition') return []
    return latest.node === node && latest.actor === view.actor ? latest.taken : []
  }

  /** What happened to it since it was drawn last waits to be shown. */
  #follow({ node, view: { actor } }: Chosen): void {
    const { story, position } = this.desk
    const whose = `${node} ${actor}`
    const { position: from } = this.#seen
    const same = whose === this.#seen.actor
    this.#seen = { actor: whose, position }
    if (!same || position < from || position - from > leap) {
      this.#pulses.clear()
      return
    }
    const news = story.between(from, position).filter((record): record is TransitionRecord => {
      return record.kind === 'transition' && record.node === node && record.actor === actor && record.taken.length > 0
    })
    this.#pulses.add(news)
  }

  #drawn(chart: string): Drawing | undefined {
    if (this.#drawing?.chart !== chart) this.#drawing = { chart, drawing: Drawing.of(chart) }
    return this.#drawing.drawing
  }

  /** Where it is now, once each time it gets somewhere else: the reader may look elsewhere meanwhile. */
  #reveal(drawing: Drawing, state: string): void {
    if (state === this.#inSight) return
    this.#inSight = state
    const box = drawing.svg.querySelector(`[id="${CSS.escape(state)}"]`)?.getBoundingClientRect()
    const frame = drawing.svg.parentElement
    if (!box || !frame) return
    // Within its frame: on a narrow screen the page itself would move under the reader, too.
    const { left, top, width, height } = frame.getBoundingClientRect()
    frame.scrollBy(box.left + box.width / 2 - left - width / 2, box.top + box.height / 2 - top - height / 2)
  }

  /** The selected one, also where it just stopped; else the first that there is. */
  #chosen(): Chosen | undefined {
    const { selection, moment } = this.desk
    const nodes = [...moment.nodes].sort(([one], [other]) => (one < other ? -1 : 1))
    if (selection) {
      const view = moment.nodes.get(selection.node)?.actors.get(selection.actor)
      if (view?.chart) {
        this.#last = { node: selection.node, view, stopped: false }
        return this.#last
      }
      if (this.#last?.node === selection.node && this.#last.view.actor === selection.actor) {
        return { ...this.#last, stopped: true }
      }
      const ended = this.#ended(selection.node, selection.actor)
      if (ended) return ended
    }
    for (const [node, { actors }] of nodes) {
      for (const view of actors.values()) if (view.chart) return { node, view, stopped: false }
    }
    return undefined
  }

  /** As it was when it began; one that stopped before the page came to it. */
  #ended(node: string, actor: string): Chosen | undefined {
    const { story, position } = this.desk
    for (let at = position - 1; at >= Math.max(story.first, position - searchedMax); at--) {
      const record = story.record(at)
      if (record?.kind !== 'started' || record.node !== node || record.actor !== actor || !record.chart) continue
      const { parent, id, chart, logic, after, context, sequence, atMs } = record
      const view = { actor, parent, id, chart, logic, states: after, context }
      return { node, view: { ...view, startedAt: sequence, startedMs: atMs, handled: 0 }, stopped: true }
    }
    return undefined
  }

  #options({ node, view, stopped }: Chosen): TemplateResult[] {
    const nodes = [...this.desk.moment.nodes].sort(([one], [other]) => (one < other ? -1 : 1))
    return nodes.map(([name, { actors }]) => {
      const charts = [...actors.values()].filter(({ chart }) => chart !== null)
      if (stopped && name === node) charts.push(view)
      return html`<optgroup label=${name}>${charts.map((each) => {
        const chosen = name === node && each.actor === view.actor
        return html`<option value=${JSON.stringify([name, each.actor])} .selected=${chosen}>${name}: ${each.id}</option>`
      })}</optgroup>`
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

  #messages(event: Event, { node, view }: Chosen): void {
    event.preventDefault()
    this.desk.show('sequence', { node, actor: view.actor })
  }

  #listens({ chart, states }: ActorView, shown: TransitionRecord | undefined): TemplateResult {
    const events = [
      ...(this.#drawn(chart as string)
        ?.accepted(states)
        .keys() ?? []),
    ].sort()
    const { latest } = this.desk
    const now = shown?.event.type ?? (latest?.kind === 'transition' ? latest.event.type : '')
    return html`<section><h3>Listens to</h3><div class="events">${events.map((event) =>
      event.startsWith('xstate.')
        ? html`<span class="event own" title=${event}>${eventName(event)}</span>`
        : html`<span class="event ${event === now ? 'now' : ''}">${event}</span>`,
    )}${events.length === 0 ? html`<span class="faint">nothing any more</span>` : nothing}</div></section>`
  }

  /** The latest first, with their positions. */
  #recent(node: string, actor: string): [number, TransitionRecord][] {
    const { story, position } = this.desk
    const found: [number, TransitionRecord][] = []
    for (let at = position - 1; at >= Math.max(story.first, position - searchedMax); at--) {
      const record = story.record(at)
      if (record?.kind !== 'transition' || record.node !== node || record.actor !== actor) continue
      if (found.push([at, record]) === recentMax) break
    }
    return found
  }

  #resize(by: number): void {
    const svg = this.#drawing?.drawing?.svg
    const now = this.zoom ?? (svg ? svg.getBoundingClientRect().width / (this.#drawing?.drawing?.width ?? 1) : 1)
    this.zoom = Math.max(0.25, Math.min(4, now * by))
  }

  #fit(): void {
    this.zoom = this.zoom === undefined ? 1 : undefined
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return
    if (event.key === '+' || event.key === '=') this.#resize(zoomStep)
    else if (event.key === '-') this.#resize(1 / zoomStep)
    else if (event.key === '0') this.zoom = undefined
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}

customElements.define('reeve-chart-view', ChartView)
