/** The essence of a cluster as lines of text: nodes, who copies from whom, topics, what happened last. Pure. */

import type { NodeFacts } from '../../inspector/facts.ts'
import type { RelayRecord, TransitionRecord } from '../../inspector/record.ts'
import type { NodeReplay } from '../../inspector/replay.ts'
import { counted, grouped, roundBytes, table } from '../output.ts'

export interface Seen {
  readonly nodes: readonly NodeReplay[]
  readonly relays: readonly RelayRecord[]
  /** The latest last. */
  readonly recent: readonly TransitionRecord[]
}

export interface Size {
  readonly columns: number
  /** Undefined: as many as it takes. */
  readonly rows: number | undefined
  readonly colour: boolean
}

const signs: Readonly<Record<string, string>> = {
  live: '●',
  serving: '●',
  dialing: '◐',
  catchingUp: '◐',
  backoff: '◐',
  parked: '○',
  diverged: '✕',
}
const matrixMax = 12
const topicsMax = 8
const recentMax = 10
/** Clocks that are no farther apart are shown as fine. */
const unnoticedMs = 50

export function pictureOf({ nodes, relays, recent }: Seen, { columns, rows, colour }: Size): string {
  const sorted = [...nodes].sort((one, other) => (one.node < other.node ? -1 : 1))
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text)
  const dim = (text: string) => (colour ? `\x1b[2m${text}\x1b[0m` : text)
  const lines = [
    `${bold('reeve top')}  ${headline(sorted)}`,
    '',
    ...heads(nodesTable(sorted), dim),
    '',
    ...heads(machinesTable(sorted), dim),
    ...silent(sorted, relays),
    ...alarmsOf(sorted),
    '',
    ...heads(linksTable(sorted), dim),
    '',
    ...heads(topicsTable(sorted), dim),
  ]
  const room = rows === undefined ? recentMax : Math.min(recentMax, rows - lines.length - 2)
  if (room > 0 && recent.length > 0) lines.push('', ...recent.slice(-room).map((record) => dim(happened(record))))
  const fitting = lines.slice(0, rows === undefined ? undefined : Math.max(1, rows - 1))
  return fitting.map((line) => cut(line, columns)).join('\n')
}

function heads(text: string, dim: (text: string) => string): string[] {
  const [head = '', ...rows] = text.trimEnd().split('\n')
  return rows.length > 0 ? [dim(head), ...rows] : []
}

function headline(nodes: readonly NodeReplay[]): string {
  // Of who may not look nothing is known, least of all that nobody is behind.
  if (nodes.length === 0) return 'no node tells what it does'
  const facts = nodes.map((node) => node.facts)
  const written = sum(facts.map((each) => perSecond(each, 'written')))
  const copied = sum(facts.map((each) => perSecond(each, 'copied')))
  const lag = sum(facts.flatMap(({ links = [] }) => links.map(({ lagRecords }) => lagRecords)))
  const cluster = facts.find(({ node }) => node)?.node?.cluster ?? '?'
  return [
    `cluster ${cluster}`,
    counted(nodes.length, 'node'),
    `${grouped(written)} written/s`,
    `${grouped(copied)} copied/s`,
    lag > 0 ? `${grouped(lag)} behind` : 'nobody behind',
  ].join(' · ')
}

function nodesTable(nodes: readonly NodeReplay[]): string {
  return table(
    ['node', 'phase', 'written/s', 'copied/s', 'logs', 'on disk', 'sees'],
    nodes.map(({ node, facts, actors }) => {
      const { logs } = facts
      const phase = actors.size === 0 ? 'stopped' : (facts.node?.phase ?? 'starting')
      return [
        node,
        `${signs[phase] ?? '◐'} ${phase}`,
        grouped(perSecond(facts, 'written')),
        grouped(perSecond(facts, 'copied')),
        grouped((logs?.entries.length ?? 0) + (logs?.omitted ?? 0)),
        roundBytes(sum(logs?.entries.map(({ bytes }) => bytes) ?? [])),
        seenBy(facts),
      ]
    }),
  )
}

/** What each node runs on. Fsyncs: half of them took no longer, and 99 of 100. */
function machinesTable(nodes: readonly NodeReplay[]): string {
  return table(
    ['node', 'disk free', 'fsync ms', 'p99', 'loop ms', 'clock', 'calls', 'gossip'],
    nodes.map(({ node, facts: { disk, gossip, links, load, server } }) => [
      node,
      disk ? `${roundBytes(disk.freeBytes)} ${percent(disk.freeBytes, disk.totalBytes)}` : '-',
      load?.syncs ? short(load.syncs.medianMs) : '-',
      load?.syncs ? short(load.syncs.p99Ms ?? load.syncs.maxMs) : '-',
      load ? String(Math.round(load.loopDelayMs)) : '-',
      clockOf(links),
      server ? String(server.calls) : '-',
      gossip ? (gossip.health === 0 ? 'fine' : `slow ${gossip.health}`) : '-',
    ]),
  )
}

