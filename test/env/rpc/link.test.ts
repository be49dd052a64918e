/** A lean channel and servers that are not ours, or not well. */

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { constants, createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Clock, RpcChannel } from '../../../src/env/env.ts'
import { realClock } from '../../../src/env/real-clock.ts'
import { createRealRpc } from '../../../src/env/rpc/index.ts'
import { GrpcCode, ReeveError } from '../../../src/errors.ts'
import { bytesOf, frame, serve, signal, silent } from './fixture.ts'

const path = '/reeve.v1.LogService/ProduceStream'
const grpc = { ':status': 200, 'content-type': 'application/grpc' }

async function foreign(t: TestContext, answer: (stream: ServerHttp2Stream) => void) {
  const sessions: Http2Session[] = []
  const server = createServer()
  server.on('session', (session) => sessions.push(session.on('error', () => {})))
  server.on('stream', (stream) => answer(stream.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const session of sessions) session.destroy()
  })
  return { sessions, port: (server.address() as AddressInfo).port }
}

function dial(t: TestContext, port: number, clock: Clock = realClock): RpcChannel {
  const channel = createRealRpc({ clock }).dial({ to: { host: '127.0.0.1', port }, lean: true })
  t.after(() => channel.close())
  return channel
}

/** Says one word and leaves its side open. */
function open(channel: RpcChannel) {
  const messages: string[] = []
  const heard = new EventEmitter()
  const closed = signal<ReeveError | undefined>()
  const call = channel.call(
    path,
    {},
    {
      message: (bytes) => {
        messages.push(Buffer.from(bytes).toString())
        heard.emit('message')
      },
      closed: closed.resolve,
    },
  )
  call.send(bytesOf('x'))
  return {
    call,
    messages,
    heard: once(heard, 'message'),
    heardAgain: () => once(heard, 'message'),
    closed: closed.promise,
  }
}

const endings: [string, GrpcCode, (stream: ServerHttp2Stream) => void][] = [
  [
    'a status in the headers',
    GrpcCode.NOT_FOUND,
    (s) => s.respond({ ...grpc, 'grpc-status': '5' }, { endStream: true }),
  ],
  ['an HTTP status alone', GrpcCode.UNAVAILABLE, (s) => s.respond({ ':status': 503 }, { endStream: true })],
  ['a page that is not there', GrpcCode.UNIMPLEMENTED, (s) => s.respond({ ':status': 404 }, { endStream: true })],
  ['no status at all', GrpcCode.INTERNAL, (s) => s.respond(grpc, { endStream: true })],
  ['a refusal', GrpcCode.UNAVAILABLE, (s) => s.close(constants.NGHTTP2_REFUSED_STREAM)],
  ['a cancellation', GrpcCode.CANCELLED, (s) => s.close(constants.NGHTTP2_CANCEL)],
  ['a request to be calm', GrpcCode.RESOURCE_EXHAUSTED, (s) => s.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)],
  ['a broken connection', GrpcCode.UNAVAILABLE, (s) => s.session?.destroy()],
  [
    'the end of all calls by an error',
    GrpcCode.UNAVAILABLE,
    (s) => s.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR),
  ],
  [
    'compressed messages',
    GrpcCode.INTERNAL,
    (s) => {
      s.respond(grpc)
      s.write(frame(bytesOf('x'), 1))
    },
  ],
  [
    'half a message',
    GrpcCode.INTERNAL,
    (s) => {
      s.respond(grpc, { waitForTrailers: true })
      s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }))
      s.end(frame(bytesOf('half')).subarray(0, 6))
    },
  ],
]

for (const [what, code, answer] of endings) {
  test(`${what} is an end with status ${code}`, async (t) => {
    const { port } = await foreign(t, answer)
    assert.equal((await open(dial(t, port)).closed)?.grpc, code)
  })
}

test('a status is told when it comes, though the caller could go on and the server listens on', async (t) => {
  const left = signal()
  const { port } = await foreign(t, (stream) => {
    stream.respond(grpc, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '8', 'grpc-message': 'too%20much' }))
    stream.on('close', () => left.resolve())
    stream.end(frame(bytesOf('last')))
  })
  const { closed, messages } = open(dial(t, port))
  const error = await closed
  assert.deepEqual([messages, error?.grpc, error?.message], [['last'], GrpcCode.RESOURCE_EXHAUSTED, 'too much'])
  await left.promise
})

test('a server that takes no more calls finishes those it has; the next call has a connection of its own', async (t) => {
  const streams: ServerHttp2Stream[] = []
  const { port, sessions } = await foreign(t, (stream) => {
    streams.push(stream)
    stream.respond(grpc)
    stream.write(frame(bytesOf('here')))
  })
  const channel = dial(t, port)
  const before = open(channel)
  await before.heard
  sessions[0]?.close()
  let after = open(channel)
  // One that is made before the news has come is refused.
  while ((await Promise.race([after.heard, after.closed])) instanceof ReeveError) after = open(channel)
  assert.equal(sessions.length, 2)
  const again = before.heardAgain()
  streams[0]?.write(frame(bytesOf('and on')))
  await again
  assert.deepEqual(before.messages, ['here', 'and on'])
})

test('a peer that leaves a ping without an answer is UNAVAILABLE', async (t) => {
  const { handle, called } = silent()
  const { port } = await serve(t, { produceStream: handle })
  const timers = new Map<object, { ring: () => void; ms: number }>()
  const clock: Clock = {
    ...realClock,
    setTimeout: (ring, ms) => {
      const timer = {}
      timers.set(timer, { ring, ms })
      return timer as never
    },
    clearTimeout: (timer) => void timers.delete(timer as never),
  }
  const ring = (wanted: number) => {
    for (const [timer, { ring, ms }] of [...timers]) {
      if (ms !== wanted) continue
      timers.delete(timer)
      ring()
    }
  }
  const { closed } = open(dial(t, port, clock))
  await called
  while (![...timers.values()].some(({ ms }) => ms === 20_000)) await new Promise(setImmediate)
  ring(20_000)
  // In the same turn: no answer can have come.
  ring(10_000)
  assert.equal((await closed)?.code, 'UNAVAILABLE')
})
