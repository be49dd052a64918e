import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type {
  CallListener,
  ClientCall,
  RpcCallOptions,
  RpcDialOptions,
  RpcServeOptions,
  RpcServerEvent,
  ServerCall,
} from '../../src/env/env.ts'
import { ReeveError } from '../../src/errors.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { HostOptions } from '../../src/simulation/host.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm, textOf } from './calm.ts'

const path = '/reeve.v1.LogService/Produce'

interface Setup {
  readonly handle: (call: ServerCall) => CallListener
  readonly serve?: Partial<RpcServeOptions>
  readonly dial?: Partial<RpcDialOptions>
  readonly client?: HostOptions
}

/** A server on b and a channel on a. */
async function dialled(setup: Setup) {
  const world = createWorld({ seed: 1, network: { ...calm, callWindowBytes: 1000 } })
  const [a, b] = [world.addHost('a', setup.client), world.addHost('b')]
  const reports: RpcServerEvent[] = []
  const server = await world.complete(
    b.env.rpc.serve({
      at: { host: '0.0.0.0', port: 8400 },
      routes: [{ method: LogService.method.produce, hot: true, handle: setup.handle }],
      maxMessageBytes: 5000,
      report: (event) => reports.push(event),
      ...setup.serve,
    }),
  )
  const channel = a.env.rpc.dial({ to: { host: b.ip, port: 8400 }, ...setup.dial })
  const call = (options: RpcCallOptions = {}, at = path) => {
    const heard = { messages: [] as string[], drained: 0, closed: [] as (ReeveError | undefined)[] }
    const started: ClientCall = channel.call(at, options, {
      message: (bytes) => heard.messages.push(textOf(bytes)),
      drained: () => heard.drained++,
      closed: (error) => heard.closed.push(error),
    })
    const done = (limitMs?: number) => world.run({ until: () => heard.closed.length > 0, ...(limitMs && { limitMs }) })
    return {
      send: (message: Uint8Array) => started.send(message),
      end: () => started.end(),
      cancel: () => started.cancel(),
      pause: () => started.pause(),
      resume: () => started.resume(),
      heard,
      done,
      code: () => heard.closed[0]?.code,
    }
  }
  return { world, a, b, server, channel, call, reports, rest: (ms = 1000) => world.run({ untilMs: world.now + ms }) }
}

/** Answers each message in upper case and finishes when the caller ends. */
const shout = (call: ServerCall): CallListener => ({
  message: (bytes) => void call.send(bytesOf(textOf(bytes).toUpperCase())),
  ended: () => call.finish(),
})

/** A handler that keeps its call and what it heard. */
function keeper() {
  const kept: { call?: ServerCall; messages: string[]; facts: string[] } = { messages: [], facts: [] }
  const handle = (call: ServerCall): CallListener => {
    kept.call = call
    return {
      message: (bytes) => kept.messages.push(textOf(bytes)),
      ended: () => kept.facts.push('ended'),
      drained: () => kept.facts.push('drained'),
      cancelled: () => kept.facts.push('cancelled'),
    }
  }
  return { kept, handle }
}

