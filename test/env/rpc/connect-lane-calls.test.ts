import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { ServerCall } from '../../../src/env/env.ts'
import {
  ConsumeStreamResponseSchema,
  GetServersResponseSchema,
  ListTopicsRequestSchema,
  ProduceStreamRequestSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { bytesOf, callRaw, frame, maxMessageBytes, openRaw, rawSession, serve, signal, silent } from './fixture.ts'

test('a method that is not hot is plain gRPC too, and keeps fields it does not know', async (t) => {
  const seen: Uint8Array[] = []
  // Field 99, a string, in both messages.
  const unknown = Buffer.from([0x9a, 0x06, 0x02, 0x68, 0x69])
  const { port } = await serve(t, {
    getServers: (call) => ({
      message: (bytes) => {
        seen.push(bytes)
        call.send(Buffer.concat([toBinary(GetServersResponseSchema, create(GetServersResponseSchema)), unknown]))
        call.finish()
      },
    }),
  })
  const answer = await callRaw(await rawSession(t, port), 'GetServers', [frame(unknown)])
  assert.equal(answer.status, '0')
  assert.deepEqual(
    seen.map((bytes) => Buffer.from(bytes)),
    [unknown],
  )
  assert.deepEqual(answer.messages, [unknown])
})

test('the call knows path, caller, metadata and deadline here as well', async (t) => {
  const { handle, called } = silent()
  const { port } = await serve(t, { getServers: handle })
  const session = await rawSession(t, port)
  const headers = { 'x-name': 'a, b', 'trace-bin': 'AAEC,/w==', 'grpc-timeout': '1M' }
  openRaw(session, 'GetServers', headers).stream.end(frame(new Uint8Array(0)))
  const call = await called
  assert.equal(call.path, '/reeve.v1.LogService/GetServers')
  assert.deepEqual(call.caller.remote, { host: '127.0.0.1', port: session.socket.localPort })
  assert.deepEqual(Object.fromEntries(call.metadata), { 'x-name': 'a, b', 'trace-bin': '/w==' })
  assert.ok(call.remainingMs()! > 50_000)
})

test('a deadline ends a silent call with its code, and the handler hears of it once', async (t) => {
  let cancelled = 0
  const { handle } = silent({ cancelled: () => cancelled++ })
  const { port, server } = await serve(t, { getServers: handle, produceStream: handle })
  const session = await rawSession(t, port)
  const answer = await callRaw(session, 'GetServers', [frame(new Uint8Array(0))], { 'grpc-timeout': '20m' })
  assert.equal(answer.status, '4')
  const web = { 'content-type': 'application/grpc-web', 'grpc-timeout': '20m' }
  const streamed = await callRaw(session, 'ProduceStream', [frame(new Uint8Array(0))], web)
  assert.match(streamed.body.toString('latin1'), /grpc-status: 4/i)
  assert.equal(cancelled, 2)
  assert.equal(server.calls.size, 0)
})

test('a caller who goes away cancels the call, once, whatever code it resets with', async (t) => {
  let cancelled = 0
  const gone = [signal(), signal(), signal()]
  const { port, server, events } = await serve(t, {
    getServers: (call) => {
      calls.push(call)
      called[calls.length - 1]!.resolve()
      return { message() {}, cancelled: () => gone[cancelled++]!.resolve() }
    },
  })
  const called = [signal(), signal(), signal()]
  const calls: ServerCall[] = []
  const session = await rawSession(t, port)
  for (const [index, code] of [8, 2, 1].entries()) {
    const { stream } = openRaw(session, 'GetServers')
    stream.end(frame(new Uint8Array(0)))
    await called[index]!.promise
    stream.close(code)
    await gone[index]!.promise
  }
  for (const call of calls) call.finish()
  assert.equal(cancelled, 3)
  assert.deepEqual(events, [])
  assert.equal(server.calls.size, 0)
})

test('a crashing handler is INTERNAL and reported, without its message', async (t) => {
  const { port, events } = await serve(t, {
    getServers: () => {
      throw new Error('secret')
    },
    listTopics: (call) => ({ message: () => call.finish() }),
    leave: (call) => ({ message: () => void call.send(bytesOf('no protobuf')) }),
  })
  const session = await rawSession(t, port)
  for (const method of ['GetServers', 'ListTopics', 'Leave']) {
    const answer = await callRaw(session, method, [frame(new Uint8Array(0))])
    assert.equal(answer.status, '13')
    assert.doesNotMatch(answer.message!, /secret/)
  }
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['handlerCrashed', 'handlerCrashed', 'handlerCrashed'],
  )
})

