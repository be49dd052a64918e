/**
 * The one table of what is measured. Names and units are those of OpenTelemetry's semantic conventions where it has one,
 * else `reeve.…` with units of UCUM. No metric has a topic as an attribute: there may be any number of them, and their
 * names belong to users. What is said of each peer is said of `peersMax` of them.
 *
 * https://opentelemetry.io/docs/specs/semconv/
 */

export type MetricKind = 'counter' | 'gauge' | 'level' | 'histogram'

export interface Metric {
  /** `level`: goes up and down, and adds up over nodes; a gauge does not. */
  readonly kind: MetricKind
  readonly unit: string
  readonly about: string
  readonly attributes?: readonly string[]
  /** Upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[]
}

/** From 0.1 ms to 10 s. */
const seconds = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]

/** Of a node. */
export const nodeMetrics = {
  'reeve.produce.records': {
    kind: 'counter',
    unit: '{record}',
    about: 'Records that were written to this node and are durable',
  },
  'reeve.produce.io': {
    kind: 'counter',
    unit: 'By',
    about: 'Bytes of those records on the disk, headers of frames included',
  },
  'reeve.consume.records': { kind: 'counter', unit: '{record}', about: 'Records that were handed to readers' },
  'reeve.consume.io': { kind: 'counter', unit: 'By', about: 'Bytes of those records, as they are stored' },
  'reeve.replication.records': {
    kind: 'counter',
    unit: '{record}',
    about: 'Records of other nodes and earlier runs that became durable here',
  },
  'reeve.append.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'From taking a batch until it is durable; of those that go to the disk together, the first',
    bounds: seconds,
  },
  'reeve.append.failures': {
    kind: 'counter',
    unit: '{append}',
    about: 'Appends that the disk or the log refused; those that go to the disk together count once',
    attributes: ['error.type'],
  },
  'reeve.sync.duration': { kind: 'histogram', unit: 's', about: 'How long one fsync of a log took', bounds: seconds },
  'reeve.commit.records': {
    kind: 'histogram',
    unit: '{record}',
    about: 'Records of one log that became durable together',
    bounds: counts,
  },
  'rpc.server.call.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'Calls from begin to end, of streams their whole life; Produce includes the wait for copies',
    attributes: ['rpc.system.name', 'rpc.method', 'rpc.response.status_code'],
    bounds: seconds,
  },
  'reeve.server.calls': { kind: 'level', unit: '{call}', about: 'Calls under way, streams included' },
  'reeve.replication.lag': {
    kind: 'level',
    unit: '{record}',
    about: 'Records that a peer has of what is copied from it, and this node has not yet',
    attributes: ['reeve.peer'],
  },
  'reeve.replication.links': {
    kind: 'level',
    unit: '{link}',
    about: 'Peers to copy from, by how that goes',
    attributes: ['reeve.link.state'],
  },
  'reeve.clock.skew': {
    kind: 'gauge',
    unit: 's',
    about: "How far a peer's clock is ahead of this node's; below zero: behind; absent where it is not known",
    attributes: ['reeve.peer'],
  },
  'reeve.gossip.members': {
    kind: 'level',
    unit: '{member}',
    about: 'Members as this node sees them, itself included',
    attributes: ['reeve.member.status'],
  },
  'reeve.gossip.health': {
    kind: 'gauge',
    unit: '{level}',
    about: '0: fine; up to 7: this node seems to be slow itself',
  },
  'reeve.gossip.broadcasts': {
    kind: 'level',
    unit: '{broadcast}',
    about: 'Broadcasts that wait to be sent often enough',
    attributes: ['reeve.broadcast.kind'],
  },
  'reeve.gossip.stalls': {
    kind: 'counter',
    unit: '{stall}',
    about: 'How often gossip was due and this process did not run',
  },
  'reeve.gossip.stall.time': { kind: 'counter', unit: 's', about: 'How long that was altogether' },
  'reeve.gossip.suspicions': {
    kind: 'counter',
    unit: '{suspicion}',
    about:
      'Members that were suspected (raised: by this node, heard: by others), that refuted it or did not (confirmed); ofUs: others suspected this node',
    attributes: ['reeve.suspicion.kind'],
  },
  'reeve.gossip.flaps': {
    kind: 'counter',
    unit: '{member}',
    about: 'How often a member came back within a minute after it had failed',
  },
  'reeve.gossip.problems': {
    kind: 'counter',
    unit: '{problem}',
    about: 'What went wrong in gossip, most of it outside',
    attributes: ['reeve.problem'],
  },
  'reeve.actors': {
    kind: 'level',
    unit: '{actor}',
    about: 'Actors that have a chart, by their innermost states',
    attributes: ['reeve.actor.chart', 'reeve.actor.state'],
  },
  'reeve.logs': { kind: 'level', unit: '{log}', about: 'Logs of which this node has something' },
  'reeve.log.size': { kind: 'level', unit: 'By', about: 'Bytes of all logs on the disk' },
  'reeve.log.segments.damaged': {
    kind: 'level',
    unit: '{segment}',
    about: 'Segments in which damage was found and not mended yet',
  },
  'reeve.disk.size': {
    kind: 'gauge',
    unit: 'By',
    about: 'The file system of the data folder; absent where it does not say',
  },
  'reeve.disk.free': { kind: 'gauge', unit: 'By', about: 'What of it the node may still fill' },
  'reeve.certificate.remaining': {
    kind: 'gauge',
    unit: 's',
    about: "Until the certificate of the node's server, or that of its own calls (peer), ends",
    attributes: ['reeve.certificate.use'],
  },
} as const satisfies Record<string, Metric>

/** Of the process; from the command `reeve agent` alone, as a program has its own. */
export const processMetrics = {
  'nodejs.eventloop.delay.p50': {
    kind: 'gauge',
    unit: 's',
    about: 'How late the event loop came, since the last look',
  },
  'nodejs.eventloop.delay.p99': { kind: 'gauge', unit: 's', about: 'The same, at worst but for one of a hundred' },
  'nodejs.eventloop.delay.max': { kind: 'gauge', unit: 's', about: 'The same, at worst' },
  'nodejs.eventloop.utilization': {
    kind: 'gauge',
    unit: '1',
    about: 'Share of time the event loop had work, since start',
  },
  'process.cpu.time': { kind: 'counter', unit: 's', about: 'Processor time', attributes: ['cpu.mode'] },
  'process.memory.usage': { kind: 'level', unit: 'By', about: 'Memory that the process has in use' },
  'process.uptime': { kind: 'gauge', unit: 's', about: 'Since the process was started' },
} as const satisfies Record<string, Metric>

export type NodeMetricName = keyof typeof nodeMetrics

/** As Prometheus has it, after OpenTelemetry's rules: units and `_total` at the end. */
export function prometheusName(name: string, unit: string, monotonic: boolean): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9]+/g, '_')
  const suffix = unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : unit === '1' && !monotonic ? '_ratio' : ''
  const named = plain.endsWith(suffix) ? plain : `${plain}${suffix}`
  return monotonic ? `${named}_total` : named
}

/** For the README. */
export function metricsTableMarkdown(): string {
  const rows = Object.entries({ ...nodeMetrics, ...processMetrics } as Record<string, Metric>).map(([name, metric]) => {
    const { kind, unit, about, attributes = [] } = metric
    const shown = prometheusName(name, unit, kind === 'counter')
    return `| \`${name}\` | \`${shown}\` | ${unit} | ${about}${attributes.length > 0 ? `; by ${attributes.map((each) => `\`${each}\``).join(', ')}` : ''} |`
  })
  return ['| metric | for Prometheus | unit | |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}
