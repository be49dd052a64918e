/** Where the facts about a node come from: its own parts, asked at the moment of each look. */

import type { AnyMachineSnapshot } from 'xstate'
import type { ServerContext } from '../../machines/server.ts'
import type { SupervisorContext } from '../../machines/supervisor.ts'
import { type Credentials, certificateEnds } from '../actors/credentials.ts'
import type { ClusterMember } from '../actors/gossip-actor.ts'
import type { PeerClocks, Skew } from '../actors/peer-clock.ts'
import { replicatorStates } from '../actors/supervisor.ts'
import { formatAddress } from '../address.ts'
import type { NodeConfig } from '../config.ts'
import type { Address, Clock, DiskSpace, Env, OpenCall } from '../env/env.ts'
import type { Journal } from '../log/journal.ts'
import type { LogView } from '../log/log-view.ts'
import type { NodeOptions } from '../node.ts'
import type { Assignment } from '../replication/assignment.ts'
import type { Copies } from '../replication/copies.ts'
import type { Directory } from '../replication/directory.ts'
import type { PhaseSource } from '../server/phase.ts'
import type { Finding } from './alarms.ts'
import type { DiskRoom } from './disk-room.ts'
import type { DiskPart, GossipPart, LinkFacts, NodePart } from './facts.ts'
import type { FactSources } from './gather.ts'
import { Inspector } from './inspector.ts'
import type { SyncTimes } from './sync-times.ts'

export interface NodeParts {
  readonly config: NodeConfig
  readonly env: Env
  readonly epoch: string
  readonly options: Pick<NodeOptions, 'log' | 'page' | 'version' | 'onlooker' | 'metrics'>
  readonly phase: PhaseSource
  readonly copies: Copies
  readonly directory: Directory
  readonly assignment: Assignment
  readonly clocks: Pick<PeerClocks, 'of'>
  readonly credentials: Credentials
  /** Of the data folder. */
  readonly room: DiskRoom
  readonly syncs: SyncTimes
  readonly journal: () => Journal | undefined
  readonly member: () => ClusterMember | undefined
  readonly serfRpcAddress: () => Address | undefined
  /** That are served now. */
  readonly calls: () => ReadonlySet<OpenCall>
  /** The supervisor's. */
  readonly snapshot: () => AnyMachineSnapshot
}

/**
 * Who looks on and must change nothing of what happens at the node: the inspector lives by `clock`, records carry the time of
 * `recordClock`, and the inspector is handed over before the node starts.
 */
export interface Onlooker {
  readonly clock: Clock
  readonly recordClock: Clock
  inspecting(inspector: Inspector): void
}

/** Who has less time than this left should be given a new certificate. */
const expiryWarningMs = 14 * 86_400_000

/** A disk with less room than these shares of it is nearly full, unless it is so large that there is plenty all the same. */
const shortageWarning = 0.1
const shortageError = 0.03
const plentyBytes = 100 * 1024 ** 3

type Found = Finding & { readonly about: string }

export function inspectNode(parts: NodeParts): Inspector {
  const { config, env: own, epoch, phase, options, credentials, snapshot, calls } = parts
  const { onlooker } = options
  const env = onlooker ? { ...own, clock: onlooker.clock } : own
  const context = () => snapshot().context as SupervisorContext
  const inspector = new Inspector({
    ...{ node: config.nodeName, epoch, env, phase },
    ...(onlooker && { recordClock: onlooker.recordClock }),
    page: options.page ?? (() => undefined),
    facts: { ...factSources(parts), calls },
    tls: () => credentials.peerTls,
    peers: () => context().peers.filter(({ up }) => up),
    httpAddress: () => context().httpAddress,
    failed: (reason) => options.log.warn({ actor: 'inspector', reason }, 'something could not be recorded'),
  })
  onlooker?.inspecting(inspector)
  return inspector
}

function factSources(parts: NodeParts): Omit<FactSources, 'server'> {
  const { journal, member, directory, copies, room, syncs } = parts
  return {
    logs: () => journal()?.logs() ?? [],
    peersOf: (log) => (log.own ? copies.ends(log.key) : endsBeyond(directory, log)),
    node: () => nodePart(parts),
    members: () => member()?.members() ?? [],
    rttMs: async (name) => member()?.rtt(name),
    gossip: () => gossipPart(member()),
    links: () => links(parts),
    disk: () => diskPart(room.look()),
    syncs: () => syncs.take(),
    findings: (nowMs) => [...damages(parts), ...shortages(room.look()), ...expiries(parts, nowMs), ...refusals(parts)],
  }
}