test('a message over the limit is refused, and so is one that only unpacks to it', async (t) => {
  const { port } = await serve(t, { listTopics: silent().handle })
  const session = await rawSession(t, port)
  const tooLarge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
  assert.equal((await callRaw(session, 'ListTopics', [tooLarge])).status, '8')
  const { gzipSync } = await import('node:zlib')
  const bomb = toBinary(
    ListTopicsRequestSchema,
    create(ListTopicsRequestSchema, { topic: 'x'.repeat(maxMessageBytes + 1) }),
  )
  const answer = await callRaw(session, 'ListTopics', [frame(gzipSync(bomb), 1)], { 'grpc-encoding': 'gzip' })
  assert.equal(answer.status, '8')
})

test('pause holds requests back, resume goes on, answers wait for a slow caller', async (t) => {
  const seen: number[] = []
  const paused = signal<ServerCall>()
  let sent = 0
  const stuck = signal()
  const { port } = await serve(t, {
    produceStream: (call) => ({
      message: (bytes) => {
        seen.push(fromBinary(ProduceStreamRequestSchema, bytes).copies)
        if (seen.length === 2) {
          call.pause()
          paused.resolve(call)
        }
      },
      ended: () => call.finish(),
    }),
    consumeStream: (call) => {
      const fill = () => {
        while (sent < 100) {
          sent++
          const answer = create(ConsumeStreamResponseSchema, { cursor: new Uint8Array(50_000).fill(sent) })
          if (!call.send(toBinary(ConsumeStreamResponseSchema, answer))) {
            stuck.resolve()
            return
          }
        }
        call.finish()
      }
      return { message: fill, drained: fill }
    },
  })
  const web = { 'content-type': 'application/grpc-web+proto' }
  const session = await rawSession(t, port)
  const requests = Array.from({ length: 20 }, (_, index) =>
    frame(toBinary(ProduceStreamRequestSchema, create(ProduceStreamRequestSchema, { copies: index + 1 }))),
  )
  const answer = callRaw(session, 'ProduceStream', requests, web)
  const call = await paused.promise
  for (let round = 0; round < 5; round++) await new Promise<void>((resolve) => session.ping(() => resolve()))
  assert.equal(seen.length, 2)
  call.resume()
  await answer
  assert.equal(seen.length, 20)

  const down = openRaw(session, 'ConsumeStream', web)
  down.stream.end(frame(new Uint8Array(0)))
  down.stream.pause()
  await stuck.promise
  for (let round = 0; round < 5; round++) await new Promise<void>((resolve) => session.ping(() => resolve()))
  assert.ok(sent < 30, `${sent} answers without a reader`)
  down.stream.resume()
  const { body } = await down.answer
  assert.equal(sent, 100)
  assert.ok(body.length > 5_000_000)
})

test('malformed protobuf is refused and no handler sees it', async (t) => {
  let messages = 0
  const { port } = await serve(t, { listTopics: silent({ message: () => messages++ }).handle })
  const answer = await callRaw(await rawSession(t, port), 'ListTopics', [frame(bytesOf('\xff\xff\xff'))])
  assert.notEqual(answer.status, '0')
  assert.equal(messages, 0)
})
