/** A few whole nodes in the simulated world, for scenarios about what they copy from each other. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Logger, pino } from 'pino'
import { type NodeSettings, parseConfig } from '../../src/config.ts'
import type { Disk, Env } from '../../src/env/env.ts'
import type { ReeveError } from '../../src/errors.ts'
import {
  ProduceRequestSchema,
  type ProduceResponse,
  ProduceResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { LogView } from '../../src/log/journal.ts'
import { createNode, type ReeveNode } from '../../src/node.ts'
import type { Host } from '../../src/simulation/host.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'

/** What a node is given that is not as usual. */
interface NodeParts {
  /** Its door to the world. */
  readonly through?: (env: Env) => Env
  readonly log?: Logger
}

export class Cluster {
  readonly world: World
  readonly #settings: NodeSettings
  readonly #nodes = new Map<string, ReeveNode>()

  constructor(options: { seed?: number; settings?: NodeSettings } = {}) {
    this.world = createWorld({ seed: options.seed ?? 1, processFailed: (_, error) => assertNever(error) })
    this.#settings = options.settings ?? {}
  }

  host(name: string): Host {
    return this.world.hosts.get(name) ?? this.world.addHost(name)
  }

  /** Starts (again) on its disk as it is; the first host is everybody's seed. */
  async start(name: string, settings: NodeSettings = {}, parts: NodeParts = {}): Promise<ReeveNode> {
    const host = this.host(name)
    if (!host.alive) host.start()
    const seeds = [...this.world.hosts.values()].filter((other) => other !== host).map(({ ip }) => `${ip}:7946`)
    const config = parseConfig(
      {
        nodeName: name,
        bindAddr: `${host.ip}:7946`,
        startJoinAddrs: seeds,
        rpcPort: 8400,
        insecure: true,
        dataDir: '/data',
        ...this.#settings,
        ...settings,
      },
      { hostName: name, resolvePath: (path) => path },
    )
    const { through = (env) => env, log = pino({ level: 'silent' }) } = parts
    const node = createNode(config, through(host.env), { log })
    this.#nodes.set(name, node)
    await this.world.complete(node.start())
    return node
  }

  async startAll(...names: string[]): Promise<ReeveNode[]> {
    for (const name of names) this.host(name)
    const nodes: ReeveNode[] = []
    for (const name of names) nodes.push(await this.start(name))
    await this.until(() => nodes.every((node) => node.status().members.length === names.length))
    return nodes
  }

  node(name: string): ReeveNode {
    return this.#nodes.get(name)!
  }

  /** Writes one record through the node's own RPC port. Rejects with the node's typed error. */
  produce(name: string, value: string, options: { topic?: string; copies?: number; timeoutMs?: number } = {}) {
    const { topic = 'orders', copies = 1, timeoutMs = 5000 } = options
    const host = this.host(name)
    const channel = host.env.rpc.dial({ to: { host: host.ip, port: 8400 } })
    const batch = { records: [{ value: new TextEncoder().encode(value) }] }
    const answer = new Promise<ProduceResponse>((resolve, reject: (error: ReeveError) => void) => {
      let response: ProduceResponse | undefined
      const call = channel.call(
        '/reeve.v1.LogService/Produce',
        { timeoutMs },
        {
          message: (bytes) => {
            response = fromBinary(ProduceResponseSchema, bytes)
          },
          closed: (error) => (error ? reject(error) : resolve(response!)),
        },
      )
      call.send(toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic, copies, batch })))
      call.end()
    })
    return this.world.complete(answer).finally(() => channel.close())
  }

  log(name: string, origin: string, epoch: string, topic = 'orders'): LogView | undefined {
    return this.node(name).journal!.log({ topic, origin, epoch })
  }

  /** Runs the world until the fact holds; fails when it does not within a minute of its time. */
  async until(fact: () => boolean, limitMs = 60_000): Promise<void> {
    if (!(await this.world.run({ until: fact, limitMs }))) throw new Error(`it did not come to pass: ${fact}`)
  }

  async stopAll(): Promise<void> {
    for (const [name, node] of this.#nodes) if (this.host(name).alive) await this.world.complete(node.stop())
  }
}

/** Removes everything under a folder. */
export function wipe(disk: Disk, folder: string): void {
  for (const path of filesIn(disk, folder)) disk.removeFile(path)
}

/** What an administrator's `cp -r` does. */
export function cloneFolder(from: Env, to: Env, folder: string): void {
  for (const path of filesIn(from.disk, folder)) {
    to.disk.makeFolder(path.slice(0, path.lastIndexOf('/')))
    const file = to.disk.open(path, 'write')
    file.write(from.disk.readFile(path), 0)
    file.close()
  }
}

export function* filesIn(disk: Disk, folder: string): Generator<string> {
  for (const { name, kind } of disk.list(folder)) {
    if (kind === 'folder') yield* filesIn(disk, `${folder}/${name}`)
    else if (kind === 'file') yield `${folder}/${name}`
  }
}

function assertNever(error: unknown): never {
  throw error
}
