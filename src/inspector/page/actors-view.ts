/** Every actor of every node as a tree, with its states; those that stopped are kept for a while. */

import { css, html, nothing, type TemplateResult } from 'lit'
import './rows.ts'
import type { ActorView } from '../record.ts'
import { badge, grouped, leaf, look } from './look.ts'
import { Part } from './part.ts'
import type { Rows } from './rows.ts'

/** Stopped actors are shown for so many records. */
const keptRecords = 2000

interface Row {
  readonly node: string
  readonly depth: number
  readonly view: ActorView | undefined
  readonly stopped: boolean
  readonly count: number
}

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
        gap: 12px;
        align-items: center;
        padding: 12px 16px;
        flex-wrap: wrap;
      }
      input[type='search'] {
        min-width: 220px;
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

  constructor() {
    super()
    this.sought = ''
    this.withStopped = true
  }

  override render() {
    const rows = this.#rows()
    const actors = rows.filter(({ view }) => view !== undefined).length
    return html`
      <div class="tools">
        <input type="search" placeholder="Name, state, chart" aria-label="Search actors" .value=${this.sought}
          @input=${(event: Event) => {
            this.sought = (event.target as HTMLInputElement).value
          }} />
        <label><input type="checkbox" .checked=${this.withStopped} @change=${(event: Event) => {
          this.withStopped = (event.target as HTMLInputElement).checked
        }} /> with stopped ones</label>
        <span class="faint">${grouped(actors)} actors</span>
      </div>
      <reeve-rows role="tree" aria-label="Actors" .count=${rows.length} .rowHeight=${30} .version=${rows}
        .drawRow=${(index: number) => this.#row(rows[index] as Row)} @click=${this.#pick} @keydown=${this.#key}></reeve-rows>
    `
  }

  #row({ node, depth, view, stopped, count }: Row): TemplateResult {
    if (!view) {
      return html`<div class="row node" role="treeitem" aria-level="1">
        <strong>${node}</strong><span class="faint">${grouped(count)} actors</span></div>`
    }
    const link = view.chart !== null && !stopped
    return html`<div class="row ${stopped ? 'stopped' : ''}" role="treeitem" aria-level=${depth + 1} tabindex=${link ? 0 : -1}
        data-node=${node} data-actor=${link ? view.actor : nothing}>
      <span class="indent" data-depth=${Math.min(depth, 8)}></span>
      <span class="id">${view.id}</span>
      ${stopped ? badge('stopped') : view.states.map((state) => badge(leaf(state), undefined, state))}
      <span class="faint">${view.chart ?? view.logic}</span>
      <span class="faint number">${grouped(view.handled)} ${view.handled === 1 ? 'event' : 'events'}</span>
    </div>`
  }

  #rows(): Row[] {
    const sought = this.sought.trim().toLowerCase()
    const rows: Row[] = []
    const stopped = this.withStopped ? this.#stopped() : new Map<string, ActorView[]>()
    const { nodes } = this.desk.moment
    for (const node of [...nodes.keys()].sort()) {
      const actors = nodes.get(node)?.actors ?? new Map<string, ActorView>()
      const gone = (stopped.get(node) ?? []).filter(({ actor }) => !actors.has(actor))
      const all = inOrder([...actors.values(), ...gone]).filter(
        ({ view }) => sought === '' || matches(view, node, sought),
      )
      if (all.length === 0 && sought !== '') continue
      rows.push({ node, depth: 0, view: undefined, stopped: false, count: all.length })
      for (const { view, depth } of all) rows.push({ node, depth, view, stopped: !actors.has(view.actor), count: 0 })
    }
    return rows
  }

  /** As they were when they began: their last states are in the records. */
  #stopped(): Map<string, ActorView[]> {
    const found = new Map<string, ActorView[]>()
    const { story, position } = this.desk
    const ended = new Map<string, number>()
    for (const record of story.between(Math.max(story.first, position - keptRecords), position)) {
      if (record.kind === 'stopped') ended.set(`${record.node} ${record.actor}`, record.atMs)
      if (record.kind !== 'started') continue
      const { node, actor, parent, id, chart, logic, after, context, sequence, atMs } = record
      const view = { actor, parent, id, chart, logic, states: after, context }
      const others = (found.get(node) ?? []).filter((other) => other.actor !== actor)
      found.set(node, [...others, { ...view, startedAt: sequence, startedMs: atMs, handled: 0 }])
    }
    for (const [node, views] of found) {
      found.set(
        node,
        views.filter(({ actor }) => ended.has(`${node} ${actor}`)),
      )
    }
    return found
  }

  #pick(event: Event): void {
    const row = (event.composedPath() as Element[]).find(
      (element) => element instanceof HTMLElement && element.dataset.actor,
    )
    if (row instanceof HTMLElement) {
      this.desk.show('chart', { node: row.dataset.node as string, actor: row.dataset.actor as string })
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.#pick(event)
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const rows = event.currentTarget as Rows
    const all = [...rows.renderRoot.querySelectorAll<HTMLElement>('[tabindex="0"]')]
    const at = all.indexOf((rows.renderRoot as ShadowRoot).activeElement as HTMLElement)
    all[at + step]?.focus()
  }
}

/** Parents before their children, each level by name. */
function inOrder(views: readonly ActorView[]): { view: ActorView; depth: number }[] {
  const children = new Map<string | null, ActorView[]>()
  const known = new Set(views.map(({ actor }) => actor))
  for (const view of views) {
    const parent = view.parent !== null && known.has(view.parent) ? view.parent : null
    children.set(parent, [...(children.get(parent) ?? []), view])
  }
  const rows: { view: ActorView; depth: number }[] = []
  const add = (parent: string | null, depth: number): void => {
    const level = (children.get(parent) ?? []).sort((one, other) => (one.id < other.id ? -1 : 1))
    for (const view of level) {
      rows.push({ view, depth })
      add(view.actor, depth + 1)
    }
  }
  add(null, 1)
  return rows
}

function matches({ id, chart, logic, states }: ActorView, node: string, sought: string): boolean {
  return [id, chart ?? '', logic, node, ...states].some((text) => text.toLowerCase().includes(sought))
}

customElements.define('reeve-actors-view', ActorsView)