function nodePart({ config, options, snapshot, phase, member, serfRpcAddress }: NodeParts): NodePart {
  const { rpcAddress, httpAddress } = snapshot().context as SupervisorContext
  const text = (address: Address | undefined) => (address ? formatAddress(address) : null)
  return {
    version: options.version ?? '',
    cluster: config.clusterName,
    durability: config.durability,
    phase: phase.current,
    rpcAddress,
    httpAddress,
    gossipAddress: text(member()?.address),
    serfRpcAddress: text(serfRpcAddress()),
  }
}

/** Free room moves all the time: three digits of it are told, so that it is news only now and then. */
function diskPart(space: DiskSpace | undefined): DiskPart | undefined {
  return space && { totalBytes: space.totalBytes, freeBytes: Number(space.freeBytes.toPrecision(3)) }
}

function endsBeyond(directory: Directory, { key }: LogView): ReadonlyMap<string, number> {
  const offer = directory.offer(key)
  return new Map([...(offer?.by ?? [])].map(([peer, { end }]) => [peer, end]))
}

export function gossipPart(member: ClusterMember | undefined): ReturnType<FactSources['gossip']> {
  const stats = member?.stats?.()
  if (!stats) return undefined
  const {
    health,
    incarnation,
    memberTime,
    eventTime,
    queryTime,
    stalls,
    suspicions,
    flaps,
    queued,
    problems,
    detected,
  } = stats
  const part: GossipPart = {
    ...{ health, incarnation, suspicions, flaps, stalls: { ...stalls, totalMs: Math.round(stalls.totalMs) }, queued },
    memberTime: String(memberTime),
    eventTime: String(eventTime),
    queryTime: String(queryTime),
    problems: Object.fromEntries(problems),
  }
  return { part, detected }
}

export function links({ snapshot, directory, assignment, clocks, journal }: NodeParts): LinkFacts[] {
  const now = snapshot()
  const { peers } = now.context as SupervisorContext
  return [...replicatorStates(now)].map(([peer, state]) => {
    let lagRecords = 0
    let lagLogs = 0
    for (const [key, id] of assignment.share(peer)) {
      const behind = directory.endAt(peer, key) - (journal()?.log(id)?.end ?? 0)
      if (behind <= 0) continue
      lagRecords += behind
      lagLogs++
    }
    const address = peers.find(({ name }) => name === peer)?.address ?? ''
    const clock = roughly(clocks.of(peer))
    return { peer, address, state, lagRecords, lagLogs, ...(clock && { clock }) }
  })
}

/** In whole milliseconds: what moves from one reading to the next is no news. */
function roughly(skew: Skew | undefined): LinkFacts['clock'] {
  // Adding zero makes one of minus zero, which JSON does not have.
  return skew && { skewMs: Math.round(skew.skewMs) + 0, withinMs: Math.ceil(skew.withinMs) }
}

function damages({ journal }: NodeParts): Found[] {
  const damaged =
    journal()
      ?.soundness.damages()
      .filter(({ unlikely }) => !unlikely) ?? []
  return damaged.map(({ log, path, base }) => {
    const text = `${log.key} is damaged from about offset ${base} on; it is replaced when a peer has it`
    return { what: 'damage', severity: 'error', text, about: path }
  })
}

function shortages(space: DiskSpace | undefined): Found[] {
  if (!space || space.freeBytes >= plentyBytes) return []
  const { totalBytes, freeBytes } = space
  if (freeBytes >= shortageWarning * totalBytes) return []
  const severity = freeBytes < shortageError * totalBytes ? 'error' : 'warning'
  const text = `of the disk below the data folder ${((100 * freeBytes) / totalBytes).toFixed(1)} % is free, ${(freeBytes / 1024 ** 3).toFixed(1)} GiB`
  return [{ what: 'space', severity, text, about: '' }]
}

function expiries(parts: NodeParts, nowMs: number): Found[] {
  return certificateEnds(parts.credentials, parts.env.rpc).flatMap(({ use, endMs }): Found[] => {
    if (endMs - nowMs > expiryWarningMs) return []
    const whose = use === 'server' ? "the server's" : "the node's client"
    const days = Math.floor((endMs - nowMs) / 86_400_000)
    const text = days < 0 ? `${whose} certificate has ended` : `${whose} certificate ends in ${days} days`
    return [{ what: 'certificate', severity: days < 2 ? 'error' : 'warning', text, about: whose }]
  })
}

function refusals({ snapshot }: NodeParts): Found[] {
  const now = snapshot()
  const found = [...replicatorStates(now)].flatMap(([peer, state]): Found[] => {
    if (state !== 'diverged') return []
    const text = `the copy of ${peer} contradicts ours; what it concerns is left out`
    return [{ what: 'diverged', severity: 'error', text, about: peer }]
  })
  const server = now.children.server?.getSnapshot() as { context?: ServerContext } | undefined
  const refused = server?.context?.reloadRefused
  if (!refused) return found
  const text = 'changed certificates or access rules are unusable; what was in force stays'
  return [...found, { what: 'reload', severity: 'error', text, about: '' }]
}