describe('a call', () => {
  test('carries messages both ways in order, metadata, and one status', async () => {
    let seen: ServerCall | undefined
    const { world, call, server, a, b, channel, rest } = await dialled({
      handle: (incoming) => {
        seen = incoming
        return shout(incoming)
      },
    })
    const message = bytesOf('one')
    const { heard, send, end, done } = call({ metadata: new Map([['X-Who', 'me']]), timeoutMs: 5000 })
    send(message)
    message.fill(0)
    send(bytesOf('two'))
    end()
    send(bytesOf('ignored after end'))
    await done()
    assert.deepEqual(heard, { messages: ['ONE', 'TWO'], drained: 0, closed: [undefined] })
    assert.equal(seen?.path, path)
    assert.equal(seen?.metadata.get('x-who'), 'me')
    assert.equal(seen?.caller.remote.host, a.ip)
    assert.equal(seen?.caller.certificate, undefined)
    assert.ok(seen!.remainingMs()! > 4900 && seen!.remainingMs()! < 5000)
    await rest()
    assert.equal(server.calls.size, 0)
    channel.close()
    await world.complete(server.close())
    assert.deepEqual([a.open()?.calls, b.open()?.calls, a.open()?.channels, b.open()?.listeners], [[], [], [], []])
  })

  test('hands over errors with code, message and facts, after what was sent before', async () => {
    const { call } = await dialled({
      handle: (incoming) => ({
        message: () => {
          incoming.send(bytesOf('first'))
          incoming.finish(new ReeveError('TOPIC_UNKNOWN', 'no such topic', { facts: { topic: 'x' }, cause: 'secret' }))
          incoming.finish()
          incoming.send(bytesOf('ignored after finish'))
        },
      }),
    })
    const { heard, send, done } = call()
    send(bytesOf('hello'))
    await done()
    const error = heard.closed[0]
    assert.deepEqual(heard.messages, ['first'])
    assert.deepEqual([error?.code, error?.message, error?.facts], ['TOPIC_UNKNOWN', 'no such topic', { topic: 'x' }])
    assert.equal(error?.cause, undefined)
  })

  test('ends with a typed error: unknown method, crash of the handler, messages too large either way', async () => {
    let mode = 'throw at once'
    const { call, reports, world } = await dialled({
      dial: { maxMessageBytes: 100 },
      handle: (incoming) => {
        if (mode === 'throw at once') throw new Error('bug')
        return {
          message: () => {
            if (mode === 'throw later') throw new Error('later bug')
            incoming.send(new Uint8Array(101))
          },
        }
      },
    })
    const outcome = async (method: string, size: number): Promise<string | undefined> => {
      const { send, done, heard, code } = call({}, method)
      send(new Uint8Array(size))
      await done()
      await world.run({ untilMs: world.now + 100 })
      assert.equal(heard.closed.length, 1)
      return code()
    }
    assert.equal(await outcome('/no.Such/Method', 1), 'METHOD_UNKNOWN')
    assert.equal(await outcome(path, 1), 'INTERNAL')
    mode = 'throw later'
    assert.equal(await outcome(path, 1), 'INTERNAL')
    assert.deepEqual(
      reports.map((event) => event.kind),
      ['handlerCrashed', 'handlerCrashed'],
    )
    mode = 'answer'
    assert.equal(await outcome(path, 5001), 'MESSAGE_TOO_LARGE')
    assert.equal(await outcome(path, 1), 'MESSAGE_TOO_LARGE')
  })

  test('proves who calls only where both sides speak TLS; one side alone is refused', async () => {
    const certificate = { uris: ['spiffe://reeve/a'], dnsNames: [], commonName: 'a' }
    const callers: unknown[] = []
    const handle = (incoming: ServerCall): CallListener => {
      callers.push(incoming.caller.certificate)
      return shout(incoming)
    }
    const tls = { cert: bytesOf('cert'), key: bytesOf('key') }
    const outcomes: (string | undefined)[] = []
    for (const [serve, dial] of [
      [{ tls }, { tls }],
      [{ tls }, { tls: {} }],
      [{}, {}],
      [{ tls }, {}],
      [{}, { tls }],
    ]) {
      const { call } = await dialled({ handle, serve: serve!, dial: dial!, client: { certificate } })
      const { end, done, code } = call()
      end()
      await done()
      outcomes.push(code())
    }
    assert.deepEqual(outcomes, [undefined, undefined, undefined, 'UNAVAILABLE', 'UNAVAILABLE'])
    assert.deepEqual(callers, [certificate, undefined, undefined])
  })
})

describe('flow control', () => {
  test('a sender is told to wait when a window is queued, and when to go on', async () => {
    const { kept, handle } = keeper()
    const { call, rest } = await dialled({ handle })
    const { send, heard, end } = call()
    send(bytesOf('warm up'))
    await rest()
    kept.call!.pause()
    let sent = 0
    while (send(bytesOf(String(sent++).padStart(95, '0')))) assert.ok(sent < 50)
    assert.equal(sent, 10, '1,000 bytes of messages and their prefixes; that the first was taken was not said yet')
    end()
    await rest()
    assert.equal(kept.messages.length, 1, 'a paused call is given nothing')
    assert.equal(heard.drained, 0)
    kept.call!.resume()
    assert.equal(kept.messages.length, 1, 'and nothing inside resume')
    await rest()
    assert.equal(kept.messages.length, 11)
    assert.deepEqual(kept.messages.slice(1).map(Number), [...Array(10).keys()])
    assert.equal(heard.drained, 0, 'nobody who ended wants to go on')
    assert.deepEqual(kept.facts, ['ended'])
    const answer = (text: string): boolean => kept.call!.send(bytesOf(text.padEnd(495)))
    assert.deepEqual([answer('a'), answer('b'), answer('c')], [true, true, false])
    await rest()
    assert.deepEqual(kept.facts, ['ended', 'drained'])
    assert.deepEqual(
      heard.messages.map((text) => text.trim()),
      ['a', 'b', 'c'],
    )
  })

  test('a paused caller holds back the status too; nothing it has not read is lost', async () => {
    const { kept, handle } = keeper()
    const { call, rest, world } = await dialled({ handle })
    const { send, heard, pause, resume } = call()
    send(bytesOf('go'))
    await rest()
    pause()
    for (let index = 0; index < 30; index++) kept.call!.send(new Uint8Array(95).fill(48))
    kept.call!.finish()
    await rest()
    assert.deepEqual([heard.messages.length, heard.closed.length], [0, 0])
    resume()
    // The caller goes on sending while the status is under way: no reset may overtake it.
    send(bytesOf('too late'))
    await world.run({ until: () => heard.closed.length > 0 })
    assert.deepEqual([heard.messages.length, heard.closed], [30, [undefined]])
  })

  test('what the server sent before its status is not lost to a reset of a later message', async () => {
    const { kept, handle } = keeper()
    const { call, rest } = await dialled({ handle })
    const { send, heard, pause, resume } = call()
    send(bytesOf('go'))
    await rest()
    pause()
    kept.call!.send(bytesOf('answer'))
    kept.call!.finish()
    await rest()
    send(bytesOf('nobody is there any more'))
    await rest()
    resume()
    await rest()
    assert.deepEqual([heard.messages, heard.closed], [['answer'], [undefined]])
  })

  test('a message larger than the window passes alone', async () => {
    const { kept, handle } = keeper()
    const { call, rest } = await dialled({ handle })
    const { send } = call()
    assert.equal(send(new Uint8Array(4000)), false)
    send(bytesOf('behind it'))
    await rest()
    assert.deepEqual(
      kept.messages.map((text) => text.length),
      [4000, 9],
    )
  })
})

