import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import type { RpcHandler, ServerCall } from '../../../src/env/env.ts'
import { ReeveError } from '../../../src/errors.ts'
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/status_pb.ts'
import {
  ConsumeStreamResponseSchema,
  GetServersResponseSchema,
  ListTopicsRequestSchema,
  LogService,
  ProduceRequestSchema,
  ProduceResponseSchema,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import {
  bytesOf,
  callRaw,
  frame,
  type Handlers,
  loopback,
  maxMessageBytes,
  openRaw,
  rawSession,
  serve,
  signal,
  silent,
} from './fixture.ts'

/** Answers a produce with the length of its topic, and the caller's `x-name` as the log's topic. */
const produce: RpcHandler = (call) => ({
  message: (bytes) => {
    const { topic } = fromBinary(ProduceRequestSchema, bytes)
    const log = { topic: call.metadata.get('x-name') ?? '' }
    call.send(toBinary(ProduceResponseSchema, create(ProduceResponseSchema, { baseOffset: BigInt(topic.length), log })))
    call.finish()
  },
})

const produceStream: RpcHandler = (call) => ({
  message: (bytes) => {
    const { copies } = fromBinary(ProduceStreamRequestSchema, bytes)
    call.send(toBinary(ProduceStreamResponseSchema, create(ProduceStreamResponseSchema, { copies })))
  },
  ended: () => call.finish(),
})

/** As many answers as the window takes, without end. */
const consumeStream: RpcHandler = (call) => {
  const answer = toBinary(
    ConsumeStreamResponseSchema,
    create(ConsumeStreamResponseSchema, { cursor: new Uint8Array(10_000) }),
  )
  const fill = () => {
    while (call.send(answer));
  }
  return { message: fill, drained: fill }
}

const listTopics: RpcHandler = (call) => ({
  message: () => call.finish(new ReeveError('TOPIC_UNKNOWN', 'no topic here: ä', { facts: { topic: 'x' } })),
})

const handlers: Handlers = { produce, produceStream, consumeStream, listTopics }

type Make = (options: { baseUrl: string; httpVersion: '1.1' | '2' }) => Transport
const overHttp2: [string, Make][] = [
  ['gRPC', ({ baseUrl }) => createGrpcTransport({ baseUrl })],
  ['gRPC-Web', createGrpcWebTransport as Make],
  ['Connect', createConnectTransport as Make],
]

async function client(t: TestContext, make: Make, version: '1.1' | '2' = '2'): Promise<Client<typeof LogService>> {
  const { server } = await serve(t, handlers, { httpAt: loopback })
  const { port } = version === '2' ? server.address : server.httpAddress!
  return createClient(LogService, make({ baseUrl: `http://127.0.0.1:${port}`, httpVersion: version }))
}

for (const [name, make] of overHttp2) {
  test(`${name} over HTTP/2: unary, both directions of streams, metadata, errors with facts`, async (t) => {
    const log = await client(t, make)
    const answer = await log.produce({ topic: 'orders' }, { headers: { 'x-name': 'alice' } })
    assert.deepEqual([answer.baseOffset, answer.log?.topic], [6n, 'alice'])

    async function* requests() {
      for (let copies = 1; copies <= 50; copies++) yield { copies }
    }
    const copies: number[] = []
    for await (const response of log.produceStream(requests())) copies.push(response.copies)
    assert.deepEqual(
      copies,
      Array.from({ length: 50 }, (_, index) => index + 1),
    )

    const abort = new AbortController()
    let received = 0
    await assert.rejects(async () => {
      for await (const _ of log.consumeStream({ topic: 'orders' }, { signal: abort.signal })) {
        if (++received === 200) abort.abort()
      }
    }, isCode(Code.Canceled))
    assert.ok(received >= 200)

    await assert.rejects(log.listTopics({}), (error: unknown) => {
      assert.ok(error instanceof ConnectError)
      assert.deepEqual([error.code, error.rawMessage], [Code.NotFound, 'no topic here: ä'])
      const [info] = error.findDetails(ErrorInfoSchema)
      assert.deepEqual([info?.reason, info?.domain, info?.metadata], ['TOPIC_UNKNOWN', 'reeve', { topic: 'x' }])
      return true
    })
    await assert.rejects(log.getServers({}), isCode(Code.Unimplemented))
  })
}

for (const [name, make] of overHttp2.slice(1)) {
  test(`${name} over HTTP/1.1: unary, server streams and errors`, async (t) => {
    const log = await client(t, make, '1.1')
    assert.equal((await log.produce({ topic: 'abc' })).baseOffset, 3n)
    let received = 0
    for await (const _ of log.consumeStream({ topic: 'orders' })) if (++received === 100) break
    await assert.rejects(log.listTopics({}), isCode(Code.NotFound))
  })
}

function isCode(code: Code) {
  return (error: unknown) => error instanceof ConnectError && error.code === code
}

test('JSON by a plain POST', async (t) => {
  const { server } = await serve(t, handlers, { httpAt: loopback })
  const response = await fetch(`http://127.0.0.1:${server.httpAddress!.port}/reeve.v1.LogService/Produce`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'four' }),
  })
  assert.deepEqual(await response.json(), { log: {}, baseOffset: '4' })
})

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
  assert.equal(server.calls(), 0)
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
  assert.equal(server.calls(), 0)
})

