import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import type { ServerCall } from '../../../src/env/env.ts'
import { errorOfStatus } from '../../../src/env/rpc/grpc-status.ts'
import { ReeveError } from '../../../src/errors.ts'
import { ProduceRequestSchema } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import {
  bytesOf,
  callRaw,
  echo,
  frame,
  maxMessageBytes,
  openRaw,
  rawSession,
  serve,
  signal,
  silent,
} from './fixture.ts'

const hello = frame(bytesOf('hello'))

test('a unary call is answered with headers, one message and trailers', async (t) => {
  const { port, server } = await serve(t, { produce: echo })
  const answer = await callRaw(await rawSession(t, port), 'Produce', [hello])
  assert.equal(answer.httpStatus, 200)
  assert.equal(answer.headers['content-type'], 'application/grpc+proto')
  assert.equal(answer.headers['grpc-status'], undefined)
  assert.equal(answer.status, '0')
  assert.deepEqual(answer.messages.map(String), ['hello'])
  assert.equal(server.calls(), 0)
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

test('an error without answers is trailers only, with code, facts and percent-encoded message', async (t) => {
  const refusal = new ReeveError('OFFSET_TRIMMED', 'gone: 50% ä', { facts: { start: '7' } })
  const { port } = await serve(t, { produce: (call) => ({ message: () => call.finish(refusal) }) })
  const answer = await callRaw(await rawSession(t, port), 'Produce', [hello])
  assert.equal(answer.httpStatus, 200)
  assert.equal(answer.headers['grpc-status'], '11')
  assert.equal(answer.headers['grpc-message'], 'gone: 50%25 %C3%A4')
  assert.equal(answer.body.length, 0)
  const error = errorOfStatus(11, answer.message!, answer.details)
  assert.deepEqual([error.code, error.message, error.facts], ['OFFSET_TRIMMED', 'gone: 50% ä', { start: '7' }])
})

test('an error after answers comes in the trailers, behind all of them', async (t) => {
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: (bytes) => {
        call.send(bytes)
        call.send(bytes)
        call.finish(new ReeveError('DISK_FULL', 'no space'))
        assert.equal(call.send(bytes), false)
        call.finish()
      },
    }),
  })
  const answer = await callRaw(await rawSession(t, port), 'ProduceStream', [hello])
  assert.equal(answer.headers['grpc-status'], undefined)
  assert.equal(answer.status, '8')
  assert.equal(errorOfStatus(8, answer.message!, answer.details).code, 'DISK_FULL')
  assert.deepEqual(answer.messages.map(String), ['hello', 'hello'])
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
  assert.equal(server.calls(), 0)
})

test('a deadline also ends a call whose caller has not half-closed', async (t) => {
  const { handle } = silent()
  const { port } = await serve(t, { produce: handle })
  const { answer } = openRaw(await rawSession(t, port), 'Produce', { 'grpc-timeout': '20000u' })
  assert.equal((await answer).status, '4')
})

