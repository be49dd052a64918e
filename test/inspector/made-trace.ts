/** Traces that no real cluster would give within a test: very many actors, nodes, names that mean harm. */

import type { LinkFacts, LogFacts, MemberFacts } from '../../src/inspector/facts.ts'
import type { ActorView, SnapshotRecord, TraceRecord } from '../../src/inspector/record.ts'
import { traceHeaderLine, traceLine } from '../../src/inspector/trace-file.ts'

export const epochOf = (n: number) => `018cc251-f745-7b5a-875d-${String(n).padStart(12, '0')}`
const startMs = Date.UTC(2026, 0, 1)

export function traceText(by: string, records: readonly TraceRecord[]): string {
  return traceHeaderLine(by, startMs) + records.map(traceLine).join('')
}

interface MadeNode {
  readonly node: string
  readonly n: number
  readonly peers: readonly string[]
  readonly links?: readonly LinkFacts[]
  readonly logs?: readonly LogFacts[]
  readonly members?: readonly MemberFacts[]
}

/** A node that serves, with a replicator for each peer. */
export function snapshotOf({ node, n, peers, links, logs, members }: MadeNode): SnapshotRecord {
  const actor = (path: string, chart: string | null, states: readonly string[], logic = chart ?? 'pull'): ActorView => {
    const [parent, id] = path.startsWith('supervisor/')
      ? ['supervisor', path.slice('supervisor/'.length)]
      : [null, path]
    const began = { startedAt: 1, startedMs: startMs, handled: 3 }
    return { actor: path, parent, id, chart, logic, states, context: { peer: { name: id } }, ...began }
  }
  return {
    kind: 'snapshot',
    ...{ node, epoch: epochOf(n), sequence: 0, atMs: startMs },
    actors: [
      actor('supervisor', 'supervisor', ['supervisor.up.clustered.running.serving']),
      actor('supervisor/membership', 'membership', ['membership.alive.among']),
      actor('supervisor/server', 'server', ['server.open.listening.settled']),
      ...peers.map((peer) =>
        actor(`supervisor/replicator/${peer}`, 'replicator', ['replicator.pulling.streaming.live']),
      ),
    ],
    facts: {
      node: {
        ...{ version: '1', cluster: 'made', durability: 'fsync', phase: 'serving', rpcAddress: `10.0.0.${n}:8400` },
        ...{ httpAddress: null, gossipAddress: `10.0.0.${n}:7946`, serfRpcAddress: null },
      },
      ...(members && { members }),
      ...(links && { links }),
      ...(logs && { logs: { whole: true, entries: logs, omitted: 0 } }),
      load: { periodMs: 1000, loopDelayMs: 1.5, written: 40, copied: 1200 },
      gossip: {
        ...{ health: n === 2 ? 2 : 0, incarnation: n, memberTime: '41', eventTime: '7', queryTime: '3' },
        stalls: { count: 0, totalMs: 0 },
        queued: { nodes: 1, intents: 0, queries: 0, events: 0 },
        problems: {},
      },
      server: { calls: 4, watchers: 1 },
    },
  }
}

/** Nodes that all copy from each other, in all the ways there are. */
export function largeCluster(count: number): SnapshotRecord[] {
  const names = Array.from({ length: count }, (_, at) => `node-${String(at + 1).padStart(2, '0')}`)
  const states = ['live', 'live', 'live', 'catchingUp', 'live', 'parked', 'live', 'backoff', 'live', 'diverged']
  return names.map((node, at) => {
    const peers = names.filter((name) => name !== node)
    const links = peers.map((peer, index): LinkFacts => {
      const state = (at + index) % 7 === 0 ? (states[(at + index) % states.length] as string) : 'live'
      return { peer, address: '10.0.0.1:8400', state, lagRecords: state === 'catchingUp' ? 1234 : 0, lagLogs: 1 }
    })
    const members = names.map((name, index): MemberFacts => {
      const status = index === 4 && at < 3 ? 'suspect' : 'alive'
      const seen = {
        name,
        address: `10.0.0.${index + 1}:7946`,
        status,
        incarnation: 2,
        rttMs: 0.2 + index / 10,
      } as const
      return { ...seen, tags: { epoch: epochOf(index + 1), role: 'node' } }
    })
    const logs = names.slice(0, 12).map((origin, index): LogFacts => {
      const log = { topic: index % 2 ? 'orders' : 'payments', origin, epoch: epochOf(index + 1), own: origin === node }
      const end = Math.round((index + 1) * 1000 * (origin === node ? 1 : 1 - ((at * 7 + index) % 10) / 40))
      return { ...log, start: index * 100, end, bytes: end * 120, peers: {} }
    })
    return snapshotOf({ node, n: at + 1, peers, links, logs, members })
  })
}

/** One node with so many actors; each hears something in turn. */
export function manyActors(count: number, events: number): TraceRecord[] {
  const peers = Array.from({ length: count - 3 }, (_, at) => `peer-${String(at).padStart(4, '0')}`)
  const snapshot = snapshotOf({ node: 'a', n: 1, peers })
  return [
    snapshot,
    ...Array.from({ length: events }, (_, at) => heardBy('a', 1, at + 1, peers[at % peers.length] as string)),
  ]
}

/** A replicator falls behind, and catches up with its next. */
export function heardBy(node: string, n: number, sequence: number, peer: string): TraceRecord {
  const [streaming, behind] = ['replicator.pulling.streaming', sequence % 2 === 1]
  const [live, catching] = [`${streaming}.live`, `${streaming}.catchingUp`]
  return {
    kind: 'transition',
    ...{ node, epoch: epochOf(n), sequence, atMs: startMs + sequence * 20 },
    actor: `supervisor/replicator/${peer}`,
    event: { type: behind ? 'pull.fellBehind' : 'pull.caughtUp' },
    from: `supervisor/replicator/${peer}/pull`,
    before: [behind ? live : catching],
    after: [behind ? catching : live],
    taken: [behind ? `${live}:pull.fellBehind:0` : `${catching}:pull.caughtUp:0`],
    sent: [],
  }
}
