/** Every actor of every node as a tree, with its states; those that stopped are kept for a while. */

import { css, html, nothing, type TemplateResult } from 'lit'
import './rows.ts'
import { type ActorRow, actorRows, type NodeRow } from './actor-rows.ts'
import { badge, clockTime, grouped, leaf, look, statePath } from './look.ts'
import { Part } from './part.ts'
import type { RowPlace, Rows } from './rows.ts'

const endings = { done: 'done', stopped: 'stopped', error: 'crashed' } as const

export class ActorsView extends Part {
  static override styles = [
    look,
    css`
      :host {
        height: 100%;
        display: grid;
        grid-template-rows: auto 1fr;
      }
      .tools {
        display: flex;
        gap: 8px 16px;
        align-items: center;
        padding: 12px 16px;
        flex-wrap: wrap;
      }
      input[type='search'] {
        flex: 0 1 300px;
        min-width: 180px;
      }
      reeve-rows {
        background: var(--raised);
        border-top: 1px solid var(--frame);
      }
    `,
  ]
  static override properties = { ...Part.properties, sought: { state: true }, withStopped: { state: true } }
  declare sought: string
  declare withStopped: boolean
  readonly #closed = new Set<string>()
  #rows: readonly (NodeRow | ActorRow)[] = []

  constructor() {
    super()
    this.sought = ''
    this.withStopped = true
  }

  override render() {
    const { desk, withStopped } = this
    const sought = this.sought.trim().toLowerCase()
    this.#rows = actorRows(desk.moment, desk.story, { sought, withStopped, closed: this.#closed })
    const rows = this.#rows
    const found = rows.filter((row) => 'view' in row).length
    const living = [...desk.moment.nodes.values()].reduce((sum, { actors }) => sum + actors.size, 0)
    return html`
      <div class="tools">
        <input type="search" placeholder="Search: name, state, chart" aria-label="Search actors" .value=${this.sought}
          @input=${(event: Event) => {
            this.sought = (event.target as HTMLInputElement).value
          }} @keydown=${this.#leave} />
        <label><input type="checkbox" .checked=${withStopped} @change=${(event: Event) => {
          this.withStopped = (event.target as HTMLInputElement).checked
        }} /> with those that stopped</label>
        <span class="faint" role="status">${sought === '' ? `${grouped(living)} actors` : `${grouped(found)} found`}</span>
      </div>
      ${
        rows.length === 0
          ? html`<div class="empty">${sought === '' ? 'Nothing was told yet.' : 'No actor is called so, or is in such a state.'}</div>`
          : html`<reeve-rows .kind=${'tree'} .label=${'Actors'} .count=${rows.length} .rowHeight=${30} .version=${rows}
            .drawRow=${this.#row} @picked=${this.#pick} @keydown=${this.#fold}></reeve-rows>`
      }
    `
  }

  readonly #row = (index: number, { id, current, place, of }: RowPlace): TemplateResult => {
    const row = this.#rows[index]
    if (!row) return html``
    const { node } = row
    if (!('view' in row)) {
      return html`<div class="row node ${current}" id=${id} role="treeitem" aria-level="1" aria-setsize=${of} aria-posinset=${place}
        aria-expanded=${row.open}><span class="twist" aria-hidden="true">${row.open ? '▼' : '▶'}</span>
        <strong class="clip" title=${node}>${node}</strong><span class="faint">${grouped(row.count)} actors</span></div>`
    }
    const { view, depth, ended, endedMs } = row
    const { selection } = this.desk
    const selected = selection?.node === node && selection.actor === view.actor
    const plain = view.chart === null
    const names = view.chart === view.id || view.chart === null ? '' : view.chart
    const paths = ended ? [] : view.states.map(statePath)
    return html`<div class="row actor ${ended ? 'stopped' : ''} ${plain ? 'plain' : ''} ${current}" id=${id} role="treeitem"
        aria-level=${depth + 1} aria-setsize=${of} aria-posinset=${place} aria-selected=${selected}>
      <span class="who"><span class="indent" data-depth=${Math.min(depth, 4)}></span><span class="id" title=${view.actor}>${view.id}</span></span>
      <span class="states">${ended ? badge(endings[ended], ended === 'error' ? 'bad' : 'quiet', `at ${clockTime(endedMs)}`) : view.states.map((state) => badge(leaf(state), undefined, state))}</span>
      <span class="faint of clip">${plain ? `${view.logic === view.id ? '' : `${view.logic}, `}no chart` : [names, ...paths].filter((part) => part !== '').join(': ')}</span>
      <span class="faint number">${plain ? nothing : `${grouped(view.handled)} ${view.handled === 1 ? 'event' : 'events'}`}</span>
    </div>`
  }

  #pick({ detail }: CustomEvent<number>): void {
    const row = this.#rows[detail]
    if (!row) return
    if (!('view' in row)) this.#toggle(row.node, !row.open)
    else if (row.view.chart !== null) this.desk.show('chart', { node: row.node, actor: row.view.actor })
  }

  /** As trees do it: right opens, left closes. */
  #fold(event: KeyboardEvent): void {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    event.preventDefault()
    event.stopPropagation()
    const rows = event.currentTarget as Rows
    const row = this.#rows[rows.current]
    if (!row) return
    if ('view' in row && event.key === 'ArrowLeft') {
      rows.current = this.#rows.findIndex((other) => !('view' in other) && other.node === row.node)
      rows.reveal(rows.current)
    } else if (!('view' in row)) this.#toggle(row.node, event.key === 'ArrowRight')
  }

  #toggle(node: string, open: boolean): void {
    if (open) this.#closed.delete(node)
    else this.#closed.add(node)
    this.requestUpdate()
  }

  /** From the search into what was found. */
  #leave(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.sought = ''
    if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
    event.preventDefault()
    const rows = this.renderRoot.querySelector<Rows>('reeve-rows')
    rows?.renderRoot.querySelector<HTMLElement>('.seen')?.focus()
  }
}

customElements.define('reeve-actors-view', ActorsView)
