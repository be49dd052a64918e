/**
 * Measures one node. What happens often is counted in plain numbers, a batch or a commit at a time, which are read when
 * somebody asks; instruments themselves are called once a commit and once a call. What the node knows anyway is asked of
 * it then, as the inspector does.
 */

import type { Attributes, BatchObservableResult, Histogram, Meter, Observable } from '@opentelemetry/api'
import type { AnyMachineSnapshot } from 'xstate'
import type { Clock, DiskSpace, RpcRoute } from '../env/env.ts'
import { type ErrorCode, type GrpcCode, grpcCodeName } from '../errors.ts'
import type { GossipPart, LinkFacts } from '../inspector/facts.ts'
import type { Journal } from '../log/journal.ts'
import { isInternalTopic } from '../log/log-id.ts'
import type { LogView } from '../log/log-view.ts'
import { countActors } from './actor-states.ts'
import { type Metric, type NodeMetricName, nodeMetrics } from './catalogue.ts'
import { timedAppends } from './timed-appends.ts'

/** Asked when somebody looks. */
export interface MeasuredNode {
  readonly snapshot: () => AnyMachineSnapshot
  /** Undefined: the logs are not open. */
  readonly journal: () => Journal | undefined
  readonly calls: () => { readonly size: number }
  readonly links: () => readonly LinkFacts[]
  /** How far a peer's clock is ahead of ours; undefined: not known. */
  readonly skew: (peer: string) => { readonly skewMs: number } | undefined
  /** Statuses of all members, `suspect` among them. */
  readonly memberStatuses: () => readonly string[]
  /** Undefined: a Serf agent does the gossip. */
  readonly gossip: () => GossipPart | undefined
  /** Never rejects; undefined: not known. */
  readonly room: () => Promise<DiskSpace | undefined>
  /** By whose it is: seconds until it ends. */
  readonly certificates: () => ReadonlyMap<string, number>
}

/** Beyond them, peers are added up under `otherPeers`: a series a peer is to be no burden to whoever collects them. */
const peersMax = 200
const otherPeers = '(others)'
const linkStates = ['dialing', 'catchingUp', 'live', 'backoff', 'parked', 'diverged']
const memberStates = ['alive', 'suspect', 'leaving', 'left', 'failed']

export class NodeMetrics {
  readonly #meter: Meter
  readonly #node: MeasuredNode
  readonly #observed: Observable[] = []
  readonly #byName = new Map<string, Observable>()
  readonly #appendSeconds: Histogram
  readonly #syncSeconds: Histogram
  readonly #commitRecords: Histogram
  readonly #callSeconds: Histogram
  readonly #known = new WeakMap<LogView, { readonly end: number; bytes: number }>()
  readonly #failures = new Map<ErrorCode, number>()
  #writtenRecords = 0
  #copiedRecords = 0
  #writtenBytes = 0
  #consumedRecords = 0
  #consumedBytes = 0

  constructor(meter: Meter, clock: Clock, node: MeasuredNode) {
    this.#meter = meter
    this.#node = node
    this.#appendSeconds = this.#histogram('reeve.append.duration')
    this.#syncSeconds = this.#histogram('reeve.sync.duration')
    this.#commitRecords = this.#histogram('reeve.commit.records')
    this.#callSeconds = this.#histogram('rpc.server.call.duration')
    this.timed = timedAppends(clock, {
      durable: (ms) => this.#appendSeconds.record(ms / 1000),
      failed: (code) => void this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1),
    })
    for (const [name, metric] of Object.entries(nodeMetrics)) this.#observe(name, metric)
    meter.addBatchObservableCallback(this.#look, this.#observed)
  }

  /** An fsync of a log took so long. */
  synced(ms: number): void {
    this.#syncSeconds.record(ms / 1000)
  }

  routes(routes: readonly RpcRoute[]): RpcRoute[] {
    return routes.map((route) => {
      const method = `${route.method.parent.typeName}/${route.method.name}`
      // One object for each series, ever: whoever keeps the histogram may know the series by it.
      const series: Attributes[] = []
      const ended = (status: GrpcCode, tookMs: number) => {
        series[status] ??= {
          'rpc.system.name': 'grpc',
          'rpc.method': method,
          'rpc.response.status_code': grpcCodeName(status),
        }
        this.#callSeconds.record(tookMs / 1000, series[status])
      }
      return { ...route, ended }
    })
  }

  /** To be told of every promise of being durable that somebody waits for. */
  readonly timed: (durable: Promise<unknown>) => void

  readonly consumed = (records: number, bytes: number): void => {
    this.#consumedRecords += records
    this.#consumedBytes += bytes
  }

  /** The logs are open. */
  follow(journal: Journal): void {
    for (const log of journal.logs()) this.#known.set(log, { end: log.end, bytes: log.bytes })
    journal.onCommit((log) => this.#grown(log))
    journal.onTrim((log) => {
      const known = this.#known.get(log)
      if (known) known.bytes = log.bytes
    })
  }

  close(): void {
    this.#meter.removeBatchObservableCallback(this.#look, this.#observed)
  }

  #grown(log: LogView): void {
    const known = this.#known.get(log)
    // A copy may begin behind what nobody has any more.
    const records = log.end - (known?.end ?? log.start)
    // While segments of it are being removed, less than that was added: not counted then.
    const bytes = log.bytes - (known?.bytes ?? 0)
    this.#known.set(log, { end: log.end, bytes: log.bytes })
    if (records <= 0) return
    this.#commitRecords.record(records)
    if (!log.own) this.#copiedRecords += records
    else if (!isInternalTopic(log.id.topic)) {
      this.#writtenRecords += records
      this.#writtenBytes += Math.max(0, bytes)
    }
  }

