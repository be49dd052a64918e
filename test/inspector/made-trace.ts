/** Traces that no real cluster would give within a test: very many actors, nodes, names that mean harm. */

import type { Alarm, LinkFacts, LogFacts, MemberFacts } from '../../src/inspector/facts.ts'
import type {
  ActorView,
  NoteRecord,
  SnapshotRecord,
  TraceRecord,
  TransitionRecord,
} from '../../src/inspector/record.ts'
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
      server: {
        calls: 4,
        watchers: 1,
        long: [{ method: 'Pull', from: '10.0.0.9', calls: 3, sinceMs: startMs - 60_000 }],
      },
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

/** Five nodes with all the kinds of trouble that there are, told with all the kinds of records. */
export function troubledCluster(): TraceRecord[] {
  const cluster = largeCluster(5)
  const [a, b] = ['node-01', 'node-02']
  const states = ['live', 'catchingUp', 'backoff', 'parked', 'diverged']
  const snapshots = cluster.map((snapshot, at): SnapshotRecord => {
    const { facts } = snapshot
    const links = facts.links?.map((link, index) => {
      const state = states[(at + index) % states.length] as string
      return { ...link, state, lagRecords: state === 'catchingUp' ? 1234 : 0 }
    })
    const members = facts.members?.map((member): MemberFacts => {
      return member.name === 'node-05' ? { ...member, status: 'failed' } : member
    })
    const disk = { totalBytes: 512 * 1024 ** 3, freeBytes: 12 * 1024 ** 3 }
    const alarms: Alarm[] = [
      { what: 'space', severity: 'warning', text: 'of the disk below the data folder 2.3 % is free', sinceMs: startMs },
      { what: 'certificate', severity: 'error', text: "the server's certificate has ended", sinceMs: startMs },
    ]
    return {
      ...snapshot,
      facts: { ...facts, ...(links && { links }), ...(members && { members }), disk, ...(at === 0 && { alarms }) },
    }
  })
  const stamp = (node: string, sequence: number, atMs = startMs + sequence * 1000) => {
    return { node, epoch: epochOf(Number(node.slice(-2))), sequence, atMs }
  }
  const message = (sequence: number) => heardBy(a, 1, sequence, b)
  const note = (sequence: number, text: string, about?: NoteRecord['about']): NoteRecord => {
    return { kind: 'note', ...stamp(a, sequence), text, ...(about && { about }) }
  }
  const load = (sequence: number): TraceRecord => {
    const syncs = { count: 9, medianMs: 0.4, maxMs: 12 }
    return {
      kind: 'facts',
      ...stamp(b, sequence),
      facts: { load: { periodMs: 1000, loopDelayMs: 2, written: 10 * sequence, copied: 50, syncs } },
    }
  }
  const heard = {
    kind: 'heard',
    ...stamp(b, 4),
    name: 'deploy',
    lTime: '7',
    payload: { bytes: 12, hash: '00' },
  } as const
  const crash = { kind: 'stopped', ...stamp(b, 6), actor: 'supervisor/replicator/node-03', status: 'error' } as const
  return [
    ...snapshots,
    ...[1, 2, 3].map(load),
    { ...heard, what: 'event' },
    { ...heard, ...stamp(b, 5), what: 'query', name: 'load', from: a },
    { ...crash, reason: { code: 'UNAVAILABLE', message: 'it could not be reached' } },
    { kind: 'gap', node: b, epoch: epochOf(2), first: 7, last: 9, why: 'slow' },
    { ...message(1), atMs: startMs + 7000 },
    { ...message(2), taken: [], atMs: startMs + 7000 },
    { ...message(3), from: null, atMs: startMs + 7000 },
    note(8, 'fault: kill node-05', 'fault'),
    note(9, 'somebody pulled a plug'),
    note(10, 'the run: 1 promise broken', 'verdict'),
    note(11, 'promise broken: node-01: a record is on one disk only', 'broken'),
  ]
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
export function heardBy(node: string, n: number, sequence: number, peer: string): TransitionRecord {
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
