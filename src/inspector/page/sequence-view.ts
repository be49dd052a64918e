/** Who told whom what: a lane for each actor, a message a row, the newest at the end; linked with the charts and the time. */

import { css, html, nothing, type PropertyValues, svg, type TemplateResult } from 'lit'
import './rows.ts'
import { clockTime, eventName, grouped, look, statePath } from './look.ts'
import { markSigns } from './marks.ts'
import { type Aside, type Lane, lanesOf, type Message, Messages } from './messages.ts'
import { Part } from './part.ts'
import type { RowPlace, Rows } from './rows.ts'

const timeWidth = 112
const laneMin = 74
const laneMax = 190
const rowHeight = 30
const toldHeight = 46
/** Narrower than this there are no lanes: each message says from whom to whom. */
const narrow = 620

export class SequenceView extends Part {
  static override styles = [
    look,
    css`
      :host {
        height: 100%;
        display: grid;
        grid-template-rows: auto auto minmax(0, 1fr);
        overflow-x: auto;
        overflow-y: hidden;
      }
      .tools {
        display: flex;
        gap: 8px 16px;
        align-items: center;
        padding: 12px 16px;
        flex-wrap: wrap;
        position: sticky;
        left: 0;
        max-width: 100vw;
      }
      select {
        max-width: 200px;
      }
      .lanes {
        background: var(--raised);
        border-top: 1px solid var(--frame);
        border-bottom: 1px solid var(--frame);
        display: block;
      }
      .lanes text {
        font-size: 12px;
        font-weight: 500;
        fill: var(--ink);
      }
      .lanes .of {
        fill: var(--text);
        font-weight: 600;
      }
      .lanes .whose {
        fill: var(--faint);
        font-weight: 400;
      }
      .lanes rect {
        fill: var(--quiet-fill);
      }
      reeve-rows {
        background: var(--raised);
      }
    `,
  ]
  static override properties = {
    ...Part.properties,
    sought: { state: true },
    node: { state: true },
    onlyTaken: { state: true },
    onlyActor: { state: true },
    width: { state: true },
    sight: { state: true },
  }
  declare sought: string
  /** Empty: all. Undefined: whichever is selected, else the first. */
  declare node: string | undefined
  declare onlyTaken: boolean
  /** Only what the selected actor hears and says. */
  declare onlyActor: boolean
  declare width: number
  /** Which rows are in sight. */
  declare sight: string
  readonly #all = new Messages()
  #messages: readonly (Message | Aside)[] = []
  #lanes: readonly Lane[] = []
  /** The middle of each. */
  #laneX: ReadonlyMap<string, number> = new Map()
  /** All of them, as one path: of a row it is drawn as often as there are rows in sight. */
  #laneLines = ''
  /** Another one where rows are to be drawn anew. */
  #version: unknown
  #drawnOf = ''
  #laneWidth = laneMax
  readonly #resized = new ResizeObserver(([entry]) => {
    this.width = Math.round(entry?.contentRect.width ?? this.width)
  })

  constructor() {
    super()
    this.sought = ''
    this.node = undefined
    this.onlyTaken = false
    this.onlyActor = false
    this.width = 0
    this.sight = ''
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#resized.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#resized.disconnect()
  }

  override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    const { desk } = this
    const { selection } = desk
    const node = this.#shownNode()
    const actor = this.onlyActor && selection?.node === node ? selection.actor : undefined
    const text = this.sought.trim().toLowerCase()
    const rows = this.#rows()
    const hold = desk.isNow && rows !== null && !rows.follow
    const messages = this.#all.of(desk.story, desk.position, { node, text, onlyTaken: this.onlyTaken, actor }, hold)
    const more = messages !== this.#messages
    this.#messages = messages
    this.#lanes = lanesOf(this.#inSight(rows))
    const room = this.width - timeWidth - 24
    this.#laneWidth = Math.max(laneMin, Math.min(laneMax, room / Math.max(1, this.#lanes.length)))
    const middle = (at: number) => timeWidth + this.#laneWidth * (at + 0.5)
    this.#laneX = new Map(this.#lanes.map(({ key }, at) => [key, middle(at)]))
    this.#laneLines = this.#lanes.map((_, at) => `M${middle(at)} 0V${rowHeight}`).join('')
    const drawnOf = JSON.stringify([[...this.#laneX], this.width, desk.isNow || desk.position])
    if (more || drawnOf !== this.#drawnOf) this.#version = {}
    this.#drawnOf = drawnOf
  }

  override render() {
    const { desk } = this
    const names = [...desk.moment.nodes.keys()].sort()
    const node = this.#shownNode()
    const messages = this.#messages
    const told = this.width > 0 && this.width < narrow
    const { selection } = desk
    const count = messages.reduce((sum, message) => sum + (message.what === 'message' ? message.times : 0), 0)
    return html`
      <div class="tools">
        <select aria-label="Node" @change=${(event: Event) => {
          this.node = (event.target as HTMLSelectElement).value
        }}>
          <option value="" .selected=${node === ''}>all nodes</option>
          ${names.map((name) => html`<option value=${name} .selected=${name === node}>${name}</option>`)}
        </select>
        <input type="search" placeholder="Search: event, actor" aria-label="Search messages" .value=${this.sought}
          @input=${(event: Event) => {
            this.sought = (event.target as HTMLInputElement).value
          }} />
        <label><input type="checkbox" .checked=${this.onlyTaken} @change=${(event: Event) => {
          this.onlyTaken = (event.target as HTMLInputElement).checked
        }} /> only those that led to another state</label>
        ${
          selection && selection.node === node
            ? html`<label class="clip" title=${selection.actor}><input type="checkbox" .checked=${this.onlyActor} @change=${(
                event: Event,
              ) => {
                this.onlyActor = (event.target as HTMLInputElement).checked
              }} /> only ${selection.actor.slice(selection.actor.indexOf('/') + 1)}</label>`
            : nothing
        }
        <span class="faint" role="status">${grouped(count)} messages</span>
      </div>
      ${told || count === 0 ? html`<div></div>` : this.#heads()}
      ${
        messages.length === 0
          ? html`<div class="empty">No message fits.</div>`
          : html`<reeve-rows .kind=${'listbox'} .label=${'Messages'} .count=${messages.length} .rowHeight=${told ? toldHeight : rowHeight}
            .version=${this.#version} .tail=${true} .drawRow=${told ? this.#told : this.#drawn} @picked=${this.#pick} @sight=${this.#saw}></reeve-rows>`
      }
    `
  }

  override updated(changed: PropertyValues): void {
    const rows = this.#rows()
    if (!rows) return
    // As wide as its lanes, and no narrower than what there is.
    rows.style.minWidth = `${Math.min(this.#fullWidth(), 20_000)}px`
    // To another moment, not while somebody reads what led to this one.
    const moment = this.desk.isNow ? 'now' : this.desk.position
    if (changed.has('desk') || this.#moment !== moment) rows.follow = true
    this.#moment = moment
  }
  #moment: 'now' | number | undefined

  #rows(): Rows | null {
    return this.renderRoot.querySelector<Rows>('reeve-rows')
  }

  #shownNode(): string {
    const names = [...this.desk.moment.nodes.keys()].sort()
    // A file that was opened since has others.
    const wanted = this.node ?? this.desk.selection?.node
    return wanted === '' || (wanted !== undefined && names.includes(wanted)) ? wanted : (names[0] ?? '')
  }

  #fullWidth(): number {
    return this.width < narrow ? 0 : timeWidth + this.#laneWidth * this.#lanes.length
  }

  /** Lanes of which nothing is in sight would only push the others apart. */
  #inSight(rows: Rows | null): readonly (Message | Aside)[] {
    const sight = rows?.sight
    if (!rows || !sight || sight.last <= sight.first) return this.#messages.slice(-40)
    const { first, last } = sight
    return rows.follow ? this.#messages.slice(first - last - 1) : this.#messages.slice(first, last)
  }

  #saw(event: Event): void {
    const { first, last } = (event.target as Rows).sight
    this.sight = `${first} ${last}`
  }

  #x(lane: string): number {
    // One that is just out of sight comes from beside the first.
    return this.#laneX.get(lane) ?? timeWidth - this.#laneWidth / 2
  }

  #heads(): TemplateResult {
    const lanes = this.#lanes
    const width = this.#laneWidth
    const nodes = [...new Set(lanes.map(({ node }) => node))]
    const letters = Math.floor(width / 7.2)
    return html`<svg class="lanes" width=${Math.max(this.#fullWidth(), this.width)} height=${lanes.some(({ of }) => of !== '') ? 62 : 50} aria-hidden="true">
      ${nodes.map((node) => {
        const from = lanes.findIndex((lane) => lane.node === node)
        const count = lanes.filter((lane) => lane.node === node).length
        const x = timeWidth + from * width
        return svg`<rect x=${x + 3} y="4" width=${count * width - 6} height="18" rx="4"></rect>
          <text class="of" x=${x + (count * width) / 2} y="17" text-anchor="middle">${cut(node, Math.floor((count * width) / 7.5))}<title>${node}</title></text>`
      })}
      ${lanes.map(
        ({ short, of }, at) =>
          svg`<text x=${timeWidth + width * (at + 0.5)} y="39" text-anchor="middle">${cut(short, letters)}<title>${short} ${of}</title></text>
            <text class="whose" x=${timeWidth + width * (at + 0.5)} y="54" text-anchor="middle">${cut(of, letters)}</text>`,
      )}</svg>`
  }

  readonly #drawn = (index: number, place: RowPlace): TemplateResult => {
    const message = this.#messages[index]
    if (!message) return html``
    const width = this.#fullWidth()
    const { text, time } = spoken(message)
    const here = message.position === this.desk.position - 1 && !this.desk.isNow ? 'here' : ''
    return html`<svg class="message ${place.current} ${here}" id=${place.id} role="option" aria-selected=${here !== ''} aria-setsize=${place.of}
        aria-posinset=${place.place} width=${Math.max(width, this.width)} height=${rowHeight} aria-label="${time} ${text}">
      <title>${text}</title>
      <text class="at" x="14" y="20">${time}</text>
      <path class="lane" d=${this.#laneLines}></path>
      ${message.what === 'aside' ? this.#aside(message, width) : this.#arrow(message)}
    </svg>`
  }

  #aside({ text, kind }: Aside, width: number): TemplateResult {
    return svg`<line class="break ${kind}" x1=${timeWidth} x2=${Math.max(width, this.width)} y1="24" y2="24"></line>
      <text class="label aside ${kind}" x=${timeWidth + 8} y="17">${markSigns[kind]} ${cut(text, 160)}</text>`
  }

  #arrow({ from, to, type: whole, taken, times }: Message): TemplateResult {
    const type = `${cut(eventName(whole), 60)}${often(times)}`
    const end = this.#x(to)
    const led = taken ? 'taken' : 'none'
    if (from === to) {
      const way = end + 30 + type.length * 7 > Math.max(this.#fullWidth(), this.width) ? -1 : 1
      return svg`<path class="arrow ${led}" d="M${end} 9h${way * 16}v12h${way * -10}"></path>
        <path class="head ${led}" d="M${end + way} 21l${way * 7} -3.5v7z"></path>
        <text class="label ${led}" x=${end + way * 22} y="19" text-anchor=${way > 0 ? 'start' : 'end'}>${type}</text>`
    }
    const start = from === null ? end - this.#laneWidth / 2 + 6 : this.#x(from)
    const way = end >= start ? -1 : 1
    // Beside its arrow where it would not fit on it, on the side with more room.
    const fits = Math.abs(end - start) > type.length * 6.4
    const left = timeWidth + this.#laneWidth * (this.#lanes.length / 2) > end
    const x = fits ? (start + end) / 2 : left ? Math.max(start, end) + 8 : Math.min(start, end) - 8
    return svg`${from === null ? svg`<circle class="dot" cx=${start} cy="22" r="3"></circle>` : nothing}
      <line class="arrow ${led}" x1=${start} x2=${end + way * 7} y1="22" y2="22"></line>
      <path class="head ${led}" d="M${end + way} 22l${way * 8} -4v8z"></path>
      <text class="label ${led}" x=${x} y=${fits ? 16 : 26} text-anchor=${fits ? 'middle' : left ? 'start' : 'end'}>${type}</text>`
  }

  /** Where there is no room for lanes. */
  readonly #told = (index: number, place: RowPlace): TemplateResult => {
    const message = this.#messages[index]
    if (!message) return html``
    const { text, time } = spoken(message)
    const here = message.position === this.desk.position - 1 && !this.desk.isNow
    const way = message.what === 'message' ? `${name(message.from)} → ${name(message.to)}` : ''
    return html`<div class="row told ${place.current}" id=${place.id} role="option" aria-selected=${here} aria-setsize=${place.of}
        aria-posinset=${place.place} aria-label="${time} ${text}">
      <span class="mono faint">${time}</span>
      <span class="clip ${message.what === 'aside' ? `aside ${message.kind}` : message.taken ? 'taken' : ''}" title=${text}>${text}</span>
      <span class="clip faint way">${way}</span></div>`
  }

  #pick({ detail }: CustomEvent<number>): void {
    const message = this.#messages[detail]
    if (!message) return
    this.desk.goTo(message.position + 1)
    if (message.what === 'message') this.desk.show('chart', { node: message.node, actor: message.actor })
  }
}

function spoken(message: Message | Aside): { text: string; time: string } {
  const time = message.atMs === undefined ? '' : clockTime(message.atMs)
  if (message.what === 'aside') return { text: `${markSigns[message.kind]} ${message.text}`, time }
  const { times, sinceMs } = message
  const again = times > 1 ? `${often(times)} since ${clockTime(sinceMs)}` : ''
  const states = message.taken ? ` → ${message.states.map(statePath).join(', ')}` : ''
  return { text: `${eventName(message.type)}${again}${states}`, time }
}

function often(times: number): string {
  return times > 1 ? ` × ${grouped(times)}` : ''
}

function name(lane: string | null): string {
  if (lane === null) return 'outside'
  const actor = lane.slice(lane.indexOf('\u0000') + 1)
  return actor.slice(actor.indexOf('/') + 1)
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, Math.max(1, max - 1))}…` : text
}

customElements.define('reeve-sequence-view', SequenceView)