test('malformed timeouts are refused before the handler hears of the call', async (t) => {
  let calls = 0
  const { port } = await serve(t, {
    produce: (call) => {
      calls++
      return echo(call)
    },
  })
  const session = await rawSession(t, port)
  for (const timeout of ['', '5', 'S', '-1S', '1.5S', '123456789S', '1s']) {
    const answer = await callRaw(session, 'Produce', [hello], { 'grpc-timeout': timeout })
    assert.equal(answer.status, '3', timeout)
  }
  assert.equal(calls, 0)
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
    assert.equal(server.calls(), 1)
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
  assert.equal(server.calls(), 0)
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

test('a call that ends early has its trailers, and a caller that goes on sending is cut off', async (t) => {
  const { port } = await serve(t, {
    produceStream: (call) => ({ message: () => call.finish(new ReeveError('BATCH_MALFORMED', 'no')) }),
  })
  const { stream, answer } = openRaw(await rawSession(t, port), 'ProduceStream')
  stream.write(hello)
  // Nothing else ends this stream: the caller keeps its side open.
  const { status, reset } = await answer
  assert.equal(status, '3')
  assert.equal(reset, 0)
})

test('compressed messages without an encoding, and unknown flags, are INTERNAL and reported', async (t) => {
  let cancelled = 0
  const { port, events } = await serve(t, { produceStream: silent({ cancelled: () => cancelled++ }).handle })
  const session = await rawSession(t, port)
  for (const flags of [1, 2, 0xff]) {
    assert.equal((await callRaw(session, 'ProduceStream', [frame(bytesOf('x'), flags)])).status, '13')
  }
  assert.deepEqual(
    events.map(({ kind, from }) => [kind, from]),
    Array(3).fill(['protocolError', '127.0.0.1']),
  )
  assert.equal(cancelled, 3)
})

test('gzip is honoured, an unknown encoding is UNIMPLEMENTED and told which ones are known', async (t) => {
  const seen: string[] = []
  const { port } = await serve(t, {
    produce: (call) => ({
      message: (bytes) => {
        seen.push(Buffer.from(bytes).toString())
        call.finish(new ReeveError('TOPIC_NAME_INVALID', 'x'))
      },
    }),
  })
  const session = await rawSession(t, port)
  const request = toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic: 'orders' }))
  const zipped = await callRaw(session, 'Produce', [frame(gzipSync(request), 1)], { 'grpc-encoding': 'gzip' })
  assert.equal(errorOfStatus(3, '', zipped.details).code, 'TOPIC_NAME_INVALID')
  assert.deepEqual(seen, [Buffer.from(request).toString()])
  const unknown = await callRaw(session, 'Produce', [frame(request, 1)], { 'grpc-encoding': 'snappy' })
  assert.equal(unknown.status, '12')
  assert.match(String(unknown.trailers['grpc-accept-encoding']), /gzip/)
})

test('unknown methods are UNIMPLEMENTED, GET is 405, other content is 415 or 404', async (t) => {
  const { port } = await serve(t, { produce: echo })
  const session = await rawSession(t, port)
  for (const path of ['Nothing', '/', '/x.Y/Z', '/__proto__/constructor', '/reeve.v1.LogService/Produce/']) {
    const answer = await callRaw(session, path, [hello])
    assert.deepEqual([answer.httpStatus, answer.status], [200, '12'], path)
    assert.equal(errorOfStatus(12, '', answer.details).code, 'METHOD_UNKNOWN')
  }
  assert.equal((await callRaw(session, 'Nothing', [hello], { 'content-type': 'text/html' })).httpStatus, 404)
  assert.equal((await callRaw(session, 'Produce', [], { ':method': 'GET' })).httpStatus, 405)
  for (const contentType of ['text/plain', 'application/grpcx', 'application/grpc+thrift', '']) {
    const answer = await callRaw(session, 'Produce', [hello], { 'content-type': contentType })
    assert.equal(answer.httpStatus, 415, contentType)
  }
})

test('a message over the limit is refused by its header alone', async (t) => {
  const messages: number[] = []
  const { handle } = silent({ message: (bytes) => messages.push(bytes.length) })
  const { port, events } = await serve(t, { produceStream: handle })
  const session = await rawSession(t, port)
  const { stream, answer } = openRaw(session, 'ProduceStream')
  stream.write(frame(new Uint8Array(maxMessageBytes)))
  stream.write(new Uint8Array([0, 0xff, 0xff, 0xff, 0xff]))
  const { status, message, details } = await answer
  assert.equal(status, '8')
  assert.equal(errorOfStatus(8, message!, details).code, 'MESSAGE_TOO_LARGE')
  assert.deepEqual(messages, [maxMessageBytes])
  assert.equal(events.at(-1)?.kind, 'protocolError')
})