/** The peer's whose clock is farthest from the node's: `+5.0 s c`; fine where that is no more than can be told. */
function clockOf(links: NodeFacts['links'] = []): string {
  const known = links.flatMap(({ peer, clock }) => (clock ? { peer, ...clock } : []))
  const [worst] = known.sort((one, other) => Math.abs(other.skewMs) - Math.abs(one.skewMs))
  if (!worst) return '-'
  const { peer, skewMs, withinMs } = worst
  if (Math.abs(skewMs) <= Math.max(withinMs, unnoticedMs)) return 'fine'
  const size = Math.abs(skewMs) < 1000 ? `${Math.abs(skewMs)} ms` : `${(Math.abs(skewMs) / 1000).toFixed(1)} s`
  return `${skewMs > 0 ? '+' : '-'}${size} ${peer}`
}

function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)}%` : ''
}

function short(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : String(Math.round(ms))
}

/** 3 alive, 1 failed */
function seenBy({ members = [] }: NodeFacts): string {
  const counts = new Map<string, number>()
  for (const { status } of members) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ') || '-'
}

/** Who copies from whom; of large clusters only what is not as it should be. */
function linksTable(nodes: readonly NodeReplay[]): string {
  if (nodes.length > matrixMax) {
    const odd = nodes.flatMap(({ node, facts }) =>
      (facts.links ?? [])
        .filter(({ state, lagRecords }) => state !== 'live' || lagRecords > 0)
        .map((link) => ({ node, link })),
    )
    const rows = odd.map(({ node, link }) => [node, link.peer, cell(link.state, link.lagRecords)])
    return table(['node', 'copies from', ''], rows.slice(0, 2 * matrixMax))
  }
  const names = nodes.map(({ node }) => node)
  const peers = [
    ...new Set([...names, ...nodes.flatMap(({ facts }) => (facts.links ?? []).map(({ peer }) => peer))]),
  ].sort()
  return table(
    ['copies', ...peers.map((peer) => `from ${peer}`)],
    nodes.map(({ node, facts }) => [
      node,
      ...peers.map((peer) => {
        const link = facts.links?.find((each) => each.peer === peer)
        return link ? cell(link.state, link.lagRecords) : ''
      }),
    ]),
  )
}

function cell(state: string, lag: number): string {
  return `${signs[state] ?? '?'} ${state}${lag > 0 ? ` -${grouped(lag)}` : ''}`
}

/** A topic's records, of all its logs, on each node. */
function topicsTable(nodes: readonly NodeReplay[]): string {
  const topics = new Map<string, { logs: Set<string>; held: Map<string, number> }>()
  for (const { node, facts } of nodes) {
    for (const { topic, origin, epoch, end } of facts.logs?.entries ?? []) {
      const known = topics.get(topic) ?? { logs: new Set(), held: new Map() }
      known.logs.add(`${origin}/${epoch}`)
      known.held.set(node, (known.held.get(node) ?? 0) + end)
      topics.set(topic, known)
    }
  }
  const users = [...topics].filter(([topic]) => !topic.startsWith('_')).sort(([one], [other]) => (one < other ? -1 : 1))
  const shown = nodes.length > matrixMax ? [] : nodes
  return table(
    ['topic', 'logs', 'records', ...shown.map(({ node }) => `on ${node}`)],
    users
      .slice(0, topicsMax)
      .map(([topic, { logs, held }]) => [
        topic,
        grouped(logs.size),
        grouped(Math.max(...held.values())),
        ...shown.map(({ node }) => grouped(held.get(node) ?? 0)),
      ]),
  )
}

/** Who is asked in vain. */
function silent(nodes: readonly NodeReplay[], relays: readonly RelayRecord[]): string[] {
  const quiet = relays.filter(({ state }) => state !== 'open' && state !== 'gone' && state !== 'asking')
  return quiet.map((relay) => {
    const old = nodes.some(({ node }) => node === relay.node) ? '; what stands here of it is old' : ''
    return `✕ ${relay.node}: ${relay.reason?.message ?? relay.state}${old}`
  })
}

function alarmsOf(nodes: readonly NodeReplay[]): string[] {
  return nodes.flatMap(({ node, facts }) => (facts.alarms ?? []).map(({ text }) => `! ${node}: ${text}`))
}

function happened({ node, atMs, actor, event, before, after }: TransitionRecord): string {
  const at = new Date(atMs).toISOString().slice(11, 23)
  const leaves = (states: readonly string[]) => states.map((state) => state.slice(state.lastIndexOf('.') + 1)).join(' ')
  return `${at}  ${node} ${actor}  ${event.type}  ${leaves(before)} → ${leaves(after)}`
}

function perSecond({ load }: NodeFacts, what: 'written' | 'copied'): number {
  return load && load.periodMs > 0 ? Math.round((1000 * load[what]) / load.periodMs) : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Counts no colours: those are at the beginning and the end of a line. */
function cut(line: string, columns: number): string {
  const plain = line.replace(/\x1b\[\d+m/g, '')
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(1, columns - 1))}…`
}
