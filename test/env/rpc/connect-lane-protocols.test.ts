import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import type { RpcHandler } from '../../../src/env/env.ts'
import { ReeveError } from '../../../src/errors.ts'
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/status_pb.ts'
import {
  ConsumeStreamResponseSchema,
  LogService,
  ProduceRequestSchema,
  ProduceResponseSchema,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { callRaw, frame, type Handlers, loopback, openRaw, rawSession, serve } from './fixture.ts'

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
