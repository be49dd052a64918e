/** A whole Reeve node as a scenario holds it: the same code as in production above the door of its host. */

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { Logger } from 'pino'
import type { AnyActorRef, InspectionEvent } from 'xstate'
import { formatAddress } from '../address.ts'
import { type NodeSettings, parseConfig } from '../config.ts'
import type { Rpc } from '../env/env.ts'
import { toReeveError } from '../errors.ts'
import { LogService, ProduceRequestSchema, ProduceResponseSchema } from '../gen/reeve/v1/log_service_pb.ts'
import { framesIn } from '../log/frame.ts'
import type { LogView } from '../log/journal.ts'
import { epochFromBytes } from '../log/log-id.ts'
import { createNode } from '../node.ts'
import { connectSerf, type SerfClient } from '../serf-rpc/client.ts'
import { hearing } from './hearing.ts'
import type { HeldFrames } from './invariants.ts'
import { keyKeeper } from './key-keeper.ts'
import type { ClientOptions } from './outside.ts'
import { registrarOf, writerTls } from './registrar.ts'
import type { RunTrace } from './run-trace.ts'
import type { NodeHandle, StartContext } from './scenario.ts'
import { reachedByLine } from './sometimes.ts'
import type { World } from './world.ts'

export interface ReeveNodeOptions {
  readonly log: Logger
  readonly settings?: NodeSettings
  /** Copies asked for by every n-th produce are 2; 0: never. */
  readonly twoCopiesEvery?: number
  /** Gets what the inspector of each node records. */
  readonly runTrace?: RunTrace
}

const gossipPort = 7946
export const rpcPort = 8400
const serfPort = 7373
const administrationTimeoutMs = 20_000
const producePath = `/${LogService.typeName}/${LogService.method.produce.name}`
const produceTimeoutMs = 5000

/** Clients of such nodes; `settings` are those of the nodes. */
export function reeveClients(
  settings: NodeSettings = {},
  mix: Omit<ClientOptions, 'rpcPort' | 'limits'> = {},
): ClientOptions {
  const known = { hostName: 'any', resolvePath: (path: string) => path }
  const { retentionMs, retentionBytes, retentionRecords } = parseConfig(settings, known)
  return { ...mix, rpcPort, limits: { retentionMs, retentionBytes, retentionRecords } }
}

/** Starts nodes that all know the addresses of all hosts. */
export const reeveNode =
  (options: ReeveNodeOptions) =>
  async ({ host, hosts, world }: StartContext): Promise<NodeHandle> => {
    const { log, settings, twoCopiesEvery = 0, runTrace } = options
    const { env } = host
    const administration = { host: host.ip, port: serfPort }
    const config = parseConfig(
      {
        nodeName: host.nodeName,
        bindAddr: `${host.ip}:${gossipPort}`,
        startJoinAddrs: hosts.filter(({ name }) => name !== host.name).map(({ ip }) => `${ip}:${gossipPort}`),
        rpcPort,
        insecure: true,
        inspect: runTrace !== undefined,
        dataDir: '/data',
        serfRpcAddr: formatAddress(administration),
        ...settings,
        ...host.settings,
      },
      { hostName: host.name, resolvePath: (path) => path },
    )
    if (config.serverTls) registrarOf(world).equip(host)
    const keeper = keyKeeper(world)
    if (config.gossipKeyringFile !== undefined) await keeper.handOut(env.disk, config.gossipKeyringFile)
    const node = createNode(config, env, {
      log: hearing(log, (fields, line) => heardLine(world, fields, line)).child({ node: config.nodeName }),
      inspect: (event) => noteTransition(world, host.name, event),
      ...(runTrace && { onlooker: runTrace.onlooker(host) }),
    })
    await node.start()
    const ended = new Promise<string>((resolve) => {
      node.done.then((failure) => failure && resolve(failure.message))
    })
    const administrators = new Set<SerfClient>()
    const administer = async (work: (client: SerfClient) => Promise<void>): Promise<void> => {
      const client = await connectSerf({ env, at: administration, timeoutMs: administrationTimeoutMs })
      administrators.add(client)
      await work(client).finally(() => {
        administrators.delete(client)
        client.close()
      })
    }
    const channel = env.rpc.dial({ to: { host: host.ip, port: rpcPort }, ...(config.serverTls && { tls: writerTls }) })
    let produced = 0
    /** Where the frames of each log end that were asked for. */
    const told = new Map<string, number>()
    const logs = () => node.journal?.logs() ?? []
    const copies = () => (twoCopiesEvery > 0 && ++produced % twoCopiesEvery === 0 ? 2 : 1)
    return {
      name: config.nodeName,
      ended,
      forceLeave: (name) => administer((client) => client.forceLeave(name, false)),
      changeKey: () => administer((client) => keeper.change(client)),
      produce: (topic, value) => produce(channel, { topic, batch: { records: [{ value }] }, copies: copies() }),
      produceOnce: (topic, value, { producer, sequence }) => {
        const place = { producerId: producer, producerSequence: BigInt(sequence) }
        return produce(channel, { topic, batch: { records: [{ value }] }, copies: copies(), ...place })
      },
      copies: () => logs().map(({ key, start, end }) => ({ log: key, start, end })),
      frames: (which) => logs().flatMap((log) => heldFrames(log, which === 'all' ? 0 : (told.get(log.key) ?? 0), told)),
      readAll: () => logs().flatMap(recordIds),
      places: () => logs().flatMap(placesIn),
      wanted: () => node.status().wanted,
      running: () =>
        Object.entries(node.status().replicators)
          .filter(([, state]) => state !== 'parked')
          .map(([peer]) => peer),
      lagging: () =>
        Object.entries(node.status().replicators)
          .filter(([, state]) => state !== 'parked' && state !== 'live')
          .map(([peer]) => peer),
      async stop() {
        channel.close()
        for (const client of administrators) client.close()
        await node.stop()
      },
    }
  }

