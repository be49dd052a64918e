import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createActor } from 'xstate'
import { Healer } from '../../src/actors/healer.ts'
import { LeftOut } from '../../src/actors/left-out.ts'
import { PeerClocks } from '../../src/actors/peer-clock.ts'
import { pullLogic } from '../../src/actors/pull.ts'
import type { ClientCall, Rpc } from '../../src/env/env.ts'
import type { Journal, LogView } from '../../src/log/journal.ts'
import { type LogId, logKey } from '../../src/log/log-id.ts'
import { Assignment } from '../../src/replication/assignment.ts'
import { Listings } from '../../src/replication/comparison.ts'
import { Directory } from '../../src/replication/directory.ts'
import { decodePullRequest, decodePullResponse } from '../../src/replication/pull-messages.ts'
import { Summary } from '../../src/replication/summary.ts'
import { createAccess } from '../../src/server/access.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { pullRoute } from '../../src/server/pull-source.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { MemoryJournal, MemoryLog } from '../server/memory-journal.ts'

const epochOf = (n: number) => `018f0000-0000-7000-8000-${String(n).padStart(12, '0')}`
const present = epochOf(1000)
const replicaEpoch = epochOf(2000)

/** Of 50 origins, 20 topics and 100 runs, each log a hundred records long; only ends are asked for. */
class Archive extends MemoryJournal {
  readonly #logs = new Map<string, MemoryLog>()
  readonly #listeners: ((log: LogView) => void)[] = []

  constructor(node: string, epoch: string) {
    super(node, epoch)
    for (let topic = 0; topic < 20; topic++) {
      for (let origin = 0; origin < 50; origin++) {
        for (let run = 0; run < 100; run++) {
          this.grow({ topic: `topic-${topic}`, origin: `node-${origin}`, epoch: epochOf(run) }, 100)
        }
      }
    }
  }

