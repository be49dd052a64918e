/** The cluster at a glance: the nodes and how they copy from each other, a card for each, and how far every log reaches. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { LoadPart } from '../facts.ts'
import { circleMax, clusterMap, legend, mapLook } from './cluster-map.ts'
import { logLook, topicPanel, topicsOf } from './log-table.ts'
import { badge, byteSize, duration, grouped, look } from './look.ts'
import { Part } from './part.ts'
import { linksOf, type Standing, standingsOf } from './standing.ts'

export class ClusterView extends Part {
  static override styles = [
    look,
    mapLook,
    logLook,
    css`
      :host {
        padding: 16px;
        display: grid;
        gap: 16px;
        grid-template-columns: minmax(0, 1fr);
        max-width: 1680px;
        margin: 0 auto;
      }
      .top {
        display: grid;
        gap: 16px;
        grid-template-columns: minmax(380px, 5fr) minmax(0, 6fr);
        align-items: start;
      }
      .top.many {
        grid-template-columns: minmax(0, 1fr);
      }
      @media (max-width: 900px) {
        .top {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      .picture {
        padding-top: 8px;
      }
      .nodes {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(230px, 1fr));
        gap: 12px;
      }
      .card {
        padding: 12px 14px;
        display: grid;
        gap: 8px;
        align-content: start;
        min-width: 0;
      }
      .card > * {
        min-width: 0;
      }
      .card.down {
        border-style: dashed;
        background: var(--ground);
      }
      .card header {
        display: flex;
        align-items: baseline;
        justify-content: space-between;
        gap: 8px;
      }
      .card header .badge {
        flex: none;
        max-width: 60%;
      }
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
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
        font-variant-numeric: tabular-nums;
      }
      tbody th {
        color: var(--ink);
        font-weight: 600;
        font-size: 14px;
      }
      .scroll td,
      th.number {
        min-width: 0;
      }
      th.number,
      td.number {
        text-align: right;
      }
      .alarms {
        display: grid;
        gap: 4px;
        justify-items: start;
        font-size: 12px;
      }
      .alarms .badge {
        white-space: normal;
        border-radius: 6px;
      }
    `,
  ]
  static override properties = { ...Part.properties, withOld: { state: true } }
  declare withOld: boolean

  constructor() {
    super()
    this.withOld = false
  }

  override render() {
    const standings = standingsOf(this.desk.moment)
    if (standings.length === 0) return html`<div class="empty" role="status">Nothing was told yet.</div>`
    const links = linksOf(standings)
    const topics = topicsOf(standings)
    const old = topics.reduce((sum, [, rows]) => sum + rows.filter((row) => row.old).length, 0)
    return html`
      <div class="top ${standings.length > 20 ? 'many' : ''}">
        <section class="panel picture" aria-label="Replication">${clusterMap(standings, links)}${legend(standings, links)}</section>
        ${
          standings.length > circleMax
            ? nodesTable(standings)
            : html`<div class="nodes">${standings.map((standing) => this.#card(standing))}</div>`
        }
      </div>
      ${
        old === 0
          ? nothing
          : html`<label><input type="checkbox" .checked=${this.withOld} @change=${(event: Event) => {
              this.withOld = (event.target as HTMLInputElement).checked
            }} /> with ${grouped(old)} ${old === 1 ? 'log' : 'logs'} of earlier runs, which nobody writes to any more</label>`
      }
      ${topics.map(([topic, rows]) => topicPanel(topic, rows, standings, this.withOld))}
    `
  }

  #card({ name, replay, word, tone, up, why }: Standing): TemplateResult {
    const { node, gossip, load, disk, alarms = [] } = replay?.facts ?? {}
    return html`<section class="panel card ${up ? '' : 'down'}" aria-label="Node ${name}">
      <header><h2 class="clip" title=${name}>${name}</h2>${badge(word, tone, why || word)}</header>
      ${why && !up ? html`<span class="faint">${why}</span>` : nothing}
      ${
        replay && up
          ? html`<dl>
            ${node?.rpcAddress ? html`<dt>Calls at</dt><dd title=${node.rpcAddress}>${node.rpcAddress}</dd>` : nothing}
            ${
              load
                ? html`<dt>Written</dt><dd>${perSecond(load.written, load)} / s</dd>
                  <dt>Copied</dt><dd>${perSecond(load.copied, load)} / s</dd>
                  <dt>Event loop</dt><dd>${duration(load.loopDelayMs)} late</dd>`
                : nothing
            }
            ${load?.syncs ? html`<dt>Fsync</dt><dd>${duration(load.syncs.medianMs)}, at most ${duration(load.syncs.maxMs)}</dd>` : nothing}
            ${disk ? html`<dt>Disk</dt><dd title="of ${byteSize(disk.totalBytes)}">${byteSize(disk.freeBytes)} free</dd>` : nothing}
            ${gossip && gossip.health > 0 ? html`<dt>Health</dt><dd>${badge(`slow (${gossip.health})`, 'busy')}</dd>` : nothing}
            <dt>Actors</dt><dd><a href="#/actors">${grouped(replay.actors.size)}</a></dd>
          </dl>`
          : nothing
      }
      ${
        alarms.length === 0
          ? nothing
          : html`<div class="alarms">${alarms.map(({ severity, text }) => badge(text, severity === 'error' ? 'bad' : 'busy'))}</div>`
      }
    </section>`
  }
}

/** Where cards would take too much room. */
function nodesTable(standings: readonly Standing[]): TemplateResult {
  return html`<section class="panel" aria-label="Nodes"><div class="scroll" tabindex="0" role="group" aria-label="Nodes, as a table"><table>
    <thead><tr><th scope="col">Node</th><th scope="col"></th><th scope="col" class="number">Written / s</th>
      <th scope="col" class="number">Copied / s</th><th scope="col" class="number">Event loop late</th>
      <th scope="col" class="number">Actors</th></tr></thead>
    <tbody>${standings.map(({ name, replay, word, tone, why, up }) => {
      const { load, alarms = [] } = (up && replay?.facts) || {}
      const cell = (text: string) => html`<td class="number">${text || '–'}</td>`
      return html`<tr><th scope="row" title=${name}>${name}</th>
        <td>${badge(word, tone, why || word)} ${alarms.map(({ severity, text }) => badge(text, severity === 'error' ? 'bad' : 'busy'))}</td>
        ${cell(load ? perSecond(load.written, load) : '')}${cell(load ? perSecond(load.copied, load) : '')}
        ${cell(load ? duration(load.loopDelayMs) : '')}${cell(up && replay ? grouped(replay.actors.size) : '')}</tr>`
    })}</tbody></table></div></section>`
}

function perSecond(count: number, { periodMs }: LoadPart): string {
  return grouped(Math.round((1000 * count) / Math.max(1, periodMs)))
}

customElements.define('reeve-cluster-view', ClusterView)
