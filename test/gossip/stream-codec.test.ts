import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compress } from '../../src/gossip/compression.ts'
import type { PushPull, SerfPushPull } from '../../src/gossip/messages.ts'
import { MsgpackScanner } from '../../src/gossip/msgpack-scanner.ts'
import { gossipDialect, newerGossipDialect } from '../../src/gossip/msgpack-writer.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import {
  createStreamReader,
  encodeStream,
  type StreamLimits,
  type StreamMessage,
  type StreamOutcome,
} from '../../src/gossip/stream-codec.ts'
import { anyMessage, anyPushPull, mutated } from './arbitraries.ts'
import {
  dialectOf,
  eventSlots,
  fromHex,
  golden,
  type Json,
  plainVectors,
  serfMessage,
  streamMessage,
  toHex,
} from './golden.ts'

const anyStreamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  anyPushPull,
  anyMessage.filter(
    (message): message is Exclude<StreamMessage, PushPull> =>
      message.kind === 'ping' || message.kind === 'ack' || message.kind === 'user' || message.kind === 'error',
  ),
)

/** The outcome of a stream that ends behind these bytes. */
function read(bytes: Uint8Array | string, limits?: StreamLimits): StreamOutcome {
  const reader = createStreamReader(limits)
  reader.push(typeof bytes === 'string' ? fromHex(bytes) : bytes)
  return reader.end()
}

/** Our encoding of a push/pull with the ring of slots put back that the recorded sender wrote. */
function withEmptySlots(state: SerfPushPull, body: Json): Uint8Array {
  const ours = encodeSerfMessage(state)
  const key = Buffer.from('\xa6Events', 'latin1')
  const events = Buffer.from(ours).indexOf(key) + key.length
  const slots = eventSlots(body)
  const ring: Uint8Array[] = new Array(body.Events.$arrayLength).fill(Uint8Array.of(0xc0))
  let at = events + 1
  for (const { place } of slots) {
    const scanner = new MsgpackScanner(at)
    assert.equal(scanner.advance(ours, ours.length), 'complete')
    ring[place] = ours.subarray(at, scanner.at)
    at = scanner.at
  }
  const head = Uint8Array.of(0xdc, ring.length >> 8, ring.length & 0xff)
  return Buffer.concat([ours.subarray(0, events), head, ...ring, ours.subarray(at)])
}

describe('recorded streams', () => {
  for (const vector of plainVectors('tcp')) {
    it(vector.name, () => {
      const bytes = fromHex(vector.hex)
      const reader = createStreamReader()
      assert.equal(reader.push(bytes.subarray(0, -1)), undefined, 'needs its last byte')
      const outcome = reader.push(bytes.subarray(-1))
      assert.ok(outcome?.ok, 'a message')
      const message = outcome.value
      const { decoded } = vector

      const userState = message.kind === 'pushPull' ? message.userState : new Uint8Array(0)
      assert.deepEqual(message, streamMessage(decoded.message, userState))
      const again = encodeStream(message, { compress: decoded.compress !== undefined, dialect: dialectOf(vector) })
      assert.equal(toHex(again), vector.hex)

      if (message.kind === 'pushPull') {
        const state = decodeSerfMessage(userState)
        assert.ok(state.ok && state.value.kind === 'serfPushPull', 'the state of Serf')
        assert.deepEqual(state.value, serfMessage(decoded.message.userState))
        assert.equal(toHex(withEmptySlots(state.value, decoded.message.userState.body)), toHex(userState))
      }
    })
  }
})

