/** Who told whom what: a lane for each actor, a message a row, the newest at the end; linked with the charts and the time. */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import './rows.ts'
import type { TraceRecord, TransitionRecord } from '../record.ts'
import { clockTime, look, statePath } from './look.ts'
import { Part } from './part.ts'

const shownMax = 2000
const laneWidth = 150
const rowHeight = 30

interface Message {
  readonly position: number
  readonly atMs: number
  readonly from: string | null
  readonly to: string
  readonly type: string
  readonly states: readonly string[]
  readonly taken: boolean
  readonly node: string
  readonly actor: string
}

export class SequenceView extends Part {
  static override styles = [
    look,
    css`
      :host {
        height: 100%;
        display: grid;
        grid-template-rows: auto auto 1fr;
        overflow-x: auto;
      }
      .tools {
        display: flex;
        gap: 12px;
        align-items: center;
        padding: 12px 16px;
        flex-wrap: wrap;
        position: sticky;
        left: 0;
      }
      .lanes {
        background: var(--raised);
        border-top: 1px solid var(--frame);
        border-bottom: 1px solid var(--frame);
      }
      .lanes text {
        font-size: 12px;
        fill: var(--ink);
      }
      .lanes .of {
        fill: var(--faint);
        font-size: 11px;
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
  }
  declare sought: string
  /** Empty: all. Undefined: whichever is selected, else the first. */
  declare node: string | undefined
  declare onlyTaken: boolean

  constructor() {
    super()
    this.sought = ''
    this.node = undefined
    this.onlyTaken = false
  }

  override render() {
    const names = [...this.desk.moment.nodes.keys()].sort()
    const node = this.node ?? this.desk.selection?.node ?? names[0] ?? ''
    const messages = this.#messages(node)
    const lanes = lanesOf(messages)
    const width = 120 + laneWidth * Math.max(1, lanes.size)
    return html`
      <div class="tools">
        <select aria-label="Node" @change=${(event: Event) => {
          this.node = (event.target as HTMLSelectElement).value
        }}>
          <option value="" ?selected=${node === ''}>all nodes</option>
          ${names.map((name) => html`<option value=${name} ?selected=${name === node}>${name}</option>`)}
        </select>
        <input type="search" placeholder="Event or actor" aria-label="Search messages" .value=${this.sought}
          @input=${(event: Event) => {
            this.sought = (event.target as HTMLInputElement).value
          }} />
        <label><input type="checkbox" .checked=${this.onlyTaken} @change=${(event: Event) => {
          this.onlyTaken = (event.target as HTMLInputElement).checked
        }} /> only those that led to another state</label>
        <span class="faint">${messages.length} messages</span>
      </div>
      <svg class="lanes" width=${width} height="44" aria-hidden="true">${[...lanes].map(
        ([
          lane,
          at,
        ]) => svg`<text x=${120 + laneWidth * at + laneWidth / 2} y="18" text-anchor="middle">${short(lane)}</text>
          <text class="of" x=${120 + laneWidth * at + laneWidth / 2} y="34" text-anchor="middle">${lane.split(' ')[0]}</text>`,
      )}</svg>
      <reeve-rows role="list" aria-label="Messages" .count=${messages.length} .rowHeight=${rowHeight} .version=${messages}
        .follow=${this.desk.isNow}
        .drawRow=${(index: number) => this.#row(messages[index] as Message, lanes, width)} @click=${this.#pick}></reeve-rows>
    `
  }

  #row(message: Message, lanes: ReadonlyMap<string, number>, width: number): TemplateResult {
    const middle = (lane: string) => 120 + laneWidth * (lanes.get(lane) ?? 0) + laneWidth / 2
    const to = middle(message.to)
    const from = message.from === null ? to - laneWidth / 2 + 8 : middle(message.from)
    const self = message.from === message.to
    const way = to >= from ? -1 : 1
    const states = message.taken ? ` → ${message.states.map(statePath).join(', ')}` : ''
    const label = `${message.type}${states}`
    return html`<svg class="message" role="listitem" data-position=${message.position} width=${width} height=${rowHeight} tabindex="0"
        aria-label="${clockTime(message.atMs)} ${label}">
      <title>${label}</title>
      <text class="at" x="12" y="19">${clockTime(message.atMs)}</text>
      ${[...lanes.values()].map((at) => svg`<line class="lane" x1=${120 + laneWidth * at + laneWidth / 2} x2=${120 + laneWidth * at + laneWidth / 2} y1="0" y2=${rowHeight}></line>`)}
      ${
        self
          ? svg`<path class="arrow" d="M${to} 8h14v12h-8"></path><path class="head" d="M${to + 2} 20l6 -3v6z"></path>`
          : svg`<line class="arrow" x1=${from} x2=${to + way * 6} y1="22" y2="22"></line>
            <path class="head" d="M${to} 22l${way * 7} -3.5v7z"></path>`
      }
      <text class="label ${message.taken ? 'taken' : ''}" x=${self ? to + 20 : (from + to) / 2} y="15"
        text-anchor=${self ? 'start' : 'middle'}>${message.type}</text>
      ${message.taken && !self ? svg`<circle class="dot" cx=${to} cy="22" r="2"></circle>` : nothing}
    </svg>`
  }

  #messages(node: string): Message[] {
    const { story, position } = this.desk
    const sought = this.sought.trim().toLowerCase()
    const found: Message[] = []
    for (let at = position - 1; at >= Math.max(story.first, position - 20_000) && found.length < shownMax; at--) {
      const record = story.record(at)
      if (record?.kind !== 'transition') continue
      if (node !== '' && record.node !== node) continue
      if (this.onlyTaken && record.taken.length === 0) continue
      const message = messageOf(at, record)
      if (sought === '' || `${message.type} ${message.from ?? ''} ${message.to}`.toLowerCase().includes(sought)) {
        found.push(message)
      }
    }
    return found.reverse()
  }

  #pick(event: Event): void {
    const row = (event.composedPath() as Element[]).find(
      (element) => element instanceof SVGElement && element.dataset.position,
    )
    if (!(row instanceof SVGElement)) return
    const position = Number(row.dataset.position)
    const record = this.desk.story.record(position) as TraceRecord | undefined
    if (record?.kind !== 'transition') return
    this.desk.goTo(position + 1)
    this.desk.show('chart', { node: record.node, actor: record.actor })
  }
}

function messageOf(position: number, record: TransitionRecord): Message {
  const { node, actor, from, event, after, taken, atMs } = record
  return {
    ...{ position, atMs, node, actor },
    from: from === null ? null : `${node} ${from}`,
    to: `${node} ${actor}`,
    type: event.type,
    states: after,
    taken: taken.length > 0,
  }
}

/** Lanes in the order of the tree, node by node. */
function lanesOf(messages: readonly Message[]): ReadonlyMap<string, number> {
  const names = new Set<string>()
  for (const { from, to } of messages) {
    if (from !== null) names.add(from)
    names.add(to)
  }
  return new Map([...names].sort().map((name, at) => [name, at]))
}

/** The actor's own name: what stands behind its parent's. */
function short(lane: string): string {
  const parts = lane.slice(lane.indexOf(' ') + 1).split('/')
  const text = parts.includes('replicator') ? parts.slice(parts.indexOf('replicator')).join('/') : (parts.at(-1) ?? '')
  return text.length > 20 ? `${text.slice(0, 19)}…` : text
}

customElements.define('reeve-sequence-view', SequenceView)
