import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { ClientCall, RpcCallOptions, RpcChannel, RpcDialOptions, ServerCall } from '../../../src/env/env.ts'
import { realClock } from '../../../src/env/real-clock.ts'
import { createRealRpc } from '../../../src/env/rpc/index.ts'
import { GrpcCode, ReeveError } from '../../../src/errors.ts'
import { bytesOf, echo, loopback, overBoth, pouring, rpc, serve, signal, silent } from './fixture.ts'

const produce = '/reeve.v1.LogService/Produce'
const produceStream = '/reeve.v1.LogService/ProduceStream'
const consumeStream = '/reeve.v1.LogService/ConsumeStream'

function dial(t: TestContext, port: number, options: Partial<RpcDialOptions>): RpcChannel {
  const channel = rpc.dial({ to: { host: '127.0.0.1', port }, ...options })
  t.after(() => channel.close())
  return channel
}

interface Outcome {
  readonly messages: Uint8Array[]
  readonly error: ReeveError | undefined
}

function start(channel: RpcChannel, path: string, options: RpcCallOptions = {}) {
  const messages: Uint8Array[] = []
  const outcome = signal<Outcome>()
  let closed = 0
  let onMessage = (_bytes: Uint8Array) => {}
  const call: ClientCall = channel.call(path, options, {
    message: (bytes) => {
      assert.equal(closed, 0, 'a message after the end')
      messages.push(bytes)
      onMessage(bytes)
    },
    closed: (error) => {
      assert.equal(++closed, 1)
      outcome.resolve({ messages, error })
    },
  })
  return {
    call,
    messages,
    outcome: outcome.promise,
    hear: (listener: (bytes: Uint8Array) => void) => {
      onMessage = listener
    },
  }
}

async function ask(channel: RpcChannel, path: string, text: string, options: RpcCallOptions = {}): Promise<Outcome> {
  const { call, outcome } = start(channel, path, options)
  call.send(bytesOf(text))
  call.end()
  return outcome
}

overBoth('one message and many, both ways, over one channel', async (t, lean) => {
  const { port } = await serve(t, { produce: echo, produceStream: echo })
  const channel = dial(t, port, lean)
  const unary = await ask(channel, produce, 'hello')
  assert.deepEqual([unary.messages, unary.error], [[bytesOf('hello')], undefined])
  const { call, outcome } = start(channel, produceStream)
  const sent = Array.from({ length: 500 }, (_, index) => new Uint8Array(index).fill(index))
  for (const message of sent) call.send(message)
  call.end()
  const { messages, error } = await outcome
  assert.equal(error, undefined)
  assert.deepEqual(messages, sent)
})

overBoth('metadata arrives, binary included, and a deadline', async (t, lean) => {
  const { handle, called } = silent()
  const { port } = await serve(t, { produce: handle })
  const metadata = new Map([
    ['x-name', 'value'],
    ['trace-bin', 'AAEC/w=='],
  ])
  start(dial(t, port, lean), produce, { metadata, timeoutMs: 60_000 })
  const call = await called
  assert.equal(call.metadata.get('x-name'), 'value')
  assert.deepEqual(Buffer.from(call.metadata.get('trace-bin')!, 'base64'), Buffer.from([0, 1, 2, 255]))
  assert.ok(call.remainingMs()! > 0 && call.remainingMs()! <= 60_000)
})

overBoth('forbidden metadata fails the call and no more', async (t, lean) => {
  const { port } = await serve(t, { produce: echo })
  const channel = dial(t, port, lean)
  const refused = await ask(channel, produce, 'x', { metadata: new Map([['bad name', 'value']]) })
  assert.equal(refused.error?.code, 'REQUEST_MALFORMED')
  assert.equal((await ask(channel, produce, 'x')).error, undefined)
})

overBoth('errors keep code, message and facts', async (t, lean) => {
  const refusal = new ReeveError('COPIES_PENDING', 'stored, 1 copy: ä', { facts: { copies: '1' } })
  const { port } = await serve(t, { produce: (call) => ({ message: () => call.finish(refusal) }) })
  const { error } = await ask(dial(t, port, lean), produce, 'x')
  assert.deepEqual(
    [error?.code, error?.message, error?.facts],
    ['COPIES_PENDING', 'stored, 1 copy: ä', { copies: '1' }],
  )
  assert.equal(error?.grpc, GrpcCode.DEADLINE_EXCEEDED)
})

overBoth('unknown methods, missed deadlines and messages over the limit are told apart', async (t, lean) => {
  const big: (call: ServerCall) => ReturnType<typeof echo> = (call) => ({
    message: () => {
      call.send(new Uint8Array(100_000))
      call.finish()
    },
  })
  const { port } = await serve(t, { produce: silent().handle, consume: big })
  const channel = dial(t, port, { ...lean, maxMessageBytes: 50_000 })
  assert.equal((await ask(channel, '/reeve.v1.LogService/Nothing', 'x')).error?.code, 'METHOD_UNKNOWN')
  assert.equal((await ask(channel, produce, 'x', { timeoutMs: 30 })).error?.code, 'DEADLINE_EXCEEDED')
  assert.equal((await ask(channel, '/reeve.v1.LogService/Consume', 'x')).error?.code, 'MESSAGE_TOO_LARGE')
})

