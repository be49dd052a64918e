/**
 * The cluster at a glance: a card for each node, and for each topic how far every log reaches on every node, so that one
 * sees prefixes grow.
 */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { LogFacts } from '../facts.ts'
import type { NodeReplay } from '../replay.ts'
import { badge, duration, grouped, hueOf, look } from './look.ts'
import { Part } from './part.ts'

interface Copy {
  readonly node: string
  readonly log: LogFacts
}

interface Row {
  readonly topic: string
  readonly origin: string
  readonly epoch: string
  readonly end: number
  /** By node. */
  readonly copies: ReadonlyMap<string, Copy>
}

/** Logs of a topic, the ones that reach furthest first; more are a sentence. */
const rowsMax = 40

export class ClusterView extends Part {
  static override styles = [
    look,
    css`
      :host {
        padding: 16px;
        display: grid;
        gap: 16px;
        max-width: 1400px;
        margin: 0 auto;
      }
      .nodes {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(260px, 1fr));
        gap: 12px;
      }
      .card {
        padding: 12px 14px;
        display: grid;
        gap: 8px;
        align-content: start;
      }
      .card header {
        display: flex;
        align-items: baseline;
        justify-content: space-between;
        gap: 8px;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 2px 12px;
        margin: 0;
      }
      dt {
        color: var(--faint);
      }
      dd {
        margin: 0;
        text-align: right;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .links {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
      }
      table {
        border-collapse: collapse;
        width: 100%;
      }
      th {
        text-align: left;
        font-weight: 500;
        color: var(--faint);
        font-size: 12px;
        padding: 8px 12px;
        border-bottom: 1px solid var(--rule);
      }
      td {
        padding: 6px 12px;
        border-bottom: 1px solid var(--rule);
        white-space: nowrap;
      }
      tr:last-child td {
        border-bottom: 0;
      }
      .scroll {
        overflow-x: auto;
      }
      .log {
        width: 1%;
      }
      svg {
        display: block;
        width: 100%;
        min-width: 90px;
        height: 8px;
      }
      .title {
        padding: 12px 14px 4px;
        display: flex;
        gap: 10px;
        align-items: baseline;
      }
    `,
  ]

  override render() {
    const { nodes, relays } = this.desk.moment
    const all = [...nodes.values()].sort((one, other) => (one.node < other.node ? -1 : 1))
    if (all.length === 0) return html`<div class="empty">Nothing was told yet.</div>`
    const unseen = [...relays.values()].filter(
      ({ node, state }) => state !== 'open' && state !== 'gone' && !nodes.has(node),
    )
    return html`
      <div class="nodes">
        ${all.map((node) => this.#card(node))}
        ${unseen.map(
          ({ node, state, reason }) => html`<section class="panel card">
            <header><h2>${node}</h2>${badge(state)}</header>
            <span class="faint">${reason?.message ?? 'It tells nothing yet.'}</span>
          </section>`,
        )}
      </div>
      ${topicsOf(all).map(([topic, rows]) => this.#topic(topic, rows, all))}
    `
  }

