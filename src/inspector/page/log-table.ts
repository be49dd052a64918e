/** How far every log reaches on every node, topic by topic, so that one sees prefixes grow. */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import type { LogFacts } from '../facts.ts'
import { byteSize, grouped, signs } from './look.ts'
import type { Standing } from './standing.ts'

export interface LogRow {
  readonly topic: string
  readonly origin: string
  readonly epoch: string
  /** The furthest that anybody has. */
  readonly end: number
  /** By node. */
  readonly copies: ReadonlyMap<string, LogFacts>
  /** The origin began another run since. */
  readonly old: boolean
}

/** More nodes than this share one cell, a bar for each. */
const columnsMax = 8
const rowsMax = 60

export const logLook = css`
  .topic .title {
    padding: 12px 14px 6px;
    display: flex;
    gap: 10px;
    align-items: baseline;
    flex-wrap: wrap;
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
    padding: 6px 12px;
    border-bottom: 1px solid var(--rule);
    max-width: 180px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  td {
    padding: 5px 12px 7px;
    border-bottom: 1px solid var(--rule);
    white-space: nowrap;
    min-width: 110px;
  }
  tr:last-child td {
    border-bottom: 0;
  }
  td.number {
    width: 1%;
    min-width: 0;
  }
  .scroll {
    overflow-x: auto;
  }
  .log {
    width: 1%;
    max-width: 260px;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .old .log {
    color: var(--faint);
  }
  .ends {
    display: flex;
    justify-content: space-between;
    gap: 8px;
    font-variant-numeric: tabular-nums;
  }
  .lacks {
    color: var(--busy);
    font-size: 12px;
  }
  td svg {
    display: block;
    width: 100%;
    min-width: 90px;
    height: 7px;
  }
  td svg.strip {
    height: 26px;
    width: auto;
  }
  td.down .ends {
    color: var(--faint);
  }
  .track {
    fill: var(--rule);
  }
  .held {
    fill: var(--copy);
  }
  .held.own {
    fill: var(--accent);
  }
  .down .held {
    fill: var(--quiet);
  }
  @media (max-width: 600px) {
    .columns :is(table, tbody, tr, th, td) {
      display: block;
      width: auto;
      max-width: none;
    }
    .columns thead {
      display: none;
    }
    .columns tr {
      padding: 6px 0 8px;
      border-bottom: 1px solid var(--rule);
    }
    .columns tr:last-child {
      border-bottom: 0;
    }
    .columns td {
      border: 0;
      padding: 2px 14px;
    }
    .columns td:not(.log) {
      display: grid;
      grid-template-columns: 30% minmax(0, 1fr);
      gap: 0 12px;
      align-items: center;
    }
    .columns td::before {
      content: attr(data-on);
      color: var(--faint);
      overflow: hidden;
      text-overflow: ellipsis;
    }
  }
`

export function topicPanel(
  topic: string,
  rows: readonly LogRow[],
  standings: readonly Standing[],
  withOld: boolean,
): TemplateResult {
  const shown = rows.filter(({ old }) => withOld || !old)
  const records = rows.reduce((sum, { end }) => sum + end, 0)
  const bytes = rows.reduce((sum, { copies }) => sum + Math.max(0, ...[...copies.values()].map((log) => log.bytes)), 0)
  const columns = standings.length <= columnsMax
  return html`<section class="panel topic" aria-label="Topic ${topic}">
    <div class="title"><h2 class="clip" title=${topic}>${topic}</h2>
      <span class="faint">${grouped(records)} records, ${byteSize(bytes)}</span></div>
    <div class="scroll ${columns ? 'columns' : ''}"><table>
      <thead><tr><th scope="col" class="log">Written by</th>${
        columns
          ? standings.map(
              ({ name, up, word, tone }) =>
                html`<th scope="col" title="${name}, ${word}">on ${name}${up ? '' : ` ${signs[tone]}`}</th>`,
            )
          : html`<th scope="col">Furthest</th><th scope="col">Copies, a bar for each of the ${standings.length} nodes</th>`
      }</tr></thead>
      <tbody>${shown.slice(0, rowsMax).map((row) => rowOf(row, standings, columns))}</tbody>
    </table></div>
    ${shown.length > rowsMax ? html`<div class="empty">and ${grouped(shown.length - rowsMax)} more logs</div>` : nothing}
  </section>`
}