overBoth('cancel ends both sides, once, and nothing is delivered afterwards', async (t, lean) => {
  const gone = signal()
  const { port } = await serve(t, {
    produceStream: (call) => ({ message: (bytes) => void call.send(bytes), cancelled: () => gone.resolve() }),
  })
  const { call, outcome, hear, messages } = start(dial(t, port, lean), produceStream)
  hear(() => call.cancel())
  call.send(bytesOf('one'))
  call.send(bytesOf('two'))
  const { error } = await outcome
  await gone.promise
  assert.equal(error?.code, 'CANCELLED')
  assert.equal(messages.length, 1)
  assert.equal(call.send(bytesOf('late')), false)
  call.end()
  call.cancel()
  call.pause()
})

overBoth('a paused call holds its server back; resumed, it gets all, then the end', async (t, lean) => {
  const { handle, stuck, poured, expected } = pouring(400, 64 * 1024, 8 * 1024 * 1024)
  const { port } = await serve(t, { consumeStream: handle })
  const { call, outcome, hear, messages } = start(dial(t, port, lean), consumeStream)
  hear(() => {
    if (messages.length === 1) call.pause()
  })
  call.send(bytesOf('go'))
  call.end()
  await stuck
  assert.ok(poured.sent < expected.length, 'the server was not held back')
  assert.ok(messages.length < 20)
  call.resume()
  const { error } = await outcome
  assert.equal(error, undefined)
  assert.deepEqual(
    messages.map((message) => message[0]),
    expected,
  )
})

overBoth('send says false while the server does not read, drained follows when it does', async (t, lean) => {
  const { port } = await serve(t, {
    produceStream: (call) => {
      call.pause()
      paused.resolve(call)
      let got = 0
      return {
        message: () => got++,
        ended: () => {
          call.send(bytesOf(String(got)))
          call.finish()
        },
      }
    },
  })
  const paused = signal<ServerCall>()
  const drained = signal()
  const outcome = signal<string>()
  const call = dial(t, port, lean).call(
    produceStream,
    {},
    {
      message: (bytes) => outcome.resolve(Buffer.from(bytes).toString()),
      drained: () => drained.resolve(),
      closed: () => {},
    },
  )
  let sent = 1
  while (call.send(new Uint8Array(900_000))) sent++
  assert.ok(sent < 100)
  ;(await paused.promise).resume()
  await drained.promise
  call.end()
  assert.equal(await outcome.promise, String(sent))
})

overBoth('an unreachable peer is UNAVAILABLE, and served once it is there', async (t, lean) => {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  const channel = dial(t, port, lean)
  const { error } = await ask(channel, produce, 'x')
  assert.equal(error?.code, 'UNAVAILABLE')
  assert.equal(error?.retry, true)
  await serve(t, { produce: echo }, { at: { ...loopback, port } })
  let outcome: Outcome
  do outcome = await ask(channel, produce, 'x')
  while (outcome.error?.code === 'UNAVAILABLE')
  assert.equal(outcome.error, undefined)
})

overBoth('an address where nobody speaks is UNAVAILABLE in time, and served once somebody does', async (t, lean) => {
  const sockets: Socket[] = []
  const mute = createServer((socket) => sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  t.after(() => mute.close())
  const { port } = mute.address() as AddressInfo
  const connected = once(mute, 'connection')
  const timers: (() => void)[] = []
  const clock = {
    ...realClock,
    setTimeout: (callback: () => void) => timers.push(callback),
    clearTimeout: () => {},
  }
  const channel = createRealRpc({ clock }).dial({ to: { host: '127.0.0.1', port }, ...lean })
  t.after(() => channel.close())
  const { call, outcome } = start(channel, produceStream)
  call.send(bytesOf('x'))
  await connected
  for (const ring of timers.splice(0)) ring()
  assert.equal((await outcome).error?.code, 'UNAVAILABLE')
  const closed = once(mute.close(), 'close')
  for (const socket of sockets) socket.destroy()
  await closed
  await serve(t, { produce: echo }, { at: { ...loopback, port } })
  assert.equal((await ask(channel, produce, 'x')).error, undefined)
})

overBoth('a server that goes away in the middle of a call is UNAVAILABLE', async (t, lean) => {
  const { handle, called } = silent()
  const { port, server } = await serve(t, { produceStream: handle })
  const { call, outcome } = start(dial(t, port, lean), produceStream)
  call.send(bytesOf('x'))
  await called
  await server.close()
  const { error } = await outcome
  assert.equal(error?.grpc, GrpcCode.UNAVAILABLE)
})

overBoth('closing a channel ends its calls, and later ones at once', async (t, lean) => {
  const { handle, called } = silent()
  const { port } = await serve(t, { produceStream: handle })
  const channel = dial(t, port, lean)
  const { call, outcome } = start(channel, produceStream)
  call.send(bytesOf('x'))
  await called
  channel.close()
  assert.equal((await outcome).error?.code, 'CANCELLED')
  assert.equal((await ask(channel, produce, 'x')).error?.code, 'UNAVAILABLE')
})

overBoth('a name is resolved', async (t, lean) => {
  const { port } = await serve(t, { produce: echo })
  const channel = dial(t, port, { ...lean, to: { host: 'localhost', port } })
  assert.equal((await ask(channel, produce, 'x')).error, undefined)
})

overBoth('answers before an error are delivered before it', async (t, lean) => {
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: () => {
        for (let index = 0; index < 100; index++) call.send(bytesOf(String(index)))
        call.finish(new ReeveError('DISK_FULL', 'no space'))
      },
    }),
  })
  const { error, messages } = await ask(dial(t, port, lean), produceStream, 'x')
  assert.equal(error?.code, 'DISK_FULL')
  assert.equal(messages.length, 100)
})
