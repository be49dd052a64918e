/**
 * The actors of a node as a chart of its own: who starts whom, what facts go up and what orders go down. What they say
 * to each other is read from the text of messages.ts, where it is declared.
 */

import { readFileSync } from 'node:fs'
import type { Arrow, Box, Chart } from './chart.ts'

interface Actor {
  readonly name: string
  readonly is: string
  readonly parent?: string
  /** The types of messages.ts it tells its parent with, and is told with. */
  readonly facts?: readonly string[]
  readonly orders?: string
}

const actors: readonly Actor[] = [
  { name: 'supervisor', is: 'chart: the life of the node' },
  { name: 'journal', is: 'shell: the logs', parent: 'supervisor', facts: ['JournalFact'], orders: 'JournalOrder' },
  { name: 'server', is: 'chart: who may call', parent: 'supervisor', facts: ['ServerFact'], orders: 'ServerOrder' },
  {
    name: 'membership',
    is: 'chart: a place in the cluster',
    parent: 'supervisor',
    facts: ['MembershipFact', 'MemberFact'],
    orders: 'MembershipOrder',
  },
  {
    name: 'replicator/NAME',
    is: 'chart: one for each peer',
    parent: 'supervisor',
    facts: ['ReplicatorFact'],
    orders: 'ReplicatorOrder',
  },
  { name: 'listener', is: 'shell: ports, calls', parent: 'server', facts: ['ListenerFact'], orders: 'ListenerOrder' },
  {
    name: 'gossip',
    is: 'shell: SWIM and Serf',
    parent: 'membership',
    facts: ['GossipFact', 'MemberFact'],
    orders: 'GossipOrder',
  },
  { name: 'pull', is: 'shell: the stream', parent: 'replicator/NAME', facts: ['PullFact'], orders: 'PullOrder' },
]

export function readActors(): Chart {
  const source = readFileSync(new URL('../messages.ts', import.meta.url), 'utf8')
  const arrows = actors.flatMap(({ name, parent, facts = [], orders }): Arrow[] => {
    if (parent === undefined || orders === undefined) return []
    const said = facts.flatMap((type) => summary(type, messageTypes(source, type)))
    return [arrow(parent, name, messageTypes(source, orders)), arrow(name, parent, said)]
  })
  const children = actors.map(({ name, is }) => box(actorId(name), name, is, []))
  const description = 'The actors of a node: orders go down, facts go up, and siblings do not know each other.'
  return { name: 'actors', root: box('actors', 'actors', description, children), arrows }
}

/** The event types of one of the unions in messages.ts. */
export function messageTypes(source: string, name: string): string[] {
  const declaration = new RegExp(`export type ${name} =([\\s\\S]*?)\\n\\n`).exec(`${source}\n\n`)?.[1]
  if (declaration === undefined) throw new Error(`messages.ts declares no ${name}`)
  return [...declaration.matchAll(/readonly type: '([^']+)'/g)].map((match) => match[1]!)
}

/** The facts about members are many and always passed on as they are. */
function summary(type: string, types: string[]): string[] {
  return type === 'MemberFact' ? ['member.*'] : types
}

function arrow(from: string, to: string, types: readonly string[]): Arrow {
  const id = `${actorId(from)}->${actorId(to)}`
  const labels = types.map((type) => ({ transition: `${id}:${type}`, event: type, text: type, actions: '' }))
  return { id, source: actorId(from), target: actorId(to), labels, tone: 'normal' }
}

function actorId(name: string): string {
  return `actors.${name}`
}

function box(id: string, name: string, description: string, children: readonly Box[]): Box {
  return {
    id,
    name,
    kind: children.length > 0 ? 'compound' : 'atomic',
    region: false,
    description,
    lines: [],
    children,
  }
}