  #histogram(name: NodeMetricName): Histogram {
    const { unit, about, bounds }: Metric = nodeMetrics[name]
    const advice = { explicitBucketBoundaries: [...(bounds ?? [])] }
    return this.#meter.createHistogram(name, { unit, description: about, advice })
  }

  #observe(name: string, { kind, unit, about }: Metric): void {
    if (kind === 'histogram') return
    const options = { unit, description: about }
    const observable =
      kind === 'counter'
        ? this.#meter.createObservableCounter(name, options)
        : kind === 'level'
          ? this.#meter.createObservableUpDownCounter(name, options)
          : this.#meter.createObservableGauge(name, options)
    this.#observed.push(observable)
    this.#byName.set(name, observable)
  }

  readonly #look = async (result: BatchObservableResult): Promise<void> => {
    const tell = (name: NodeMetricName, value: number, attributes?: Record<string, string>) =>
      result.observe(this.#byName.get(name) as Observable, value, attributes)
    tell('reeve.produce.records', this.#writtenRecords)
    tell('reeve.produce.io', this.#writtenBytes)
    tell('reeve.consume.records', this.#consumedRecords)
    tell('reeve.consume.io', this.#consumedBytes)
    tell('reeve.replication.records', this.#copiedRecords)
    for (const [code, count] of this.#failures) tell('reeve.append.failures', count, { 'error.type': code })
    tell('reeve.server.calls', this.#node.calls().size)
    this.#lookAtLinks(tell)
    for (const [status, count] of tally(memberStates, this.#node.memberStatuses())) {
      tell('reeve.gossip.members', count, { 'reeve.member.status': status })
    }
    this.#lookAtGossip(tell)
    for (const { chart, state, count } of countActors(this.#node.snapshot())) {
      tell('reeve.actors', count, { 'reeve.actor.chart': chart, 'reeve.actor.state': state })
    }
    for (const [use, seconds] of this.#node.certificates()) {
      tell('reeve.certificate.remaining', seconds, { 'reeve.certificate.use': use })
    }
    this.#lookAtLogs(tell)
    const space = await this.#node.room()
    if (!space) return
    tell('reeve.disk.size', space.totalBytes)
    tell('reeve.disk.free', space.freeBytes)
  }

  #lookAtLogs(tell: Tell): void {
    const journal = this.#node.journal()
    if (!journal) return
    const logs = journal.logs()
    tell('reeve.logs', logs.length)
    tell(
      'reeve.log.size',
      logs.reduce((sum, log) => sum + log.bytes, 0),
    )
    tell('reeve.log.segments.damaged', journal.soundness.damages().filter(({ unlikely }) => !unlikely).length)
  }

  #lookAtLinks(tell: Tell): void {
    const links = [...this.#node.links()].sort((a, b) => (a.peer < b.peer ? -1 : 1))
    for (const { peer, lagRecords } of links.slice(0, peersMax)) {
      tell('reeve.replication.lag', lagRecords, { 'reeve.peer': peer })
      const skew = this.#node.skew(peer)
      if (skew) tell('reeve.clock.skew', skew.skewMs / 1000, { 'reeve.peer': peer })
    }
    const others = links.slice(peersMax)
    const lag = others.reduce((sum, { lagRecords }) => sum + lagRecords, 0)
    if (others.length > 0) tell('reeve.replication.lag', lag, { 'reeve.peer': otherPeers })
    const states = links.map(({ state }) => state)
    for (const [state, count] of tally(linkStates, states)) {
      tell('reeve.replication.links', count, { 'reeve.link.state': state })
    }
  }

  #lookAtGossip(tell: Tell): void {
    const gossip = this.#node.gossip()
    if (!gossip) return
    tell('reeve.gossip.health', gossip.health)
    for (const [kind, count] of Object.entries(gossip.queued)) {
      tell('reeve.gossip.broadcasts', count, { 'reeve.broadcast.kind': kind })
    }
    tell('reeve.gossip.stalls', gossip.stalls.count)
    tell('reeve.gossip.stall.time', gossip.stalls.totalMs / 1000)
    for (const [kind, count] of Object.entries(gossip.suspicions ?? {})) {
      tell('reeve.gossip.suspicions', count, { 'reeve.suspicion.kind': kind })
    }
    tell('reeve.gossip.flaps', gossip.flaps ?? 0)
    for (const [problem, count] of Object.entries(gossip.problems)) {
      tell('reeve.gossip.problems', count, { 'reeve.problem': problem })
    }
  }
}

type Tell = (name: NodeMetricName, value: number, attributes?: Record<string, string>) => void

/** Those that are known are there with 0, too: a series that is absent until something is wrong warns nobody. */
function tally(known: readonly string[], seen: readonly string[]): Map<string, number> {
  const counts = new Map(known.map((each) => [each, 0]))
  for (const each of seen) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}
