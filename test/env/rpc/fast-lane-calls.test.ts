import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { ServerCall } from '../../../src/env/env.ts'
import { errorOfStatus } from '../../../src/env/rpc/grpc-status.ts'
import { bytesOf, callRaw, echo, frame, openRaw, pouring, rawSession, serve, signal, silent } from './fixture.ts'

const hello = frame(bytesOf('hello'))

test('a unary call is answered with headers, one message and trailers', async (t) => {
  const { port, server } = await serve(t, { produce: echo })
  const answer = await callRaw(await rawSession(t, port), 'Produce', [hello])
  assert.equal(answer.httpStatus, 200)
  assert.equal(answer.headers['content-type'], 'application/grpc+proto')
  assert.equal(answer.headers['grpc-status'], undefined)
  assert.equal(answer.status, '0')
  assert.deepEqual(answer.messages.map(String), ['hello'])
  assert.equal(server.calls.size, 0)
})

test('content-type with +proto, an identity encoding and a missing te are served as well', async (t) => {
  const { port } = await serve(t, { produce: echo })
  const session = await rawSession(t, port)
  const variants = [
    { 'content-type': 'application/grpc+proto' },
    { 'grpc-encoding': 'identity', 'grpc-accept-encoding': 'gzip, identity' },
  ]
  for (const headers of variants) assert.equal((await callRaw(session, 'Produce', [hello], headers)).status, '0')
  const bare = session.request({
    ':method': 'POST',
    ':path': '/reeve.v1.LogService/Produce',
    'content-type': 'application/grpc',
  })
  bare.end(hello)
  const [trailers] = await once(bare.resume(), 'trailers')
  assert.equal(trailers['grpc-status'], '0')
})

test('messages arrive whole, however DATA frames split and join them', async (t) => {
  const { port } = await serve(t, { produceStream: echo })
  const session = await rawSession(t, port)
  const bytes = Buffer.concat([hello, frame(new Uint8Array(0)), frame(bytesOf('world'))])
  const joined = await callRaw(session, 'ProduceStream', [bytes])
  const split = await callRaw(
    session,
    'ProduceStream',
    Array.from(bytes, (byte) => new Uint8Array([byte])),
  )
  for (const { status, messages } of [joined, split]) {
    assert.equal(status, '0')
    assert.deepEqual(messages.map(String), ['hello', '', 'world'])
  }
})

test('messages sent in one turn leave in few DATA frames', async (t) => {
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: () => {
        for (let index = 0; index < 1000; index++) call.send(new Uint8Array(10))
        call.finish()
      },
    }),
  })
  const { stream, answer } = openRaw(await rawSession(t, port), 'ProduceStream')
  let frames = 0
  stream.on('data', () => frames++)
  stream.end(hello)
  assert.equal((await answer).messages.length, 1000)
  assert.ok(frames <= 10, `${frames} DATA frames`)
})

test('the call knows its path, metadata, deadline and caller', async (t) => {
  const { handle, called } = silent()
  const { port } = await serve(t, { produce: handle })
  const session = await rawSession(t, port)
  const { stream } = openRaw(session, 'Produce', {
    'grpc-timeout': '1H',
    'X-Name': 'value, with comma',
    'trace-bin': 'AAEC,/w==',
  })
  const call = await called
  assert.equal(call.path, '/reeve.v1.LogService/Produce')
  assert.equal(call.caller.remote.host, '127.0.0.1')
  assert.equal(call.caller.remote.port, session.socket.localPort)
  assert.equal(call.caller.certificate, undefined)
  const left = call.remainingMs()!
  assert.ok(left > 3_500_000 && left <= 3_600_000)
  assert.deepEqual(Object.fromEntries(call.metadata), { 'x-name': 'value, with comma', 'trace-bin': '/w==' })
  stream.close()
})

test('without grpc-timeout a call has no deadline, and one beyond all timers is served', async (t) => {
  const left: (number | undefined)[] = []
  const { port } = await serve(t, {
    produce: (call) => {
      left.push(call.remainingMs())
      return echo(call)
    },
  })
  const session = await rawSession(t, port)
  assert.equal((await callRaw(session, 'Produce', [hello])).status, '0')
  assert.equal((await callRaw(session, 'Produce', [hello], { 'grpc-timeout': '99999999H' })).status, '0')
  assert.equal(left[0], undefined)
  assert.ok(left[1]! > 1e14)
})

test('a deadline ends a silent call with status 4 and tells the handler once', async (t) => {
  let cancelled = 0
  const { handle } = silent({ cancelled: () => cancelled++ })
  const { port, server } = await serve(t, { consumeStream: handle })
  const session = await rawSession(t, port)
  const answer = await callRaw(session, 'ConsumeStream', [hello], { 'grpc-timeout': '20m' })
  assert.equal(answer.status, '4')
  assert.equal(errorOfStatus(4, '', answer.details).code, 'DEADLINE_EXCEEDED')
  assert.equal(cancelled, 1)
  assert.equal(server.calls.size, 0)
})

test('a deadline also ends a call whose caller has not half-closed', async (t) => {
  const { handle } = silent()
  const { port } = await serve(t, { produce: handle })
  const { answer } = openRaw(await rawSession(t, port), 'Produce', { 'grpc-timeout': '20000u' })
  assert.equal((await answer).status, '4')
})

