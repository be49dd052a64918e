import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import type { ServerCall } from '../../../src/env/env.ts'
import { errorOfStatus } from '../../../src/env/rpc/grpc-status.ts'
import { ReeveError } from '../../../src/errors.ts'
import { ProduceRequestSchema } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { bytesOf, callRaw, echo, frame, maxMessageBytes, openRaw, rawSession, serve, silent } from './fixture.ts'

const hello = frame(bytesOf('hello'))

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
