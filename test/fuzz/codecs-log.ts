/** What clients and peers bring to the log, and what is read back from disk. */

import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { cursorKind, decodeCursorEntry, encodeCursorEntry } from '../../src/catalog/cursor-kind.ts'
import { Declarations } from '../../src/catalog/declarations.ts'
import { stateFromPlace } from '../../src/catalog/place.ts'
import { foldOf, runKind } from '../../src/catalog/run-kind.ts'
import { AckReader } from '../../src/client/ack.ts'
import { AnswerReader } from '../../src/client/answer.ts'
import { Repeats } from '../../src/client/repeats.ts'
import { ReeveError } from '../../src/errors.ts'
import { CursorEntrySchema, RunEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import { ConsumeStreamResponseSchema, ProduceRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { RefusalReason } from '../../src/gen/reeve/v1/replication_service_pb.ts'
import { checkBatch } from '../../src/log/batch.ts'
import { chainSeed, encodeFrame, readHeader, verifies } from '../../src/log/frame.ts'
import { KeyFilter } from '../../src/log/key-filter.ts'
import { select } from '../../src/log/select.ts'
import {
  decodePullRequest,
  decodePullResponse,
  digestFromMessage,
  encodePullRequest,
  encodePullResponse,
  holdingsFromMessage,
  logIdFromMessage,
  logIdToMessage,
  offsetFrom,
} from '../../src/replication/pull-messages.ts'
import { decodeCursor, encodeCursor } from '../../src/server/cursor.ts'
import { claimOf, parseProduceRequest } from '../../src/server/produce-request.ts'
import { encodeLogId, encodeProduceResponse } from '../../src/server/produce-response.ts'
import { fromHex } from '../gossip/golden.ts'
import { type FuzzCodec, typed } from './codec.ts'

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
const filter = new KeyFilter([new TextEncoder().encode('k')], [new TextEncoder().encode('a')])
const frame = encodeFrame({ baseOffset: 7, recordCount: 3, timestamp: 99n, previousChain: chainSeed(id), body: batch })
const epochBytes = fromHex(id.epoch.replaceAll('-', ''))
const read = [{ from: { origin: utf8.encode(id.origin), epoch: epochBytes }, offset: 300 }]
const folds = [{ origin: id.origin, epoch: id.epoch, number: 2 }]
const cursors = [encodeCursor(id.topic, read), encodeCursor(id.topic, read, folds)]
const declared = create(RunEntrySchema, {
  version: 1,
  origin: id.origin,
  declaredBy: epochBytes,
  number: 2n,
  epoch: epochBytes,
  logs: [{ topic: id.topic, end: 300n }],
  follows: [{ epoch: epochBytes, number: 1n }],
})
const kept = create(CursorEntrySchema, {
  version: 1,
  generation: 3n,
  origin: id.origin,
  epoch: epochBytes,
  state: stateFromPlace(id.topic, decodeCursor(cursors[1] as Uint8Array, id.topic)),
  timestamp: 4n,
})

const hello = { version: 2, cluster: 'reeve', node: 'node-1', epoch: epochBytes, root: 2n ** 63n } as const
const latest = { epoch: epochBytes, start: 0n, end: 300n }
const run = { origin: 'a', epoch: epochBytes }
const log = logIdToMessage(id)

export const logCodecs: Readonly<Record<string, FuzzCodec>> = {
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
      const all = { maxRecords: count, maxBytes: input.length, filter: undefined }
      const first = select(input, count, 0, { ...all, maxRecords: 1 }).batch
      const rest = select(input, count, 1, all).batch
      assert.equal(first.length + rest.length, input.length, 'bytes lost by cutting')
      assert.equal(checkBatch(first, batchLimits), 1)
      if (count > 1) assert.equal(checkBatch(rest, batchLimits), count - 1)
      const { batch: found, records } = select(input, count, 0, { ...all, filter })
      if (records > 0) assert.equal(checkBatch(found, batchLimits), records)
    }),
  },
  cursor: { corpus: cursors, accepts: typed((input) => void decodeCursor(input, id.topic)) },
  run: {
    corpus: [runKind.encode(declared)],
    accepts: (input) => {
      const entry = runKind.decode(input)
      if (!entry) return false
      const declarations = new Declarations()
      declarations.add(entry)
      assert.equal(declarations.knows(foldOf(entry)), entry.follows.length === 0, 'known without what it follows')
      return true
    },
  },
  namedCursor: {
    corpus: [encodeCursorEntry(kept)],
    accepts: (input) => {
      const entry = decodeCursorEntry(input)
      if (!entry) return false
      const { merge } = cursorKind(new Declarations())
      const merged = encodeCursorEntry(merge(entry, kept))
      assert.deepEqual(merged, encodeCursorEntry(merge(kept, entry)), 'the order of a merge tells')
      return true
    },
  },
  answer: {
    corpus: [
      toBinary(
        ConsumeStreamResponseSchema,
        create(ConsumeStreamResponseSchema, {
          batches: [
            {
              ...{ origin: id.origin, epoch: epochBytes, baseOffset: 7n, timestamp: 99n, offsetDeltas: [0, 2, 300] },
              ...{ producerId: epochBytes, producerSequence: 5n, recordCount: 3 },
              batch: { records },
            },
          ],
          cursor: cursors[0]!,
        }),
      ),
    ],
    // The client's own error for it, which says that a server is to blame.
    accepts: (input) => {
      try {
        const repeats = new Repeats()
        for (const batch of new AnswerReader('orders').read(input).batches) {
          repeats.fresh(batch)
          let count = 0
          for (const { value, headers } of batch) count += value.length + headers.length >= 0 ? 1 : 0
          assert.equal(count, batch.count)
        }
        return true
      } catch (error) {
        if (error instanceof ReeveError && error.message.startsWith('the server sent')) return false
        throw error
      }
    },
  },
  acknowledgement: {
    corpus: [
      encodeProduceResponse(
        encodeLogId(id),
        { log: id, baseOffset: 300, recordCount: 7, endOffset: 307, timestamp: 2n ** 60n, duplicate: true },
        2,
        'fsync',
      ),
    ],
    accepts: (input) => {
      try {
        return new AckReader().read(input).recordCount >= 0
      } catch (error) {
        if (error instanceof ReeveError && error.message.startsWith('the server sent')) return false
        throw error
      }
    },
  },
  produce: {
    corpus: [
      toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic: 'orders', batch: { records }, copies: 2 })),
      toBinary(
        ProduceRequestSchema,
        create(ProduceRequestSchema, {
          ...{
            topic: 'orders',
            batch: { records },
            producerId: epochBytes,
            producerSequence: 300n,
            producerSkips: true,
          },
        }),
      ),
    ],
    accepts: typed((input) => void claimOf(parseProduceRequest(input), 1)),
  },
  pull: {
    corpus: [
      encodePullRequest({ case: 'hello', value: hello }),
      encodePullRequest({ case: 'want', value: { ref: 1, log, offset: 300n, chain: 2n ** 63n, until: 400n } }),
      encodePullRequest({ case: 'unwant', value: { ref: 1 } }),
      encodePullRequest({ case: 'compare', value: {} }),
      encodePullRequest({ case: 'list', value: { topic: 'orders', origin: 'a' } }),
      encodePullRequest({ case: 'following', value: { begun: [run], ended: [run] } }),
      encodePullRequest({ case: 'synced', value: { logs: [1, 2].map((ref) => ({ ref, end: 300n })) } }),
    ],
    accepts: typed((input) => {
      const request = decodePullRequest(input)
      if (request.case === undefined) return
      assert.deepEqual(decodePullRequest(encodePullRequest(request)), request)
      if (request.case === 'want') {
        assert.deepEqual(logIdToMessage(logIdFromMessage(request.value.log)).epoch, request.value.log?.epoch)
        offsetFrom(request.value.offset)
      }
      if (request.case === 'synced') for (const { end } of request.value.logs) offsetFrom(end)
    }),
  },
  pullResponse: {
    corpus: [
      encodePullResponse({ case: 'hello', value: hello }),
      encodePullResponse({
        case: 'holdings',
        value: { groups: [{ topic: 'orders', origin: 'a', runs: [latest, latest], listed: true }] },
      }),
      encodePullResponse({
        case: 'digests',
        value: { groups: [{ topic: 'orders', origin: 'a', latest, older: 2n ** 63n }], last: true },
      }),
      encodePullResponse({ case: 'frames', value: { ref: 1, frames: frame.bytes } }),
      encodePullResponse({
        case: 'refusal',
        value: { ref: 1, reason: RefusalReason.TRIMMED, start: 100n, end: 300n },
      }),
    ],
    accepts: typed((input) => {
      const response = decodePullResponse(input)
      if (response.case === undefined) return
      assert.deepEqual(decodePullResponse(encodePullResponse(response)), response)
      if (response.case === 'refusal') offsetFrom(response.value.start)
      if (response.case === 'digests') for (const group of response.value.groups) digestFromMessage(group)
      if (response.case !== 'holdings') return
      for (const { start, end } of response.value.groups.flatMap((group) => holdingsFromMessage(group))) {
        assert.equal(Number.isSafeInteger(start) && Number.isSafeInteger(end), true, 'inexact offsets')
      }
    }),
  },
}
