/** The cluster at a glance: the nodes and how they copy from each other, a card for each, and how far every log reaches. */

import { css, html, nothing, type TemplateResult } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { circleMax, clusterMap, legend, mapLook } from './cluster-map.ts'
import { loadsOf } from './loads.ts'
import { logLook, topicPanel, topicsOf } from './log-table.ts'
import { badge, byteSize, duration, grouped } from './look.ts'
import { alarmBadges, cardLook, lateness, nodeCard, perSecond } from './node-card.ts'
import { Part } from './part.ts'
import { linksOf, type Standing, standingsOf } from './standing.ts'

export class ClusterView extends Part {
  static override styles = [
    ...cardLook,
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
        grid-template-columns: minmax(380px, 2fr) minmax(0, 3fr);
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
        grid-template-columns: repeat(auto-fill, minmax(200px, 1fr));
        gap: 12px;
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
    `,
  ]
  static override properties = { ...Part.properties, withOld: { state: true }, narrow: { state: true } }
  declare withOld: boolean
  declare narrow: boolean
  readonly #width = matchMedia('(max-width: 600px)')
  readonly #resized = () => {
    this.narrow = this.#width.matches
  }

  constructor() {
    super()
    this.withOld = false
    this.narrow = this.#width.matches
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#resized()
    this.#width.addEventListener('change', this.#resized)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#width.removeEventListener('change', this.#resized)
  }

  override render() {
    const standings = standingsOf(this.desk.moment)
    if (standings.length === 0) return html`<div class="empty" role="status">Nothing was told yet.</div>`
    const links = linksOf(standings)
    const bars = loadsOf(this.desk.story, this.desk.position)
    const isCircle = standings.length <= circleMax
    const picture = () => html`${clusterMap(standings, links, this.narrow)}${legend(standings, links)}`
    // Of many nodes it has thousands of parts; of what they tell each second nothing is in it.
    const drawn = isCircle ? picture() : guard(seen(standings, 'links'), picture)
    return html`
      <div class="top ${standings.length > 20 ? 'many' : ''}">
        <section class="panel picture" aria-label="Replication">${drawn}</section>
        ${
          !isCircle
            ? nodesTable(standings)
            : html`<div class="nodes">${standings.map((standing) =>
                nodeCard(standing, {
                  links: links.filter(({ to }) => to === standing.name),
                  bars: bars.get(standing.name) ?? [],
                }),
              )}</div>`
        }
      </div>
      ${guard([this.withOld, ...seen(standings, 'logs')], () => this.#logs(standings))}
    `
  }

  #logs(standings: readonly Standing[]): TemplateResult {
    const topics = topicsOf(standings)
    const old = topics.reduce((sum, [, rows]) => sum + rows.filter((row) => row.old).length, 0)
    return html`${
      old === 0
        ? nothing
        : html`<label><input type="checkbox" .checked=${this.withOld} @change=${(event: Event) => {
            this.withOld = (event.target as HTMLInputElement).checked
          }} /> with ${grouped(old)} ${old === 1 ? 'log' : 'logs'} of earlier runs, which nobody writes to any more</label>`
    }
      ${topics.map(([topic, rows]) => topicPanel(topic, rows, standings, this.withOld))}
    `
  }
}

/** Whatever of the nodes shows in a part that is made of these facts. */
function seen(standings: readonly Standing[], facts: 'links' | 'logs'): unknown[] {
  return standings.flatMap(({ name, word, tone, up, replay }) => {
    // Links that are not told are made of the actors, which are never the same for long.
    return [name, word, tone, up, replay?.facts[facts] ?? (facts === 'links' && replay ? {} : undefined)]
  })
}

/** Where cards would take too much room. */
function nodesTable(standings: readonly Standing[]): TemplateResult {
  return html`<section class="panel" aria-label="Nodes"><div class="scroll" tabindex="0" role="group" aria-label="Nodes, as a table"><table>
    <thead><tr><th scope="col">Node</th><th scope="col"></th><th scope="col" class="number">Written / s</th>
      <th scope="col" class="number">Copied / s</th><th scope="col" class="number">Fsync</th>
      <th scope="col" class="number">Event loop</th><th scope="col" class="number">Disk free</th>
      <th scope="col" class="number">Actors</th></tr></thead>
    <tbody>${standings.map(({ name, replay, word, tone, why, up }) => {
      const { load, disk, alarms = [] } = (up && replay?.facts) || {}
      const cell = (text: string) => html`<td class="number">${text || '–'}</td>`
      return html`<tr><th scope="row" title=${name}>${name}</th>
        <td>${badge(word, tone, why || word)} ${alarmBadges(alarms)}</td>
        ${cell(load ? perSecond(load.written, load) : '')}${cell(load ? perSecond(load.copied, load) : '')}
        ${cell(load?.syncs ? duration(load.syncs.medianMs) : '')}${cell(load ? lateness(load) : '')}
        ${cell(disk ? byteSize(disk.freeBytes) : '')}${cell(up && replay ? grouped(replay.actors.size) : '')}</tr>`
    })}</tbody></table></div></section>`
}

customElements.define('reeve-cluster-view', ClusterView)
