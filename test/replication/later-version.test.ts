import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import type { CallListener, Env, RpcRoute, ServerCall } from '../../src/env/env.ts'
import { framesIn } from '../../src/log/frame.ts'
import { decodeFrames, encodeFrames } from '../../src/replication/frames-message.ts'
import { decodePullRequest, pullPath } from '../../src/replication/pull-messages.ts'
import { later } from '../log/later-frame.ts'
import { readAll, valuesOf } from '../log/scenery.ts'
import { Cluster } from './cluster.ts'

/** The topic which the node of a later version writes in the form of that version, from offset 2 on. */
const topic = 'future'

/** A node as the next version may be: it knows what this one says, and writes what this one does not know. */
class NextVersion {
  asked = 0

  through = (env: Env): Env => ({
    ...env,
    rpc: {
      dial: (options) => env.rpc.dial(options),
      serve: (options) => env.rpc.serve({ ...options, routes: options.routes.map((route) => this.#route(route)) }),
    },
  })

  #route(route: RpcRoute): RpcRoute {
    if (`/${route.method.parent.typeName}/${route.method.name}` !== pullPath) return route
    return { ...route, handle: (call) => this.#serve(route, call) }
  }

  #serve(route: RpcRoute, call: ServerCall): CallListener {
    const refs = new Set<number>()
    const send = call.send.bind(call)
    call.send = (bytes) => {
      const message = decodeFrames(bytes)
      return send(message && refs.has(message.ref) ? encodeFrames(message.ref, inNextVersion(message.frames)) : bytes)
    }
    const listener = route.handle(call)
    const message = listener.message.bind(listener)
    listener.message = (bytes) => {
      const kind = decodePullRequest(bytes)
      if (kind.case === 'want' && kind.value.log?.topic === topic) {
        refs.add(kind.value.ref)
        this.asked++
      }
      message(bytes)
    }
    return listener
  }
}

function inNextVersion(frames: Uint8Array): Uint8Array {
  return Buffer.concat([...framesIn(frames)].map(({ bytes, baseOffset }) => (baseOffset < 2 ? bytes : later(2))))
}

function lines(): { readonly log: pino.Logger; readonly said: (text: RegExp) => number } {
  const all: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void all.push(line) })
  return { log, said: (text) => all.filter((line) => text.test(line)).length }
}

describe('a peer that has a log in a form of a later version', () => {
  it('is asked for all others; that log is left out, which is said once and shown', async () => {
    const cluster = new Cluster()
    for (const name of ['a', 'b']) cluster.host(name)
    const { log, said } = lines()
    const next = new NextVersion()
    const a = await cluster.start('a', {}, { log })
    const b = await cluster.start('b', {}, { through: next.through })
    const future = { topic, origin: 'b', epoch: b.epoch }
    for (const value of ['one', 'two', 'three', 'four']) await cluster.produce('b', value, { topic })
    await cluster.produce('b', 'first', { copies: 2 })
    await cluster.until(() => a.status().leftOut.length > 0)
    assert.deepEqual(
      a.status().leftOut.map(({ log, peer, code }) => ({ log, peer, code })),
      [{ log: `${topic}/b/${b.epoch}`, peer: 'b', code: 'FORMAT_NEWER' }],
    )
    const asked = next.asked
    for (let n = 0; n < 5; n++) {
      await cluster.produce('b', `${n}`, { topic })
      assert.equal((await cluster.produce('b', `${n}`, { copies: 2 })).copies, 2)
      assert.equal(a.status().replicators.b, 'live')
    }
    assert.equal(next.asked, asked, 'not asked again with every record')
    assert.deepEqual(valuesOf(readAll(a.journal!.log(future)!)), ['one', 'two'], 'what is known stays and is served')

    await cluster.world.run({ untilMs: cluster.world.now + 61 * 60_000 })
    assert.equal(next.asked, asked + 1, 'looked at again after an hour')
    assert.equal(a.status().leftOut.length, 1)
    assert.deepEqual([said(/left out/), said(/replication interrupted/)], [1, 0])
    await cluster.stopAll()
  })

  it('is looked at again when it runs anew', async () => {
    const cluster = new Cluster()
    for (const name of ['a', 'b']) cluster.host(name)
    const a = await cluster.start('a')
    const b = await cluster.start('b', {}, { through: new NextVersion().through })
    for (const value of ['one', 'two', 'three']) await cluster.produce('b', value, { topic })
    await cluster.until(() => a.status().leftOut.length > 0)
    await cluster.world.complete(b.stop())
    await cluster.start('b')
    await cluster.until(() => a.journal!.log({ topic, origin: 'b', epoch: b.epoch })?.end === 3)
    assert.deepEqual(a.status().leftOut, [])
    await cluster.stopAll()
  })
})