describe('a stream of hand-made input', () => {
  const robust = (name: string): Uint8Array => {
    const found = golden('robustness').cases.find((input: Json) => input.name === name)
    assert.ok(found, name)
    return fromHex(found.hex)
  }

  it('is taken where every version takes it', () => {
    for (const [name, kind] of [
      ['tcp ping', 'ping'],
      ['tcp ping compressed', 'ping'],
      ['tcp user message (userEvent)', 'user'],
      ['tcp push/pull Join=false uncompressed', 'pushPull'],
      ['tcp push/pull: empty user state', 'pushPull'],
      ['tcp push/pull: zero nodes', 'pushPull'],
      ['tcp push/pull: new spec all over', 'pushPull'],
    ] as const) {
      const outcome = read(robust(name))
      assert.ok(outcome.ok, name)
      assert.equal(outcome.value.kind, kind)
    }
  })

  it('is refused in silence, or answered where its layers do not open', () => {
    const encrypted = 'remote state is encrypted and encryption is not configured'
    for (const [name, problem, answer] of [
      ['tcp: type 4 (alive) on stream', 'message type 4 is not supported on a stream', false],
      ['tcp: garbage', 'message type 99 is not supported on a stream', false],
      ['tcp: half message then silence (10 s timeout not waited)', 'truncated', false],
      ['tcp push/pull: header Nodes=-1', '-1 nodes: out of range', false],
      ['tcp: compress of empty', 'compress: empty message', true],
    ] as const) {
      assert.deepEqual(read(robust(name)), { ok: false, problem, answer }, name)
    }
    const foreign = { ok: false, foreign: true }
    const labelled = { ...foreign, problem: 'a label where none is expected', answer: false }
    assert.deepEqual(read(robust('tcp: label header')), labelled)
    const sealed = { ...foreign, problem: encrypted, answer: true }
    assert.deepEqual(read(robust('tcp: encrypted stream to plaintext agent')), sealed)
    assert.deepEqual(read('09c1'), { ok: false, problem: 'not MessagePack', answer: true })
    assert.deepEqual(read('0907'), { ok: false, problem: 'compress: expected a map, found 0x07', answer: true })
    assert.deepEqual(read(''), { ok: false, problem: 'truncated', answer: false })
    assert.deepEqual(read(compress(compress(fromHex('0080')))), {
      ok: false,
      problem: 'message type 9 is not supported on a stream',
      answer: false,
    })
    assert.deepEqual(read(compress(fromHex('0081a1'))), { ok: false, problem: 'truncated', answer: false })
  })

  it('always comes to an outcome once it ends', () => {
    for (const { transport, hex, name } of golden('robustness').cases) {
      if (transport === 'tcp' && hex !== undefined) assert.equal(typeof read(fromHex(hex)).ok, 'boolean', name)
    }
  })
})

describe('the limits of a stream', () => {
  const limits: StreamLimits = { maxBytes: 1000, maxUserBytes: 100, maxNodes: 3 }
  const problemOf = (bytes: Uint8Array | string, at = limits) => {
    const outcome = createStreamReader(at).push(typeof bytes === 'string' ? fromHex(bytes) : bytes)
    return outcome === undefined ? 'more' : outcome.ok ? 'none' : outcome.problem
  }
  const header = (nodes: string, userStateLen: string) =>
    `0683a44a6f696ec2a54e6f646573${nodes}ac5573657253746174654c656e${userStateLen}`

  it('are checked on what is announced, before it comes', () => {
    assert.equal(problemOf(header('03', '64')), 'more')
    assert.equal(problemOf(header('04', '00')), '4 nodes: out of range')
    assert.equal(problemOf(header('ce7fffffff', '00')), '2147483647 nodes: out of range')
    assert.equal(problemOf(header('00', '65')), '101 bytes of user state: out of range')
    assert.equal(problemOf(header('00', 'ff')), '-1 bytes of user state: out of range')
    assert.match(problemOf(header('cf7fffffffffffffff', '00')), /out of range/)
    assert.equal(problemOf('0881aa557365724d73674c656e65'), '101 bytes of user message: out of range')
    assert.equal(problemOf('0881aa557365724d73674c656eff'), '-1 bytes of user message: out of range')
    for (const hex of [
      '00db00001000',
      '00ddffffffff',
      '00dfffffffff',
      '09c600100000',
      `${header('01', '00')}81db00001000`,
    ]) {
      assert.equal(problemOf(hex), 'stream of more than 1000 bytes')
    }
  })

  it('allow a million nodes by default, and no bytes for them before they come', () => {
    const many = header('ce00100000', '00')
    assert.equal(createStreamReader().push(fromHex(many)), undefined)
    const oneMore = createStreamReader().push(fromHex(header('ce00100001', '00')))
    assert.ok(oneMore && !oneMore.ok, 'refused')
    assert.equal(oneMore.problem, '1048577 nodes: out of range')
  })

  it('hold for what is decompressed', () => {
    const bomb = compress(encodeStream({ kind: 'user', payload: new Uint8Array(5000) }, { compress: false }))
    assert.equal(problemOf(bomb), 'LZW: more than 1000 bytes')
    assert.equal(problemOf(bomb, { ...limits, maxBytes: 6000 }), '5000 bytes of user message: out of range')
  })

  it('hold for a value that never ends', () => {
    const reader = createStreamReader(limits)
    reader.push(Uint8Array.of(0, 0x91))
    let chunks = 0
    let outcome: StreamOutcome | undefined
    while (outcome === undefined) {
      outcome = reader.push(Uint8Array.of(0x91))
      chunks += 1
    }
    assert.ok(!outcome.ok, 'refused')
    assert.equal(outcome.problem, 'stream of more than 1000 bytes')
    assert.equal(chunks, 998)
  })
})