describe('the end of a call', () => {
  test('a deadline ends it on both sides', async () => {
    const { kept, handle } = keeper()
    const { call, world, rest, server } = await dialled({ handle })
    const before = world.now
    const { send, done, heard, code } = call({ timeoutMs: 250 })
    send(bytesOf('slow'))
    await done()
    assert.equal(code(), 'DEADLINE_EXCEEDED')
    assert.equal(Math.round(world.now - before), 250)
    await rest()
    assert.deepEqual(kept.facts, ['cancelled'])
    assert.equal(kept.call!.send(bytesOf('too late')), false)
    assert.equal(heard.closed.length, 1)
    assert.equal(server.calls.size, 0)
  })

  test('cancelling tells both sides, later and once', async () => {
    const { kept, handle } = keeper()
    const { call, rest } = await dialled({ handle })
    const { send, cancel, heard, code } = call()
    send(bytesOf('x'))
    await rest()
    cancel()
    cancel()
    assert.equal(heard.closed.length, 0)
    await rest()
    assert.deepEqual([code(), heard.closed.length, kept.facts], ['CANCELLED', 1, ['cancelled']])
  })

  test('closing a channel cancels its calls, and it takes no new ones', async () => {
    const { call, channel, rest } = await dialled({ handle: keeper().handle })
    const running = call()
    await rest()
    channel.close()
    const late = call()
    await rest()
    assert.deepEqual([running.code(), late.code()], ['CANCELLED', 'CANCELLED'])
  })

  test('no server: unavailable at once; no way: after the time to connect; no life sign: after the keepalive', async () => {
    const { kept, handle } = keeper()
    const { call, world, server, rest } = await dialled({ handle })
    const running = call()
    await rest()
    const cutAt = world.now
    world.partition([['a'], ['b']])
    await running.done()
    assert.deepEqual([running.code(), Math.round(world.now - cutAt)], ['UNAVAILABLE', 10_000])
    await rest()
    assert.deepEqual(kept.facts, ['cancelled'])
    const connecting = call()
    await connecting.done()
    assert.equal(connecting.code(), 'UNAVAILABLE')
    world.heal()
    await world.complete(server.close())
    const refused = call()
    await refused.done(100)
    assert.equal(refused.code(), 'UNAVAILABLE')
  })

  test('a short partition or a one-way block heals without a trace', async () => {
    const { kept, handle } = keeper()
    const { call, world, rest } = await dialled({ handle })
    const { send, heard } = call()
    await rest()
    world.block('a', 'b')
    send(bytesOf('held'))
    await rest(9000)
    assert.deepEqual(kept.messages, [])
    world.heal()
    await rest()
    assert.deepEqual([kept.messages, heard.closed], [['held'], []])
    world.block('b', 'a')
    await rest(11_000)
    assert.equal(heard.closed[0]?.code, 'UNAVAILABLE', 'pings need both ways')
  })

  test('a killed server breaks its calls at once, a killed client cancels them; the dead are told nothing', async () => {
    const { kept, handle } = keeper()
    const { call, b, a, rest, world } = await dialled({ handle })
    const first = call()
    await rest()
    b.kill()
    await first.done(100)
    assert.equal(first.code(), 'UNAVAILABLE')
    assert.deepEqual(kept.facts, [])
    const routes = [{ method: LogService.method.produce, hot: true, handle }]
    const at = { host: b.ip, port: 8400 }
    await world.complete(b.start().rpc.serve({ at, routes, maxMessageBytes: 100 }))
    const second = call()
    await rest()
    a.kill()
    await rest(100)
    assert.deepEqual(kept.facts, ['cancelled'])
    assert.equal(second.heard.closed.length, 0)
  })

  test('draining lets running calls end, refuses new ones, and cuts what outstays its grace', async () => {
    const { kept, handle } = keeper()
    const { call, server, world, rest } = await dialled({ handle })
    const polite = call()
    await rest()
    const politeCall = kept.call!
    const rude = call()
    await rest()
    assert.equal(server.calls.size, 2)
    const before = world.now
    const drained = server.drain(500)
    const late = call()
    await rest(100)
    assert.equal(late.code(), 'UNAVAILABLE')
    politeCall.finish()
    await world.complete(drained)
    assert.equal(Math.round(world.now - before), 500)
    await rest()
    assert.deepEqual([polite.heard.closed, rude.code(), kept.facts], [[undefined], 'UNAVAILABLE', ['cancelled']])
    assert.equal(server.calls.size, 0)
  })
})