/** Every transition of every chart is part of the trace: two runs that differ in one differ in their hash. */
function noteTransition(world: World, node: string, event: InspectionEvent): void {
  if (event.type !== '@xstate.snapshot' || !('value' in event.snapshot)) return
  const { type } = event.event
  const value = JSON.stringify(event.snapshot.value)
  world.note(`${node} ${(event.actorRef as AnyActorRef).id} ${type} ${value}`)
  if (value === '"parked"' && type === 'park') world.sometimes('replicatorParked')
  else if (type === 'resume') world.sometimes('replicatorResumed')
}

function heardLine(world: World, fields: Readonly<Record<string, unknown>>, line: string): void {
  const reached = reachedByLine(line)
  if (reached !== undefined) world.sometimes(reached)
  else if (line === 'member failed' && world.hosts.get(String(fields.member))?.alive) world.sometimes('refuted')
}

function produce(
  channel: ReturnType<Rpc['dial']>,
  request: MessageInitShape<typeof ProduceRequestSchema>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let record: string | undefined
    const call = channel.call(
      producePath,
      { timeoutMs: produceTimeoutMs },
      {
        message: (bytes) => {
          const { log, baseOffset } = fromBinary(ProduceResponseSchema, bytes)
          const epoch = epochFromBytes(log!.epoch)
          if (epoch.ok) record = `${log!.topic}/${log!.origin}/${epoch.value}/${baseOffset}`
        },
        closed: (error) => (error || !record ? reject(error ?? new Error('no answer')) : resolve(record)),
      },
    )
    call.send(toBinary(ProduceRequestSchema, create(ProduceRequestSchema, request)))
    call.end()
  })
}

const readBytes = 1024 * 1024

/** Undefined: damage, or a disk that fails; nobody is served what lies there. */
function readable(log: LogView, at: number): Uint8Array | undefined {
  try {
    return log.read(at, readBytes)
  } catch (error) {
    if (toReeveError(error).code === 'INTERNAL') throw error
    return undefined
  }
}

/** Up to the first that cannot be read. */
function* frames(log: LogView, from = log.start) {
  for (let at = from; at < log.end; ) {
    const bytes = readable(log, at)
    if (bytes === undefined) return
    for (const frame of framesIn(bytes)) {
      yield frame
      at = frame.baseOffset + frame.recordCount
    }
  }
}

/** From `from` on; notes in `told` how far that is. */
function heldFrames(log: LogView, from: number, told: Map<string, number>): HeldFrames[] {
  if (from >= log.end) return []
  const held = Array.from(frames(log, Math.max(from, log.start)), ({ baseOffset, recordCount, chain }) => {
    return { base: baseOffset, end: baseOffset + recordCount, chain }
  })
  told.set(log.key, held.at(-1)?.end ?? from)
  return [{ log: log.key, frames: held }]
}

function recordIds(log: LogView): string[] {
  return [...frames(log)].flatMap(({ baseOffset, recordCount }) =>
    Array.from({ length: recordCount }, (_, index) => `${log.key}/${baseOffset + index}`),
  )
}

/** The scenario's producers send one record a batch. */
function placesIn(log: LogView): string[] {
  return [...frames(log)].flatMap(({ producer }) =>
    producer ? [`${log.id.topic}/${Buffer.from(producer.id).toString('hex')}/${producer.sequence}`] : [],
  )
}