describe('streams we send', () => {
  it('hold any message, however it is cut into pieces', () => {
    fc.assert(
      fc.property(
        anyStreamMessage,
        fc.boolean(),
        fc.constantFrom(gossipDialect, newerGossipDialect),
        fc.array(fc.integer({ min: 0, max: 100 })),
        (message, packed, dialect, cuts) => {
          const bytes = encodeStream(message, { compress: packed, dialect })
          const reader = createStreamReader()
          let at = 0
          for (const cut of cuts) {
            if (at + cut >= bytes.length) break
            assert.equal(reader.push(bytes.slice(at, at + cut)), undefined)
            at += cut
          }
          assert.deepEqual(reader.push(bytes.slice(at)), { ok: true, value: message })
        },
      ),
    )
  })

  it('are read byte by byte, and what comes behind them is ignored', () => {
    const message: StreamMessage = { kind: 'user', payload: Uint8Array.of(1, 2, 3) }
    const bytes = encodeStream(message, { compress: true })
    const reader = createStreamReader()
    for (const byte of bytes.subarray(0, -1)) assert.equal(reader.push(Uint8Array.of(byte)), undefined)
    const outcome = reader.push(bytes.subarray(-1))
    assert.deepEqual(outcome, { ok: true, value: message })
    assert.equal(reader.push(Uint8Array.of(99)), outcome)
    assert.equal(reader.end(), outcome)
  })

  it('leave the chunks they were given alone', () => {
    const bytes = encodeStream({ kind: 'user', payload: new Uint8Array(50).fill(5) }, { compress: false })
    const chunk = bytes.slice(0, 20)
    const reader = createStreamReader()
    reader.push(chunk)
    reader.push(bytes.slice(20, 30))
    const outcome = reader.push(bytes.slice(30))
    assert.ok(outcome?.ok && outcome.value.kind === 'user', 'a user message')
    assert.deepEqual(chunk, bytes.slice(0, 20))
    chunk.fill(0)
    assert.deepEqual(outcome.value.payload, new Uint8Array(50).fill(5))

    const whole = createStreamReader().push(bytes)
    bytes.fill(0)
    assert.deepEqual(whole, outcome, 'nor do they look at them later')
  })

  it('are compressed even where that makes them longer', () => {
    const packed = encodeStream({ kind: 'error', text: 'x' }, { compress: true })
    assert.equal(packed[0], 9)
    assert.deepEqual(read(packed), { ok: true, value: { kind: 'error', text: 'x' } })
  })

  it('survive any change with an outcome', () => {
    const almost = mutated(
      fc.tuple(anyStreamMessage, fc.boolean()).map(([message, packed]) => encodeStream(message, { compress: packed })),
    )
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), almost), (bytes) => {
        const outcome = read(bytes)
        if (!outcome.ok) assert.equal(outcome.problem.length < 200, true)
      }),
      { numRuns: 1000 },
    )
  })
})