test('a request that ends in the middle of a message is INTERNAL', async (t) => {
  const messages: string[] = []
  let ended = 0
  const listener = { message: (bytes: Uint8Array) => messages.push(String(bytes)), ended: () => ended++ }
  const { port } = await serve(t, { produce: silent(listener).handle, produceStream: silent(listener).handle })
  const session = await rawSession(t, port)
  for (const method of ['Produce', 'ProduceStream']) {
    for (const length of [1, 5, 9]) {
      assert.equal((await callRaw(session, method, [hello.subarray(0, length)])).status, '13', `${method} ${length}`)
    }
  }
  assert.deepEqual([messages.length, ended], [0, 0])
})

test('methods that take one message refuse none and two, and the handler sees neither', async (t) => {
  let messages = 0
  const { handle } = silent({ message: () => messages++ })
  const { port } = await serve(t, { produce: handle, consumeStream: handle })
  const session = await rawSession(t, port)
  for (const method of ['Produce', 'ConsumeStream']) {
    assert.equal((await callRaw(session, method, [])).status, '12')
    assert.equal((await callRaw(session, method, [hello, hello])).status, '12')
    assert.equal((await callRaw(session, method, [Buffer.concat([hello, hello])])).status, '12')
  }
  assert.equal(messages, 0)
})

test('a handler that throws ends its call with INTERNAL, is reported, and nothing else suffers', async (t) => {
  const boom = () => {
    throw new Error('secret detail')
  }
  let cancelled = 0
  const cases: ((call: ServerCall) => ReturnType<typeof echo>)[] = [
    boom,
    () => ({ message: boom, cancelled: () => cancelled++ }),
    () => ({ message() {}, ended: boom }),
    (call) => ({ message: () => fill(call), drained: boom }),
    () => ({ message: boom, cancelled: boom }),
  ]
  const fill = (call: ServerCall) => {
    while (call.send(new Uint8Array(50_000)));
  }
  let next = 0
  const { port, events } = await serve(t, { produceStream: (call) => cases[next++]!(call), produce: echo })
  const session = await rawSession(t, port)
  for (const _ of cases) {
    const answer = await callRaw(session, 'ProduceStream', [hello])
    assert.equal(answer.status, '13')
    assert.doesNotMatch(answer.message!, /secret/)
  }
  assert.equal(cancelled, 1)
  assert.ok(events.length >= cases.length)
  assert.ok(events.every(({ kind, message }) => kind === 'handlerCrashed' && message.includes('secret detail')))
  assert.equal((await callRaw(session, 'Produce', [hello])).status, '0')
})

test('a unary handler that ends without an answer has crashed', async (t) => {
  const { port, events } = await serve(t, { produce: (call) => ({ message: () => call.finish() }) })
  assert.equal((await callRaw(await rawSession(t, port), 'Produce', [hello])).status, '13')
  assert.equal(events[0]?.kind, 'handlerCrashed')
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
  const total = 200
  const size = 64 * 1024
  let sent = 0
  let queuedWithoutReader = 0
  const stuck = signal()
  const { port } = await serve(t, {
    consumeStream: (call) => {
      const fill = () => {
        while (sent < total) {
          sent++
          if (!call.send(new Uint8Array(size).fill(sent))) {
            stuck.resolve()
            return
          }
        }
        call.finish()
      }
      return { message: fill, drained: fill }
    },
  })
  const { stream, answer } = openRaw(await rawSession(t, port), 'ConsumeStream')
  stream.pause()
  stream.end(hello)
  await stuck.promise
  queuedWithoutReader = sent
  assert.ok(queuedWithoutReader * size < 1024 * 1024)
  stream.resume()
  const { status, messages } = await answer
  assert.equal(status, '0')
  assert.deepEqual(
    messages.map((message) => [message.length, message[0]]),
    Array.from({ length: total }, (_, index) => [size, (index + 1) & 0xff]),
  )
})