  grow(id: LogId, end: number): void {
    const known = this.#logs.get(logKey(id))
    const log = known ?? new MemoryLog(id, id.origin === this.node && id.epoch === this.epoch)
    this.#logs.set(log.key, log)
    log.end = end
    for (const listener of this.#listeners) listener(log)
  }

  override logs(): MemoryLog[] {
    return [...this.#logs.values()]
  }

  override log(id: LogId): LogView | undefined {
    return this.#logs.get(logKey(id))
  }

  override onCommit(listener: (log: LogView) => void): () => void {
    this.#listeners.push(listener)
    return () => {}
  }
}

/** The same door, and what goes through its calls. */
function counted(rpc: Rpc): { rpc: Rpc; bytes: () => number; kinds: string[] } {
  const kinds: string[] = []
  let bytes = 0
  const count = (kind: string | undefined, message: Uint8Array) => {
    kinds.push(String(kind))
    bytes += message.length
  }
  return {
    kinds,
    bytes: () => bytes,
    rpc: {
      ...{ serve: rpc.serve.bind(rpc) },
      dial(options) {
        const channel = rpc.dial(options)
        return {
          call(path, callOptions, listener): ClientCall {
            const call = channel.call(path, callOptions, {
              ...listener,
              message(message) {
                count(decodePullResponse(message).case, message)
                listener.message(message)
              },
            })
            const send = (message: Uint8Array) => {
              count(decodePullRequest(message).case, message)
              return call.send(message)
            }
            return Object.assign(Object.create(call), {
              send,
              ...{ end: () => call.end(), cancel: () => call.cancel() },
              ...{ pause: () => call.pause(), resume: () => call.resume() },
            }) as ClientCall
          },
          close: () => channel.close(),
        }
      },
    },
  }
}

/** One node as the source, the other as its replica, connected. */
async function connected(source: Archive, replica: Archive) {
  const world = createWorld({ seed: 1 })
  const [there, here] = [world.addHost('source'), world.addHost('replica')]
  const route = pullRoute({
    clock: there.env.clock,
    cluster: 'reeve',
    journal: () => source,
    summary: new Summary().follow(source),
    access: createAccess(openDoor, false),
    synced: () => {},
  })
  const at = { host: there.ip, port: 8400 }
  await world.complete(there.env.rpc.serve({ at, routes: [route], maxMessageBytes: 1024 * 1024 }))
  const directory = new Directory(replica.epoch, (id) => replica.log(id)?.end ?? 0)
  const assignment = new Assignment(directory)
  const { rpc, bytes, kinds } = counted(here.env.rpc)
  const clocks = new PeerClocks()
  const logic = pullLogic({
    ...{ rpc, clock: here.env.clock, cluster: 'reeve', peerTls: () => undefined, journal: (): Journal => replica },
    ...{ summary: new Summary().follow(replica), directory, listings: new Listings(), assignment },
    healer: new Healer(here.env.clock),
    leftOut: new LeftOut(here.env.clock, directory, () => assert.fail()),
    clocks,
    lost: (_, reason) => assert.fail(reason.message),
  })
  const peer = { name: source.node, epoch: source.epoch, address: `${there.ip}:8400` }
  const actor = createActor(logic, { input: { peer } })
  actor.start()
  // Nothing is ever ordered of it: these logs have no content to pull.
  const run = (ms: number) => world.run({ untilMs: world.now + ms })
  await run(1000)
  return { run, bytes, kinds, directory, clocks, there, stop: () => actor.stop() }
}

/** What a replica asks every 30 seconds, and the answer. */
const clock = ['readClock', 'clockReading']

describe('two nodes that hold a hundred thousand logs each', () => {
  it('need a few hundred bytes to find out that they hold the same, and nothing from then on', async () => {
    const { run, bytes, kinds, stop } = await connected(new Archive('a', present), new Archive('b', replicaEpoch))
    assert.deepEqual(kinds, ['hello', 'hello', ...clock])
    assert.ok(bytes() < 300, `${bytes()} bytes`)
    await run(10 * 60_000)
    assert.deepEqual(new Set(kinds.slice(2)), new Set(clock), 'idle but for the time')
    assert.ok(kinds.length <= 2 + 21 * clock.length && bytes() < 1000, `${bytes()} bytes`)
    stop()
  })

  it('know of each other how far their clocks are apart, also when one is set meanwhile', async () => {
    const { run, clocks, there, stop } = await connected(new Archive('a', present), new Archive('b', replicaEpoch))
    const { skewMs, withinMs } = clocks.of('a')!
    assert.ok(Math.abs(skewMs) <= withinMs && withinMs < 100, `${skewMs} within ${withinMs} ms`)
    for (const setMs of [5000, -7000]) {
      there.clockError.offsetMs = setMs
      await run(40_000)
      const told = clocks.of('a')!
      assert.ok(Math.abs(told.skewMs - setMs) <= told.withinMs, `${told.skewMs} within ${told.withinMs} ms`)
      there.clockError.offsetMs = 0
      await run(40_000)
    }
    stop()
    assert.equal(clocks.of('a'), undefined)
  })

  it('pay for a new log, and for one that grows, with a message or two of a constant size', async () => {
    const source = new Archive('a', present)
    const { run, bytes, stop } = await connected(source, new Archive('b', replicaEpoch))
    let before = bytes()
    const cost = () => {
      const sum = bytes() - before
      before = bytes()
      return sum
    }
    source.grow({ topic: 'topic-1', origin: 'node-1', epoch: epochOf(50) }, 200)
    await run(1000)
    const growth = cost()
    source.grow({ topic: 'topic-1', origin: 'gone', epoch: epochOf(500) }, 1)
    await run(1000)
    const fresh = cost()
    assert.ok(growth > 0 && growth < 300 && fresh > 0 && fresh < 300, `${growth} and ${fresh} bytes`)
    stop()
  })

  it('list one group of a thousand when one old log differs, and remember nothing but that log', async () => {
    const source = new Archive('a', present)
    const old = { topic: 'topic-7', origin: 'node-7', epoch: epochOf(3) }
    source.grow(old, 150)
    const { bytes, kinds, directory, stop } = await connected(source, new Archive('b', replicaEpoch))
    assert.deepEqual(kinds.filter((kind) => !clock.includes(kind)).slice(0, 6), [
      ...['hello', 'hello', 'compare', 'digests', 'list', 'holdings'],
    ])
    assert.equal(directory.endAt('a', logKey(old)), 150)
    assert.equal(directory.offersIn('a', 'topic-7/node-7'), 1)
    // A line for each of the thousand groups, and one for each of the hundred runs of the group.
    assert.ok(bytes() < 1000 * 80 + 100 * 40, `${bytes()} bytes`)
    stop()
  })
})