  #card(replay: NodeReplay): TemplateResult {
    const { node, gossip, load, links = [], alarms = [] } = replay.facts
    const gone = replay.actors.size === 0
    return html`<section class="panel card" aria-label="Node ${replay.node}">
      <header>
        <h2>${replay.node}</h2>
        ${gone ? badge('stopped') : badge(node?.phase ?? 'starting', node?.phase === 'serving' ? 'good' : undefined)}
      </header>
      <dl>
        <dt>Peers</dt><dd>${node?.rpcAddress ?? '–'}</dd>
        <dt>Written, copied</dt><dd>${load ? `${grouped(load.written)}, ${grouped(load.copied)} in ${duration(load.periodMs)}` : '–'}</dd>
        <dt>Event loop</dt><dd>${load ? `${duration(load.loopDelayMs)} late` : '–'}</dd>
        ${gossip && gossip.health > 0 ? html`<dt>Health</dt><dd>${badge(`slow (${gossip.health})`, 'busy')}</dd>` : nothing}
      </dl>
      <div class="links">
        ${links.map(({ peer, state, lagRecords }) => badge(lagRecords > 0 ? `${peer} −${grouped(lagRecords)}` : peer, toneOfLink(state), `copies from ${peer}: ${state}`))}
      </div>
      ${alarms.map(({ severity, text }) => badge(text, severity === 'error' ? 'bad' : 'busy'))}
    </section>`
  }

  #topic(topic: string, rows: readonly Row[], nodes: readonly NodeReplay[]): TemplateResult {
    return html`<section class="panel" aria-label="Topic ${topic}">
      <div class="title"><h2>${topic}</h2><span class="faint">${rows.length} ${rows.length === 1 ? 'log' : 'logs'}</span></div>
      <div class="scroll"><table>
        <thead><tr><th class="log">Written by</th>${nodes.map(({ node }) => html`<th>on ${node}</th>`)}</tr></thead>
        <tbody>${rows.slice(0, rowsMax).map((row) => this.#row(row, nodes))}</tbody>
      </table></div>
      ${rows.length > rowsMax ? html`<div class="empty">and ${rows.length - rowsMax} more</div>` : nothing}
    </section>`
  }

  #row(row: Row, nodes: readonly NodeReplay[]): TemplateResult {
    return html`<tr>
      <td class="log">${row.origin} <span class="faint mono" title=${row.epoch}>${row.epoch.slice(-6)}</span></td>
      ${nodes.map(({ node }) => {
        const copy = row.copies.get(node)
        if (!copy) return html`<td class="faint">–</td>`
        const { start, end, own } = copy.log
        return html`<td title="${grouped(start)} to ${grouped(end)}">
          <span class="number">${grouped(end)}</span>${own ? html` <span class="faint">writes</span>` : nothing}
          ${bar(start, end, row.end, hueOf(row.origin), own)}
        </td>`
      })}
    </tr>`
  }
}

function toneOfLink(state: string) {
  if (state === 'live') return 'good'
  if (state === 'diverged') return 'bad'
  return state === 'parked' ? 'quiet' : 'busy'
}

/** How much of a log is here, of the most that anybody has. */
function bar(start: number, end: number, longest: number, hue: number, own: boolean): TemplateResult {
  const at = (offset: number) => (longest === 0 ? 0 : (100 * offset) / longest)
  return html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect width="100" height="8" rx="2" fill="var(--quiet-fill)"></rect>
    <rect x=${at(start)} width=${at(end - start)} height="8" rx="2" fill="hsl(${hue} 55% ${own ? 45 : 60}%)"></rect>
  </svg>`
}

/** By topic, those of users first; in each by writer, its latest run first. */
function topicsOf(nodes: readonly NodeReplay[]): [string, Row[]][] {
  const rows = new Map<string, Row & { copies: Map<string, Copy>; end: number }>()
  for (const { node, facts } of nodes) {
    for (const log of facts.logs?.entries ?? []) {
      const { topic, origin, epoch } = log
      const key = `${topic}/${origin}/${epoch}`
      const row = rows.get(key) ?? { topic, origin, epoch, end: 0, copies: new Map() }
      row.copies.set(node, { node, log })
      rows.set(key, { ...row, end: Math.max(row.end, log.end) })
    }
  }
  const topics = new Map<string, Row[]>()
  const sorted = [...rows.values()].sort(
    (one, other) => compare(one.origin, other.origin) || compare(other.epoch, one.epoch),
  )
  for (const row of sorted) topics.set(row.topic, [...(topics.get(row.topic) ?? []), row])
  const own = (topic: string) => (topic.startsWith('_') ? 1 : 0)
  return [...topics].sort(([one], [other]) => own(one) - own(other) || compare(one, other))
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

customElements.define('reeve-cluster-view', ClusterView)
