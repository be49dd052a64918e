import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { AnswerReader } from '../../src/client/answer.ts'
import type { ConsumedBatch } from '../../src/client/consumed-batch.ts'
import { Repeats } from '../../src/client/repeats.ts'
import { ConsumeStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochBytes } from './fake-cluster.ts'

interface Run {
  origin?: string
  epoch?: number
  producer?: number
  sequence: number
  /** How far each record is from the first. */
  deltas?: number[]
  count?: number
  /** Whether the server says how many. */
  counted?: boolean
}

/** Each record's value is its sequence. */
function batchOf({
  origin = 'a',
  epoch = 1,
  producer = 1,
  sequence,
  deltas,
  count = 1,
  counted = true,
}: Run): ConsumedBatch {
  const at = deltas ?? Array.from({ length: count }, (_, n) => n)
  const message = create(ConsumeStreamResponseSchema, {
    batches: [
      {
        ...{ origin, epoch: epochBytes(epoch), baseOffset: 1000n, offsetDeltas: deltas ?? [] },
        batch: { records: at.map((delta) => ({ value: new TextEncoder().encode(`${sequence + delta}`) })) },
        producerId: producer === 0 ? new Uint8Array() : new Uint8Array(16).fill(producer),
        producerSequence: BigInt(sequence),
        recordCount: counted ? at.length : 0,
      },
    ],
  })
  return new AnswerReader('t').read(toBinary(ConsumeStreamResponseSchema, message)).batches[0]!
}

const sequencesOf = (batch: ConsumedBatch | undefined) =>
  [...(batch ?? [])].map(({ value, offset }) => {
    const sequence = Number(new TextDecoder().decode(value))
    return { sequence, offset }
  })
const left = (repeats: Repeats, run: Run) => sequencesOf(repeats.fresh(batchOf(run))).map(({ sequence }) => sequence)

test('what was had from one log is dropped when it comes from another, as a whole or in part', () => {
  const repeats = new Repeats()
  assert.deepEqual(left(repeats, { sequence: 0, count: 3 }), [0, 1, 2])
  assert.deepEqual(left(repeats, { sequence: 3, count: 2 }), [3, 4])
  assert.deepEqual(left(repeats, { origin: 'b', sequence: 0, count: 3 }), [])
  assert.deepEqual(left(repeats, { epoch: 2, sequence: 2, count: 3 }), [])
  assert.deepEqual(left(repeats, { origin: 'b', sequence: 3, count: 4 }), [5, 6])
  assert.deepEqual(left(repeats, { sequence: 5, count: 3 }), [7])
  assert.deepEqual(left(repeats, { producer: 2, origin: 'b', sequence: 0, count: 3 }), [0, 1, 2])
})

test('a record keeps its offset when those around it are dropped', () => {
  const repeats = new Repeats()
  repeats.fresh(batchOf({ sequence: 11, count: 1 }))
  repeats.fresh(batchOf({ sequence: 13, count: 1 }))
  const fresh = repeats.fresh(batchOf({ origin: 'b', sequence: 10, deltas: [0, 1, 2, 3, 7] }))
  assert.deepEqual(sequencesOf(fresh), [
    { sequence: 10, offset: 1000 },
    { sequence: 12, offset: 1002 },
    { sequence: 17, offset: 1007 },
  ])
  assert.equal(fresh?.count, 3)
})

test('one log is never compared with itself, and what nobody in particular wrote with nothing', () => {
  const repeats = new Repeats()
  for (let n = 0; n < 2; n++) {
    assert.deepEqual(left(repeats, { sequence: 5, count: 2 }), [5, 6])
    assert.deepEqual(left(repeats, { producer: 0, origin: `${n}`, sequence: 0 }), [0])
  }
})

test('the producers that were quiet for longest are forgotten', () => {
  const repeats = new Repeats(2)
  for (const producer of [1, 2, 1, 3]) left(repeats, { producer, sequence: 0 })
  assert.deepEqual(left(repeats, { producer: 1, origin: 'b', sequence: 0 }), [])
  assert.deepEqual(left(repeats, { producer: 2, origin: 'b', sequence: 0 }), [0])
})

test('however two logs with the same records are cut and mixed, each record comes once and none is lost', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 25, maxLength: 25 })
  const scene = fc.record({
    first: cuts,
    second: cuts,
    /** How far the first log goes, and from where on the second one has it too. */
    end: fc.integer({ min: 1, max: 20 }),
    from: fc.nat({ max: 19 }),
    turns: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
    counted: fc.boolean(),
  })
  fc.assert(
    fc.property(scene, ({ first, second, end, from, turns, counted }) => {
      const runs = (origin: string, sizes: number[], start: number, stop: number) => {
        const found: Run[] = []
        for (let at = start, n = 0; at < stop; at += sizes[n++]!) {
          found.push({ origin, sequence: at, count: Math.min(sizes[n]!, stop - at), counted })
        }
        return found
      }
      const [one, other] = [runs('a', first, 0, end), runs('b', second, Math.min(from, end), 25)]
      const repeats = new Repeats()
      const seen: number[] = []
      for (const turn of turns) {
        const run = (turn ? one : other).shift() ?? one.shift() ?? other.shift()
        if (run) seen.push(...left(repeats, run))
      }
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        Array.from({ length: 25 }, (_, n) => n),
      )
    }),
  )
})