test('a caller who resets the stream cancels the call, once, whatever code it resets with', async (t) => {
  const calls: ServerCall[] = []
  let cancelled = 0
  let called = signal()
  let gone = signal()
  const { port, server } = await serve(t, {
    consumeStream: (call) => {
      calls.push(call)
      called.resolve()
      return {
        message() {},
        cancelled: () => {
          cancelled++
          gone.resolve()
        },
      }
    },
  })
  const session = await rawSession(t, port)
  for (const code of [8, 2, 1, 0]) {
    const { stream } = openRaw(session, 'ConsumeStream')
    stream.end(hello)
    await called.promise
    assert.equal(server.calls.size, 1)
    stream.close(code)
    await gone.promise
    called = signal()
    gone = signal()
  }
  for (const call of calls) {
    call.finish()
    assert.equal(call.send(new Uint8Array(1)), false)
  }
  assert.equal(cancelled, 4)
  assert.equal(server.calls.size, 0)
})

test('a lost connection cancels the call, also a paused one with messages waiting', async (t) => {
  const gone = signal()
  const { handle, called } = silent({ cancelled: () => gone.resolve() })
  const { port } = await serve(t, {
    produceStream: (call) => {
      call.pause()
      return handle(call)
    },
  })
  const session = await rawSession(t, port)
  openRaw(session, 'ProduceStream').stream.write(Buffer.alloc(100_000))
  await called
  session.destroy()
  await gone.promise
})

test('after its own finish a handler hears of no cancellation', async (t) => {
  let cancelled = 0
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: (bytes) => {
        call.send(bytes)
        call.finish()
      },
      cancelled: () => cancelled++,
    }),
  })
  const session = await rawSession(t, port)
  const { stream, answer } = openRaw(session, 'ProduceStream')
  stream.write(hello)
  await once(stream, 'trailers')
  stream.close(8)
  assert.equal((await answer).status, '0')
  assert.equal((await callRaw(session, 'ProduceStream', [hello])).status, '0')
  assert.equal(cancelled, 0)
})

test('both sides of a stream end on their own: answers go on after the half-close', async (t) => {
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message() {},
      ended: () => {
        call.send(bytesOf('late'))
        call.finish()
      },
    }),
  })
  const answer = await callRaw(await rawSession(t, port), 'ProduceStream', [hello])
  assert.deepEqual(answer.messages.map(String), ['late'])
})

test('a stream may end OK without any message', async (t) => {
  const { port } = await serve(t, { consumeStream: (call) => ({ message: () => call.finish() }) })
  const answer = await callRaw(await rawSession(t, port), 'ConsumeStream', [hello])
  assert.deepEqual([answer.status, answer.messages.length], ['0', 0])
})

test('pause takes effect within a chunk; resume delivers the rest and then the end', async (t) => {
  const seen: string[] = []
  let pausedAt = 0
  const ended = signal()
  const paused = signal<ServerCall>()
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: (bytes) => {
        seen.push(Buffer.from(bytes).toString())
        if (seen.length !== 3) return
        call.pause()
        paused.resolve(call)
      },
      ended: () => {
        ended.resolve()
        call.finish()
      },
    }),
  })
  const session = await rawSession(t, port)
  const texts = Array.from({ length: 100 }, (_, index) => String(index))
  const answer = callRaw(session, 'ProduceStream', [Buffer.concat(texts.map((text) => frame(bytesOf(text))))])
  const call = await paused.promise
  // A round trip on the same connection: by then all of the request has arrived.
  await new Promise<void>((resolve) => session.ping(() => resolve()))
  pausedAt = seen.length
  assert.equal(pausedAt, 3)
  call.resume()
  await ended.promise
  assert.deepEqual(seen, texts)
  assert.equal((await answer).status, '0')
})

test('a paused call stops its caller after a window; resumed, it gets everything in order', async (t) => {
  const count = 40
  const size = 512 * 1024
  const order: number[] = []
  const { port } = await serve(t, {
    produceStream: (call) => {
      call.pause()
      calls.push(call)
      return {
        message: (bytes) => order.push(bytes[0]!),
        ended: () => call.finish(),
      }
    },
  })
  const calls: ServerCall[] = []
  const session = await rawSession(t, port)
  const { stream, answer } = openRaw(session, 'ProduceStream')
  for (let index = 0; index < count; index++) stream.write(frame(new Uint8Array(size).fill(index)))
  stream.end()
  // Until the windows are used up: the stream's is 8 MiB of the 20 MiB.
  while ((stream.state.localWindowSize ?? 0) > 0 && session.state.remoteWindowSize !== 0) {
    await new Promise<void>((resolve) => session.ping(() => resolve()))
    if (written(stream) >= 7 * 1024 * 1024) break
  }
  for (let round = 0; round < 20; round++) await new Promise<void>((resolve) => session.ping(() => resolve()))
  assert.equal(order.length, 0)
  assert.ok(stream.writableLength > 11 * 1024 * 1024, `${stream.writableLength} bytes held back`)
  calls[0]!.resume()
  assert.equal((await answer).status, '0')
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, index) => index),
  )

  function written({ writableLength }: { writableLength: number }): number {
    return count * (size + 5) - writableLength
  }
})

test('send says false once a window is queued, drained follows when the caller reads on', async (t) => {
  const size = 64 * 1024
  const { handle, stuck, poured, expected } = pouring(200, size)
  const { port } = await serve(t, { consumeStream: handle })
  const { stream, answer } = openRaw(await rawSession(t, port), 'ConsumeStream')
  stream.pause()
  stream.end(hello)
  await stuck
  assert.ok(poured.sent * size < 1024 * 1024)
  stream.resume()
  const { status, messages } = await answer
  assert.equal(status, '0')
  assert.deepEqual(
    messages.map((message) => [message.length, message[0]]),
    expected.map((first) => [size, first]),
  )
})
