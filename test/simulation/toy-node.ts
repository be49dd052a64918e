/**
 * The smallest node a scenario can run: one log a host in one file, copied between all hosts by asking every peer now
 * and then for what one does not have. Bugs can be planted in it, to see that the world finds them.
 */

import type { DiskFile, Env } from '../../src/env/env.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { fnv1a } from '../../src/simulation/random.ts'
import type { NodeHandle, StartContext } from '../../src/simulation/scenario.ts'
import { bytesOf, textOf } from './calm.ts'

export type PlantedBug =
  | 'acknowledges before the sync'
  | 'sends once and never again'
  | 'leaves a timer behind'
  | 'throws'

const dataFolder = '/data/toy'
const rpcPort = 8400
const gossipPort = 7946
const pullPath = '/reeve.v1.LogService/ListTopics'
const pullEveryMs = 250
const pullTimeoutMs = 3_000

export async function startToyNode({ host, hosts, world }: StartContext, bug?: PlantedBug): Promise<NodeHandle> {
  const { env } = host
  const peers = hosts.filter((other) => other !== host)
  env.disk.makeFolder(dataFolder)
  const lock = await env.disk.lockFolder(dataFolder, host.name)
  const lazy = bug === 'acknowledges before the sync'
  const logs = new Map(hosts.map(({ name }) => [name, new ToyLog(env, name, lazy && name === host.name)]))
  await env.disk.syncFolder(dataFolder)
  await env.disk.syncFolder('/data')
  const own = logs.get(host.name)!

  const server = await env.rpc.serve({
    at: { host: host.ip, port: rpcPort },
    maxMessageBytes: 1_000_000,
    routes: [
      {
        method: LogService.method.listTopics,
        hot: false,
        handle: (call) => ({
          message: (bytes) => {
            const ends = JSON.parse(textOf(bytes)) as Record<string, number>
            for (const [name, end] of Object.entries(ends)) {
              const records = logs.get(name)!.records.slice(end, end + 50)
              if (records.length > 0) call.send(bytesOf(JSON.stringify({ name, from: end, records })))
            }
            call.finish()
          },
        }),
      },
    ],
  })
  /** A whole record, or news that there is one. */
  const socket = await env.datagrams.bind({ host: host.ip, port: gossipPort }, (packet) => {
    const pushed = JSON.parse(textOf(packet)) as { name: string; from: number; records: string[] }
    if (bug === 'sends once and never again') void logs.get(pushed.name)!.replicate(pushed.from, pushed.records)
  })

  const pulls = new Map<string, { stop(): void }>()
  if (bug !== 'sends once and never again') {
    for (const peer of peers) pulls.set(peer.name, startPull(env, peer.ip, logs))
  }

  return {
    name: host.name,
    produce: async (_topic, payload) => {
      if (bug === 'throws' && own.records.length === 20) env.clock.setTimeout(() => own.explode(), 1)
      const text = textOf(payload)
      const offset = own.records.length + own.waiting
      const stored = own.append([text])
      if (!lazy) await stored
      const news = bytesOf(JSON.stringify({ name: host.name, from: offset, records: [text] }))
      for (const peer of peers) socket.send(news, { host: peer.ip, port: gossipPort })
      return `${host.name}/${offset}`
    },
    copies: () => [...logs].map(([log, { records }]) => ({ log, start: 0, end: records.length })),
    frames: () =>
      [...logs].map(([log, { records }]) => {
        let chain = 0
        const frames = records.map((record, base) => {
          chain = fnv1a(`${chain} ${record}`)
          return { base, end: base + 1, chain: BigInt(chain) }
        })
        return { log, frames }
      }),
    readAll: () => [...logs].flatMap(([log, { records }]) => records.map((_, index) => `${log}/${index}`)),
    wanted: () => peers.map((peer) => peer.name),
    running: () => (bug === 'sends once and never again' ? peers.map((peer) => peer.name) : [...pulls.keys()]),
    stop: async () => {
      for (const pull of pulls.values()) pull.stop()
      socket.close()
      await server.drain(1000)
      for (const log of logs.values()) await log.close()
      lock.release()
      if (bug === 'leaves a timer behind') env.clock.setTimeout(() => world.note('late'), 60_000)
    },
  }
}

/** Asks the peer for news in a loop of its own. */
function startPull(env: Env, peer: string, logs: ReadonlyMap<string, ToyLog>): { stop(): void } {
  const channel = env.rpc.dial({ to: { host: peer, port: rpcPort } })
  let timer = env.clock.setTimeout(pull, env.random.fraction() * pullEveryMs)
  let stopped = false
  function pull(): void {
    const call = channel.call(
      pullPath,
      { timeoutMs: pullTimeoutMs },
      {
        message: (bytes) => {
          const { name, from, records } = JSON.parse(textOf(bytes)) as { name: string; from: number; records: string[] }
          void logs.get(name)!.replicate(from, records)
        },
        closed: () => {
          if (!stopped) timer = env.clock.setTimeout(pull, pullEveryMs)
        },
      },
    )
    call.send(bytesOf(JSON.stringify(Object.fromEntries([...logs].map(([name, log]) => [name, log.records.length])))))
    call.end()
  }
  return {
    stop: () => {
      stopped = true
      env.clock.clearTimeout(timer)
      channel.close()
    },
  }
}

/** Records, one a line with a checksum; visible once synced. */
class ToyLog {
  readonly records: string[] = []
  /** Written and not synced yet. */
  waiting = 0
  readonly #clock: Env['clock']
  readonly #lazy: boolean
  readonly #file: DiskFile
  #bytes = 0
  #last: Promise<void> = Promise.resolve()
  #closed = false

  constructor(env: Env, name: string, lazy: boolean) {
    this.#clock = env.clock
    this.#lazy = lazy
    const path = `${dataFolder}/${name}`
    this.#file = env.disk.open(path, 'write')
    for (const line of textOf(env.disk.readFile(path)).split('\n').slice(0, -1)) {
      const record = line.slice(line.indexOf(' ') + 1)
      if (line !== lineOf(record)) break
      this.records.push(record)
      this.#bytes += bytesOf(`${line}\n`).length
    }
    this.#file.truncate(this.#bytes)
  }

  append(records: readonly string[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('closed'))
    const bytes = bytesOf(records.map((record) => `${lineOf(record)}\n`).join(''))
    this.#file.write(bytes, this.#bytes)
    this.#bytes += bytes.length
    this.waiting += records.length
    const before = this.#last
    this.#last = Promise.all([before, this.#sync()]).then(() => {
      this.waiting -= records.length
      this.records.push(...records)
    })
    return this.#last
  }

  async #sync(): Promise<void> {
    // A lazy node gathers writes for a while; one that acknowledges before is wrong.
    if (this.#lazy) await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, 300))
    await this.#file.sync()
  }

  /** Only at its own end, and only when nothing else is under way. */
  async replicate(from: number, records: readonly string[]): Promise<void> {
    if (from === this.records.length && this.waiting === 0 && !this.#closed) await this.append(records)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    this.#file.close()
  }

  explode(): void {
    throw new Error('a bug')
  }
}

function lineOf(record: string): string {
  return `${fnv1a(record)} ${record}`
}