test('a caller who resets with an error, before or after its answer, harms nobody', async (t) => {
  const { port } = await serve(t, { listTopics, produceStream })
  const session = await rawSession(t, port)
  for (const [path, contentType] of [
    ['Nothing', 'application/grpc-web'],
    ['Nothing', 'text/html'],
    ['ListTopics', 'text/html'],
    ['ProduceStream', 'application/grpc-web'],
  ] as const) {
    const answered = openRaw(session, path, { 'content-type': contentType })
    answered.stream.write(frame(new Uint8Array(0)))
    await once(answered.stream, 'response')
    answered.stream.close(2)
    const unanswered = openRaw(session, path, { 'content-type': contentType })
    unanswered.stream.write(new Uint8Array(3))
    unanswered.stream.close(2)
    await Promise.all([answered.answer, unanswered.answer])
  }
  assert.equal((await callRaw(session, 'ListTopics', [frame(new Uint8Array(0))])).status, '5')
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

test('odd requests get an answer and never end the process', async (t) => {
  const { port, server } = await serve(t, handlers, { httpAt: loopback })
  const session = await rawSession(t, port)
  for (const authority of ['[', 'a b', '%', 'http://x']) {
    const web = { 'content-type': 'application/grpc-web', ':authority': authority }
    await callRaw(session, 'ListTopics', [frame(new Uint8Array(0))], web)
  }
  for (const request of [
    'GET / HTTP/1.0\r\n\r\n',
    'POST /reeve.v1.LogService/ListTopics HTTP/1.0\r\ncontent-type: application/proto\r\n\r\n',
    'POST /reeve.v1.LogService/ListTopics HTTP/1.1\r\nhost: [\r\ncontent-type: application/proto\r\n\r\n',
    'POST //%zz HTTP/1.1\r\nhost: a\r\n\r\n',
    'rubbish\r\n\r\n',
    '\x16\x03\x01\x00\x00',
  ]) {
    const socket = connectTcp(server.httpAddress!.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(request)
    await new Promise((resolve) => socket.resume().on('close', resolve))
  }
  assert.equal((await callRaw(session, 'ListTopics', [frame(new Uint8Array(0))])).status, '5')
})

test('malformed protobuf is refused and no handler sees it', async (t) => {
  let messages = 0
  const { port } = await serve(t, { listTopics: silent({ message: () => messages++ }).handle })
  const answer = await callRaw(await rawSession(t, port), 'ListTopics', [frame(bytesOf('\xff\xff\xff'))])
  assert.notEqual(answer.status, '0')
  assert.equal(messages, 0)
})

test('pages of this machine may call by HTTP/1.1, pages from elsewhere may not', async (t) => {
  const { server } = await serve(t, handlers, { httpAt: loopback })
  const url = `http://127.0.0.1:${server.httpAddress!.port}/reeve.v1.LogService/Produce`
  const post = (origin: string) =>
    fetch(url, { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body: '{}' })
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1', 'https://[::1]:3000']) {
    const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin } })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
    assert.match(preflight.headers.get('access-control-allow-headers')!, /Connect-Protocol-Version/i)
    const response = await post(origin)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('access-control-expose-headers')!, /grpc-status/i)
    await response.text()
  }
  for (const origin of [
    'https://evil.example',
    'http://localhost.evil.example',
    'null',
    'http://127.0.0.1.evil.example',
  ]) {
    for (const response of [await fetch(url, { method: 'OPTIONS', headers: { origin } }), await post(origin)]) {
      assert.equal(response.status, 403, origin)
      assert.equal(response.headers.get('access-control-allow-origin'), null)
    }
  }
})

test('a page whose name was rebound to this machine is a page from elsewhere', async (t) => {
  const { server } = await serve(t, handlers, { httpAt: loopback })
  const socket = connectTcp(server.httpAddress!.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('POST /reeve.v1.LogService/Produce HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\n')
  socket.write('content-type: application/json\r\ncontent-length: 2\r\n\r\n{}')
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 403 /)
})

test('a method nobody registered is 404 by HTTP, and GET is 405', async (t) => {
  const { server } = await serve(t, handlers, { httpAt: loopback })
  const base = `http://127.0.0.1:${server.httpAddress!.port}`
  for (const path of ['/', '/reeve.v1.LogService/Nothing', '/__proto__']) {
    assert.equal((await fetch(base + path)).status, 404)
  }
  assert.equal((await fetch(`${base}/reeve.v1.LogService/ListTopics`)).status, 405)
})
