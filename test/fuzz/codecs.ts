/**
 * What is fuzzed, and what must hold for every input: a typed outcome, whatever the bytes; and what was accepted is
 * written to bytes that read as the same and are written the same again.
 */

import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { ReeveError } from '../../src/errors.ts'
import { ProduceRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { compressLzw, expandLzw } from '../../src/gossip/lzw.ts'
import { decodeMessage, encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { decodeFilter, encodeFilter } from '../../src/gossip/query-filter.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import {
  createStreamReader,
  encodeStream,
  type StreamLimits,
  type StreamMessage,
} from '../../src/gossip/stream-codec.ts'
import { decodeTags, encodeTags } from '../../src/gossip/tags.ts'
import { checkBatch, sliceBatch } from '../../src/log/batch.ts'
import { chainSeed, encodeFrame, readHeader, verifies } from '../../src/log/frame.ts'
import { decodePullRequest, decodePullResponse, encodePullRequest } from '../../src/replication/pull-messages.ts'
import { decodeCursor, encodeCursor } from '../../src/server/cursor.ts'
import { parseProduceRequest } from '../../src/server/produce-request.ts'
import { fromHex, golden, plainVectors } from '../gossip/golden.ts'

export interface FuzzCodec {
  /** Sound inputs to begin with. */
  readonly corpus: readonly Uint8Array[]
  /** Whether the input was accepted; throws what no outcome may be. */
  readonly accepts: (input: Uint8Array) => boolean
}

/** Small, so that what reaches them is reached. */
const streamLimits: StreamLimits = { maxBytes: 8192, maxUserBytes: 2048, maxNodes: 64 }

const packets = [...plainVectors('udp'), ...golden('robustness').cases]
  .filter(({ hex, transport }) => hex && transport === 'udp')
  .map(({ hex }) => fromHex(hex))
const streams = [...plainVectors('tcp'), ...golden('robustness').cases]
  .filter(({ hex, transport }) => hex && transport === 'tcp')
  .map(({ hex }) => fromHex(hex))
const found = packets.flatMap((packet) => decodePacket(packet).messages)
const messages = found.map(({ raw }) => raw)
const told = found.flatMap(({ message }) => (message.kind === 'user' ? [message.payload] : []))
const exchanged = streams.flatMap((bytes) => {
  const outcome = readStream([bytes])
  return outcome?.kind === 'pushPull' ? [outcome] : []
})
const states = exchanged.map(({ userState }) => userState)
const metas = exchanged.flatMap(({ nodes }) => nodes.map(({ meta }) => meta))
const filters = told.flatMap((payload) => {
  const message = decodeSerfMessage(payload)
  return message.ok && message.value.kind === 'query' ? [...message.value.filters] : []
})

const id = { topic: 'orders', origin: 'node-1', epoch: '01890000-0000-7000-8000-000000000001' }
const utf8 = new TextEncoder()
const records = [1, 2, 3].map((n) => ({
  key: utf8.encode(`k${n}`),
  value: utf8.encode(`value ${n}`),
  headers: [{ name: 'h', value: utf8.encode('v') }],
  timestampMs: BigInt(n),
}))
const batch = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
const batchLimits = { maxBytes: 4096, maxRecords: 100, maxRecordBytes: 1024 }
const frame = encodeFrame({ baseOffset: 7, recordCount: 3, timestamp: 99n, previousChain: chainSeed(id), body: batch })
const epochBytes = fromHex(id.epoch.replaceAll('-', ''))
const cursor = encodeCursor(id.topic, [{ from: { origin: utf8.encode(id.origin), epoch: epochBytes }, offset: 300 }])

export const codecs: ReadonlyMap<string, FuzzCodec> = new Map(
  Object.entries<FuzzCodec>({
    lzw: {
      corpus: golden('lzw').vectors.flatMap(({ lzw }: { lzw?: string }) => (lzw ? [fromHex(lzw)] : [])),
      accepts: (input) => {
        const plain = expandLzw(input, 4096)
        if (!plain.ok) return false
        assert.equal(plain.value.length <= 4096, true, 'more than the limit')
        assert.deepEqual(expandLzw(compressLzw(plain.value), 4096), plain)
        return true
      },
    },
    packet: {
      corpus: packets,
      accepts: (input) => {
        const { messages: sound, problems } = decodePacket(input)
        assert.equal(sound.length + problems.length <= 1025, true, 'more than the limit')
        return sound.length > 0
      },
    },
    message: { corpus: messages, accepts: stable(decodeMessage, encodeMessage) },
    serf: { corpus: [...told, ...states], accepts: stable(decodeSerfMessage, encodeSerfMessage) },
    stream: {
      corpus: streams,
      accepts: (input) => {
        const whole = readStream([input])
        const half = input.length >> 1
        const pieces = readStream([input.subarray(0, half), input.subarray(half)])
        assert.deepEqual(pieces, whole, 'another outcome in two pieces')
        if (whole === undefined) return false
        const again = encodeStream(whole, { compress: false })
        assert.deepEqual(encodeStream(readStream([again]) as StreamMessage, { compress: false }), again)
        return true
      },
    },
    tags: {
      corpus: metas,
      accepts: (input) => {
        const tags = decodeTags(input)
        const again = encodeTags(tags)
        if (again.ok) assert.deepEqual(encodeTags(decodeTags(again.value)), again)
        return tags.size > 0
      },
    },
    filter: { corpus: filters, accepts: stable(decodeFilter, encodeFilter) },
    frame: {
      corpus: [frame.bytes],
      accepts: (input) => {
        const header = readHeader(input, 0)
        if (!header || header.bytes > input.length) return false
        assert.equal(header.bytes > 0 && header.endOffset > header.baseOffset, true, 'an impossible header')
        return verifies(input.subarray(0, header.bytes))
      },
    },
    batch: {
      corpus: [batch],
      accepts: typed((input) => {
        const count = checkBatch(input, batchLimits)
        const [first, rest] = [sliceBatch(input, 0, 1), sliceBatch(input, 1, count)]
        assert.equal(first.length + rest.length, input.length, 'bytes lost by cutting')
        assert.equal(checkBatch(first, batchLimits), 1)
        if (count > 1) assert.equal(checkBatch(rest, batchLimits), count - 1)
      }),
    },
    cursor: { corpus: [cursor], accepts: typed((input) => void decodeCursor(input, id.topic)) },
    produce: {
      corpus: [
        toBinary(
          ProduceRequestSchema,
          create(ProduceRequestSchema, { topic: 'orders', batch: { records }, copies: 2 }),
        ),
      ],
      accepts: typed((input) => void parseProduceRequest(input)),
    },
    pull: {
      corpus: [
        encodePullRequest({
          case: 'hello',
          value: { version: 1, cluster: 'reeve', node: 'node-1', epoch: epochBytes } as never,
        }),
      ],
      accepts: typed((input) => {
        decodePullRequest(input)
        decodePullResponse(input)
      }),
    },
  }),
)

/** A parser that gives results: what it accepts is the same after writing and reading it again. */
function stable<T>(
  decode: (input: Uint8Array) => { ok: true; value: T } | { ok: false; problem: string },
  encode: (value: T) => Uint8Array,
): (input: Uint8Array) => boolean {
  return (input) => {
    const decoded = decode(input)
    if (!decoded.ok) return false
    const bytes = encode(decoded.value)
    const again = decode(bytes)
    assert.equal(again.ok, true, 'what was written is not readable')
    if (again.ok) assert.equal(Buffer.compare(encode(again.value), bytes), 0, 'written differently the second time')
    return true
  }
}

/** A parser that throws our one class of error. */
function typed(parse: (input: Uint8Array) => void): (input: Uint8Array) => boolean {
  return (input) => {
    try {
      parse(input)
      return true
    } catch (error) {
      if (error instanceof ReeveError && error.code !== 'INTERNAL') return false
      throw error
    }
  }
}

function readStream(chunks: readonly Uint8Array[]): StreamMessage | undefined {
  const reader = createStreamReader(streamLimits)
  for (const chunk of chunks) reader.push(chunk)
  const outcome = reader.end()
  return outcome.ok ? outcome.value : undefined
}
