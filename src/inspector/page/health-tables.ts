/** How gossip and the server of each node fare, as tables; on a narrow page as lists. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { GossipPart } from '../facts.ts'
import type { NodeReplay } from '../replay.ts'
import { badge, duration, grouped } from './look.ts'
import { fsync, room } from './node-card.ts'
import { sessionsTable } from './sessions-table.ts'

/** Of what went wrong, as words. */
const problemsMax = 3

export const tableLook = css`
  .scroll {
    overflow-x: auto;
  }
  table {
    border-collapse: collapse;
    width: 100%;
  }
  th,
  td {
    text-align: left;
    vertical-align: top;
    padding: 6px 14px;
    border-bottom: 1px solid var(--rule);
    font-weight: 400;
    font-variant-numeric: tabular-nums;
  }
  tbody th {
    font-weight: 600;
    max-width: 220px;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  thead th {
    color: var(--faint);
    font-size: 12px;
    white-space: nowrap;
  }
  tr:last-child > * {
    border-bottom: 0;
  }
  td small {
    display: block;
    font-size: 12px;
    color: var(--faint);
  }
  @media (max-width: 700px) {
    :is(table, tbody, tr, th, td) {
      display: block;
      max-width: none;
    }
    thead {
      display: none;
    }
    tr {
      padding: 8px 0;
      border-bottom: 1px solid var(--rule);
    }
    tr:last-child,
    th,
    td {
      border-bottom: 0;
    }
    tbody th,
    td {
      padding: 2px 14px;
    }
    td {
      display: grid;
      grid-template-columns: 45% minmax(0, 1fr);
      gap: 0 12px;
    }
    td small {
      grid-column: 2;
    }
    td .badge {
      justify-self: start;
    }
    td::before {
      content: attr(data-what);
      color: var(--faint);
    }
  }
`

type Cells = readonly (readonly [string, unknown])[]

export function healthTables(nodes: readonly NodeReplay[]): TemplateResult {
  return html`${panel('Gossip', nodes, gossip)}${panel('Servers', nodes, server)}${sessionsTable(nodes)}`
}

function panel(name: string, nodes: readonly NodeReplay[], cellsOf: (node: NodeReplay) => Cells): TemplateResult {
  const [first] = nodes
  const heads = first ? cellsOf(first).map(([head]) => head) : []
  return html`<section class="panel" aria-label=${name}><div class="title"><h2>${name}</h2></div>
    <div class="scroll" tabindex="0" role="group" aria-label="${name}, as a table"><table>
      <thead><tr><th scope="col">Node</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
      <tbody>${nodes.map(
        (node) =>
          html`<tr><th scope="row" title=${node.node}>${node.node}</th>${cellsOf(node).map(
            ([head, cell]) => html`<td data-what=${head}>${cell ?? html`<span class="faint">–</span>`}</td>`,
          )}</tr>`,
      )}</tbody></table></div></section>`
}

function gossip({ facts: { gossip: part } }: NodeReplay): Cells {
  const { stalls } = part ?? {}
  return [
    ['Health', part && (part.health === 0 ? badge('fine', 'good') : badge(`slow (${part.health} of 7)`, 'busy'))],
    ['Suspicions', part?.suspicions && suspicions(part.suspicions, part.flaps ?? 0)],
    ['Broadcasts waiting', part && grouped(Object.values(part.queued).reduce((sum, count) => sum + count, 0))],
    ['Stalls', stalls && (stalls.count === 0 ? 'none' : `${grouped(stalls.count)} (${duration(stalls.totalMs)})`)],
    ['Went wrong', part && problems(part)],
    [
      'Lamport times',
      part && html`${part.memberTime}, ${part.eventTime}, ${part.queryTime}<small>members, events, queries</small>`,
    ],
  ]
}

function suspicions(
  { raised, heard, refuted, confirmed, ofUs }: NonNullable<GossipPart['suspicions']>,
  flaps: number,
): unknown {
  if (raised + heard === 0) return 'none'
  const parts = [`${grouped(refuted)} refuted`, `${grouped(confirmed)} confirmed`]
  if (ofUs > 0) parts.push(`${grouped(ofUs)} of this node`)
  if (flaps > 0) parts.push(`${grouped(flaps)} came back within a minute`)
  return html`${grouped(raised)} raised, ${grouped(heard)} heard<small>${parts.join(', ')}</small>`
}

function problems({ problems: all }: GossipPart): unknown {
  const found = Object.entries(all).filter(([, count]) => count > 0)
  if (found.length === 0) return 'nothing'
  const shown = found.slice(0, problemsMax).map(([problem, count]) => `${problem.slice(0, 60)} ${grouped(count)}`)
  return html`${grouped(found.reduce((sum, [, count]) => sum + count, 0))}<small>${shown.join(', ')}${
    found.length > problemsMax ? ' …' : nothing
  }</small>`
}

function server({ facts: { node, server: part, load, disk } }: NodeReplay): Cells {
  const address = (text: string | null | undefined) => text && html`<span class="mono">${text}</span>`
  return [
    ['Phase', node && badge(node.phase)],
    ['Calls under way', part && grouped(part.calls)],
    ['Pages that watch', part && grouped(part.watchers)],
    ['Calls at', address(node?.rpcAddress)],
    ['Browsers at', address(node?.httpAddress)],
    ['Fsync', load?.syncs && fsync(load.syncs)],
    ['Disk free', disk && room(disk)],
    ['Durability', node?.durability],
    ['Version', node && (node.version || '–')],
  ]
}