function rowOf(row: LogRow, standings: readonly Standing[], columns: boolean): TemplateResult {
  const writer = html`<td class="log" title="${row.origin}, run ${row.epoch}">${row.origin}
    <span class="faint mono">${row.epoch.slice(-6)}</span></td>`
  if (!columns)
    return html`<tr class=${row.old ? 'old' : ''}>${writer}<td class="number">${grouped(row.end)}</td><td>${strip(row, standings)}</td></tr>`
  return html`<tr class=${row.old ? 'old' : ''}>${writer}
    ${standings.map(({ name, up }) => {
      const log = row.copies.get(name)
      if (!log) return html`<td class="faint" data-on="on ${name}">–</td>`
      const lacks = row.end - log.end
      return html`<td class=${up ? '' : 'down'} data-on="on ${name}" title="${grouped(log.start)} to ${grouped(log.end)}, ${byteSize(log.bytes)}">
        <div><span class="ends"><span>${grouped(log.end)}</span>${
          lacks > 0
            ? html`<span class="lacks">−${grouped(lacks)}</span>`
            : log.own
              ? html`<span class="faint">✎ ${up && !row.old ? 'writes' : 'wrote'}</span>`
              : nothing
        }</span>
        ${bar(log, row)}</div></td>`
    })}
  </tr>`
}

/** How much of a log is here, of the most that anybody has. */
function bar({ start, end, own }: LogFacts, { end: longest }: LogRow): TemplateResult {
  const at = (offset: number) => (longest === 0 ? 0 : (100 * offset) / longest)
  return html`<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="8"></rect>
    <rect x=${at(start)} width=${Math.max(0, at(end - start))} height="8" class="held ${own ? 'own' : ''}"></rect>
  </svg>`
}

function strip(row: LogRow, standings: readonly Standing[]): TemplateResult {
  const width = 11
  return html`<svg class="strip" width=${standings.length * width} height="26" role="img"
    aria-label="${row.copies.size} of ${standings.length} nodes hold it">${standings.map(({ name }, index) => {
      const log = row.copies.get(name)
      const part = log && row.end > 0 ? (log.end - log.start) / row.end : 0
      return svg`<g><title>${name}: ${log ? grouped(log.end) : 'nothing'}</title>
        <rect class="track" x=${index * width} width=${width - 2} height="26"></rect>
        <rect x=${index * width} y=${26 * (1 - part)} width=${width - 2} height=${26 * part} class="held ${log?.own ? 'own' : ''}"></rect></g>`
    })}</svg>`
}

/** By topic, those of users first; in each by writer, its latest run first. */
export function topicsOf(standings: readonly Standing[]): [string, LogRow[]][] {
  const rows = new Map<string, LogRow & { copies: Map<string, LogFacts> }>()
  const latest = new Map<string, string>()
  for (const { name, replay } of standings) {
    for (const log of replay?.facts.logs?.entries ?? []) {
      const { topic, origin, epoch } = log
      const key = `${topic}/${origin}/${epoch}`
      const row = rows.get(key) ?? { topic, origin, epoch, end: 0, copies: new Map(), old: false }
      row.copies.set(name, log)
      const told = Math.max(0, ...Object.values(log.peers))
      rows.set(key, { ...row, end: Math.max(row.end, log.end, told) })
      const run = `${topic}/${origin}`
      if (epoch > (latest.get(run) ?? '')) latest.set(run, epoch)
    }
  }
  const topics = new Map<string, LogRow[]>()
  for (const row of rows.values()) {
    const of = topics.get(row.topic) ?? []
    of.push({ ...row, old: row.epoch !== latest.get(`${row.topic}/${row.origin}`) })
    topics.set(row.topic, of)
  }
  for (const of of topics.values())
    of.sort((one, other) => compare(one.origin, other.origin) || compare(other.epoch, one.epoch))
  const own = (topic: string) => (topic.startsWith('_') ? 1 : 0)
  return [...topics].sort(([one], [other]) => own(one) - own(other) || compare(one, other))
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
