/** All of the request side over real sockets and a real disk, with clients that are not ours. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Client as ConnectClient, createClient } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { Cursors } from '../../src/catalog/cursors.ts'
import { Declarations } from '../../src/catalog/declarations.ts'
import { kindsKnowing } from '../../src/catalog/kinds.ts'
import { openTopics } from '../../src/catalog/topics.ts'
import type { RpcServer } from '../../src/env/env.ts'
import { createRealEnv } from '../../src/env/real.ts'
import { mintEpoch } from '../../src/epoch.ts'
import { ReeveError } from '../../src/errors.ts'
import { framedHeadBytes, writeFramedHead } from '../../src/framed.ts'
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../src/gen/grpc/health/v1/health_pb.ts'
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.ts'
import { type ConsumeStreamResponse, LogService, ReadOrder, StartAt } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import type { Journal } from '../../src/log/journal.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { Copies } from '../../src/replication/copies.ts'
import { createAccess } from '../../src/server/access.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { createPhase, type Phase } from '../../src/server/phase.ts'
import { createRoutes } from '../../src/server/routes.ts'
import { records, topicDefaults, valuesOf } from './parts.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const env = createRealEnv()
const epoch = mintEpoch(env.clock.now(), env.random.bytes(10))
const folder = mkdtempSync(join(tmpdir(), 'reeve-server-'))
const copies = new Copies()
let journal: Journal
let phase: Phase
let server: RpcServer
let client: Client

before(async () => {
  journal = await openJournal({
    disk: env.disk,
    clock: env.clock,
    dataDir: folder,
    node: 'a',
    epoch,
    settings: defaultLogSettings,
    report: () => {},
  })
  const declarations = new Declarations()
  const catalog = openCatalog({ journal, kinds: kindsKnowing(declarations), report: assert.fail })
  phase = createPhase('serving')
  const tags = new Map(Object.entries({ rpc_addr: '127.0.0.1:1', epoch, cluster: 'reeve' }))
  server = await env.rpc.serve({
    at: { host: '127.0.0.1', port: 0 },
    maxMessageBytes: 4 * 1024 * 1024,
    routes: createRoutes({
      clock: env.clock,
      journal,
      declarations,
      cursors: new Cursors({ catalog, journal, declarations }),
      topics: openTopics(catalog, journal, { ...topicDefaults, maxRecordBytes: 1024 * 1024 }),
      copies,
      isLive: () => false,
      access: createAccess(openDoor, false),
      phase,
      members: () => [
        { name: 'a', host: '127.0.0.1', port: 7946, status: 'alive', tags, vsn: ourVsn },
        { name: 'b', host: '127.0.0.2', port: 7946, status: 'alive', tags, vsn: ourVsn },
      ],
      replicators: () => new Map(),
      rttMs: async () => undefined,
      requestLeave: () => {},
      inspecting: [],
      durability: 'fsync',
      maxBatchBytes: 1024 * 1024,
      cluster: 'reeve',
    }),
  })
  client = new Client(`127.0.0.1:${server.address.port}`, credentials.createInsecure())
})

after(async () => {
  client.close()
  await server.close()
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const codec = <M extends DescMethod>(method: M) => ({
  path: `/${method.parent.typeName}/${method.name}`,
  write: (message: MessageInitShape<M['input']>) =>
    Buffer.from(toBinary(method.input, create(method.input, message as never))),
  read: (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M['output']>,
})

function unary<M extends DescMethod>(
  method: M,
  message: MessageInitShape<M['input']>,
  timeoutMs = 20_000,
): Promise<MessageShape<M['output']>> {
  const { path, write, read } = codec(method)
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + timeoutMs }
    client.makeUnaryRequest(path, write, read, message, new Metadata(), options, (error, answer) => {
      if (error || !answer) reject(error)
      else resolve(answer)
    })
  })
}

function stream<M extends DescMethod>(method: M, message: MessageInitShape<M['input']>) {
  const { path, write, read } = codec(method)
  return client.makeServerStreamRequest(path, write, read, message, new Metadata(), {})
}

const { produce, produceStream, consume, consumeStream, getServers, listTopics } = LogService.method

test('what was produced is consumed, by a gRPC client that knows nothing of us', async () => {
  const first = await unary(produce, { topic: 'unary', batch: records('x', 'y') })
  const second = await unary(produce, { topic: 'unary', batch: records('z') })
  assert.deepEqual([first.baseOffset, second.baseOffset], [0n, 2n])
  const answer = await unary(consume, { topic: 'unary' })
  assert.deepEqual(
    answer.batches.flatMap(({ batch }) => valuesOf(batch)),
    ['x', 'y', 'z'],
  )
  assert.equal(answer.atEnd, true)
  const { topics } = await unary(listTopics, { topic: 'unary' })
  assert.equal(topics[0]?.logs[0]?.end, 3n)
})

test('a stream of 2,000 batches is answered one by one while another call follows the topic', async () => {
  const following = stream(consumeStream, { topic: 'streamed', follow: true })
  const seen: string[] = []
  const all = new Promise<void>((resolve, reject) => {
    following.on('error', reject)
    following.on('data', ({ batches }: ConsumeStreamResponse) => {
      for (const { batch } of batches) seen.push(...valuesOf(batch))
      if (seen.length === 2000) resolve()
    })
  })
  const { path, write, read } = codec(produceStream)
  const producing = client.makeBidiStreamRequest(path, write, read, new Metadata(), {})
  const offsets: bigint[] = []
  const answered = new Promise<void>((resolve, reject) => {
    producing.on('error', reject)
    producing.on('data', (answer) => offsets.push(answer.baseOffset))
    producing.on('end', resolve)
  })
  const values = Array.from({ length: 2000 }, (_, at) => `record ${at}`)
  for (const [at, value] of values.entries()) {
    producing.write({ topic: at === 0 ? 'streamed' : '', batch: records(value) })
  }
  producing.end()
  await answered
  assert.deepEqual(
    offsets,
    values.map((_, at) => BigInt(at)),
  )
  await all
  assert.deepEqual(seen, values)
  following.removeAllListeners('error')
  const cancelled = new Promise((resolve) => following.once('error', resolve))
  following.cancel()
  await cancelled
})

test('a reader that stops reading gets everything when it goes on', async () => {
  const value = 'x'.repeat(500_000)
  for (let n = 0; n < 60; n++) await unary(produce, { topic: 'large', batch: records(`${n}:${value}`) })
  const reading = stream(consumeStream, { topic: 'large' })
  const seen: string[] = []
  await new Promise<void>((resolve, reject) => {
    reading.on('error', reject)
    reading.on('end', resolve)
    reading.on('data', ({ batches }: ConsumeStreamResponse) => {
      for (const { batch } of batches) for (const text of valuesOf(batch)) seen.push(text.split(':')[0] ?? '')
      // Others are answered while this one does not read.
      if (seen.length !== 3) return
      reading.pause()
      unary(produce, { topic: 'other', batch: records('x') }).then(() => reading.resume(), reject)
    })
  })
  assert.deepEqual(
    seen,
    Array.from({ length: 60 }, (_, at) => String(at)),
  )
})

test('one record a message: any gRPC client gets each with its own cursor, and goes on from any of them', async () => {
  const values = Array.from({ length: 5000 }, (_, at) => `record ${at}`)
  for (let at = 0; at < 5000; at += 500) {
    await unary(produce, { topic: 'singles', batch: records(...values.slice(at, at + 500)) })
  }
  const read = (cursor: Uint8Array = new Uint8Array()) => {
    const reading = stream(consumeStream, { topic: 'singles', recordsPerMessage: 1, cursor })
    return new Promise<ConsumeStreamResponse[]>((resolve, reject) => {
      const messages: ConsumeStreamResponse[] = []
      reading.on('error', reject)
      reading.on('data', (message: ConsumeStreamResponse) => messages.push(message))
      reading.on('end', () => resolve(messages))
    })
  }
  const valuesIn = (messages: ConsumeStreamResponse[]) =>
    messages.flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))
  const messages = await read()
  assert.equal(messages.length, 5000)
  assert.deepEqual(valuesIn(messages), values)
  assert.deepEqual([messages.at(-2)!.atEnd, messages.at(-1)!.atEnd], [false, true])
  for (const at of [0, 499, 1234, 4998])
    assert.deepEqual(valuesIn(await read(messages[at]!.cursor)), values.slice(at + 1))

  const connect = createClient(
    LogService,
    createConnectTransport({ baseUrl: `http://127.0.0.1:${server.address.port}`, httpVersion: '2' }),
  )
  const seen: string[] = []
  for await (const { batches } of connect.consumeStream({ topic: 'singles', recordsPerMessage: 1, maxRecords: 700n })) {
    assert.equal(batches.length, 1)
    seen.push(...valuesOf(batches[0]!.batch))
  }
  assert.deepEqual(seen, values.slice(0, 700))
})

test('a foreign client reads from a time, by time, and only some keys', async () => {
  const keyed = (...keys: string[]) => ({
    records: keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from(key) })),
  })
  const { timestamp } = await unary(produce, { topic: 'keyed', batch: keyed('a1', 'b1', 'c1') })
  await unary(produce, { topic: 'keyed', batch: keyed('b2', 'a2', 'a3', 'c2') })
  const request = {
    topic: 'keyed',
    startAt: StartAt.TIME,
    startTimeMs: timestamp >> 16n,
    order: ReadOrder.TIMESTAMP,
    filter: { keys: [Buffer.from('c2')], prefixes: [Buffer.from('a')] },
  }
  const offsets: number[] = []
  for await (const { batches } of stream(consumeStream, request)) {
    for (const { baseOffset, offsetDeltas, batch } of batches) {
      const count = batch.records.length
      for (let at = 0; at < count; at++) offsets.push(Number(baseOffset) + (offsetDeltas[at] ?? at))
    }
  }
  assert.deepEqual(offsets, [0, 4, 5, 6])
  const later = { topic: 'keyed', startAt: StartAt.TIME, startTimeMs: (timestamp >> 16n) + 3_600_000n }
  assert.deepEqual((await unary(consume, later)).batches, [])
})

test('readers that do not read cost a window each, whatever others read and write', async () => {
  const value = 'x'.repeat(500_000)
  for (let n = 0; n < 40; n++) await unary(produce, { topic: 'heavy', batch: records(value) })
  const held = () => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  // Nothing of a library that reads ahead: the windows of HTTP/2, and nobody who empties them.
  const session = connectHttp2(`http://127.0.0.1:${server.address.port}`)
  const { path, write } = codec(consumeStream)
  const slow = Array.from({ length: 10 }, () => {
    const reading = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const request = write({ topic: 'heavy', follow: true })
    const framed = new Uint8Array(framedHeadBytes + request.length)
    framed.set(request, writeFramedHead(framed, 0, request.length))
    reading.end(framed)
    return reading
  })
  await Promise.all(slow.map((reading) => once(reading, 'response')))
  for (let n = 0; n < 5; n++) {
    await unary(produce, { topic: 'heavy', batch: records(value) })
    let bytes = 0
    for await (const { batches } of stream(consumeStream, { topic: 'heavy' })) {
      for (const { batch } of batches) bytes += batch.records[0].value.length
    }
    assert.equal(bytes, (41 + n) * value.length)
  }
  const grown = held() - before
  session.destroy()
  // Of 20 MB that each of them could have.
  assert.ok(grown < 20_000_000, `${grown} bytes are held for ten readers`)
})

test('refusals arrive as the status that gRPC has for them', async () => {
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => status.OK,
      (error: ServiceError) => error.code,
    )
  assert.equal(await codeOf(unary(produce, { topic: '../x', batch: records('x') })), status.INVALID_ARGUMENT)
  assert.equal(await codeOf(unary(produce, { topic: 'x', batch: records('x'), copies: 9 })), status.FAILED_PRECONDITION)
  assert.equal(await codeOf(unary(consume, { topic: 'nothing' })), status.NOT_FOUND)
  assert.equal(await codeOf(unary(consume, { topic: 'x', cursor: Uint8Array.from([9]) })), status.INVALID_ARGUMENT)
  assert.equal(await codeOf(unary(Health.method.check, { service: 'nothing' })), status.NOT_FOUND)
})

test('copies that do not come: the answer says where the batch is, before the deadline would', async () => {
  const channel = env.rpc.dial({ to: server.address })
  const error = await new Promise<ReeveError | undefined>((resolve) => {
    const listener = { message: () => {}, closed: resolve }
    const call = channel.call(codec(produce).path, { timeoutMs: 2000 }, listener)
    call.send(codec(produce).write({ topic: 'copied', batch: records('x'), copies: 2 }))
    call.end()
  })
  channel.close()
  assert.ok(error instanceof ReeveError)
  assert.equal(error.code, 'COPIES_PENDING')
  const { epoch: at, offset, copies: counted, origin } = error.facts
  assert.deepEqual([origin, at, offset, counted], ['a', epoch, '0', '1'])
  assert.equal((await unary(consume, { topic: 'copied' })).batches.length, 1)
})

test('a produce with copies is answered when the replica has said so', async () => {
  const stopListening = journal.onCommit((log) => {
    if (log.id.topic === 'twice') copies.note('b', log.key, log.end)
  })
  const answer = await unary(produce, { topic: 'twice', batch: records('x'), copies: 2 })
  stopListening()
  assert.equal(answer.copies, 2)
})

test('Connect, gRPC-Web and gRPC by another library reach the same handlers', async () => {
  const baseUrl = `http://127.0.0.1:${server.address.port}`
  const transports = [
    createConnectTransport({ baseUrl, httpVersion: '2' }),
    createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false }),
    createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    createGrpcTransport({ baseUrl }),
  ]
  for (const [at, transport] of transports.entries()) {
    const api: ConnectClient<typeof LogService> = createClient(LogService, transport)
    const topic = `connect-${at}`
    assert.equal((await api.produce({ topic, batch: records('x', 'y') })).recordCount, 2)
    const { servers } = await api.getServers({})
    assert.deepEqual(
      servers.map(({ name, self }) => [name, self]),
      [
        ['a', true],
        ['b', false],
      ],
    )
    const seen: string[] = []
    for await (const { batches } of api.consumeStream({ topic, startAt: StartAt.START })) {
      seen.push(...batches.flatMap(({ batch }) => valuesOf(batch)))
    }
    assert.deepEqual(seen, ['x', 'y'])
  }
})

test('health is watched and contracts are reflected', async () => {
  const { status: now } = await unary(Health.method.check, {})
  assert.equal(now, Status.SERVING)
  const { path, write, read } = codec(ServerReflection.method.serverReflectionInfo)
  for (const each of [path, path.replace('.v1.', '.v1alpha.')]) {
    const asking = client.makeBidiStreamRequest(each, write, read, new Metadata(), {})
    asking.write({ messageRequest: { case: 'listServices', value: '' } })
    asking.end()
    const names = await new Promise<string[]>((resolve, reject) => {
      asking.on('error', reject)
      asking.on('data', ({ messageResponse }) => resolve(messageResponse.value.service.map(({ name = '' }) => name)))
    })
    assert.ok(names.includes('reeve.v1.LogService') && names.includes('reeve.v1.ReplicationService'))
  }
})

test('a node that drains lets its callers go at once', async () => {
  await unary(getServers, {})
  const watching = stream(Health.method.watch, {})
  const following = stream(consumeStream, { topic: 'unary', follow: true })
  const ends = [watching, following].map(
    (each) => new Promise<number>((resolve) => each.on('error', (error: ServiceError) => resolve(error.code))),
  )
  await Promise.all([watching, following].map((each) => new Promise((resolve) => each.once('data', resolve))))
  phase.set('draining')
  await server.drain(10_000)
  assert.deepEqual(await Promise.all(ends), [status.UNAVAILABLE, status.UNAVAILABLE])
  assert.equal(server.calls.size, 0)
})
