/** The actors of all nodes as the rows of a tree: who is below whom, who stopped lately, who is sought. Pure. */

import type { ActorView } from '../record.ts'
import type { Moment, Story } from './story.ts'

/** Stopped actors are shown for so many records. */
const keptRecords = 5000

export interface NodeRow {
  readonly node: string
  readonly depth: 0
  /** Living ones. */
  readonly count: number
  readonly open: boolean
}

export interface ActorRow {
  readonly node: string
  readonly depth: number
  readonly view: ActorView
  /** How it ended; undefined: it lives. */
  readonly ended: 'done' | 'stopped' | 'error' | undefined
  readonly endedMs: number
}

export interface Wanted {
  /** In names, states and charts, in small letters. */
  readonly sought: string
  readonly withStopped: boolean
  readonly closed: ReadonlySet<string>
}

export function actorRows(moment: Moment, story: Story, wanted: Wanted): (NodeRow | ActorRow)[] {
  const { sought, withStopped, closed } = wanted
  const rows: (NodeRow | ActorRow)[] = []
  const ended = withStopped ? endedLately(story, moment.position) : new Map<string, Map<string, ActorRow>>()
  for (const node of [...moment.nodes.keys()].sort()) {
    const living = moment.nodes.get(node)?.actors ?? new Map<string, ActorView>()
    const all = [...living.values()].map((view): ActorRow => ({ node, depth: 0, view, ended: undefined, endedMs: 0 }))
    for (const row of ended.get(node)?.values() ?? []) if (!living.has(row.view.actor)) all.push(row)
    const found = inOrder(all).filter(({ view }) => sought === '' || matches(view, node, sought))
    if (found.length === 0 && sought !== '') continue
    const open = sought !== '' || !closed.has(node)
    rows.push({ node, depth: 0, count: living.size, open })
    if (open) for (const row of found) rows.push(row)
  }
  return rows
}

/** By node and path, in the states in which they ended. */
function endedLately(story: Story, position: number): Map<string, Map<string, ActorRow>> {
  const from = Math.max(story.first, position - keptRecords)
  const alive = new Map<string, ActorView>()
  const ended = new Map<string, Map<string, ActorRow>>()
  for (const record of story.between(from, position)) {
    if (record.kind === 'snapshot') {
      for (const view of record.actors) alive.set(`${record.node} ${view.actor}`, view)
    } else if (record.kind === 'started') {
      const { node, actor, parent, id, chart, logic, after, context, sequence, atMs } = record
      const view = { actor, parent, id, chart, logic, states: after, context }
      alive.set(`${node} ${actor}`, { ...view, startedAt: sequence, startedMs: atMs, handled: 0 })
      ended.get(node)?.delete(actor)
    } else if (record.kind === 'transition') {
      const key = `${record.node} ${record.actor}`
      const view = alive.get(key)
      if (view) alive.set(key, { ...view, states: record.after, handled: view.handled + 1 })
    } else if (record.kind === 'stopped') {
      const { node, actor, status, atMs } = record
      const view = alive.get(`${node} ${actor}`)
      if (!view) continue
      const others = ended.get(node) ?? new Map<string, ActorRow>()
      others.set(actor, { node, depth: 0, view, ended: status, endedMs: atMs })
      ended.set(node, others)
    }
  }
  return ended
}

/** Parents before their children, each level by name. */
function inOrder(rows: readonly ActorRow[]): ActorRow[] {
  const children = new Map<string | null, ActorRow[]>()
  const known = new Set(rows.map(({ view }) => view.actor))
  for (const row of rows) {
    const parent = row.view.parent !== null && known.has(row.view.parent) ? row.view.parent : null
    const level = children.get(parent)
    if (level) level.push(row)
    else children.set(parent, [row])
  }
  const ordered: ActorRow[] = []
  const seen = new Set<string>()
  const add = (parent: string | null, depth: number): void => {
    const level = (children.get(parent) ?? []).sort((one, other) => (one.view.id < other.view.id ? -1 : 1))
    for (const row of level) {
      // A file may say that an actor is its own parent.
      if (seen.has(row.view.actor)) continue
      seen.add(row.view.actor)
      ordered.push({ ...row, depth })
      add(row.view.actor, depth + 1)
    }
  }
  add(null, 1)
  return ordered
}

function matches({ id, chart, logic, states }: ActorView, node: string, sought: string): boolean {
  return [id, chart ?? '', logic, node, ...states].some((text) => text.toLowerCase().includes(sought))
}
