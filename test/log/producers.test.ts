import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ReeveError } from '../../src/errors.ts'
import type { Appended } from '../../src/log/journal.ts'
import type { LogId } from '../../src/log/log-id.ts'
import {
  batchesOfProducerMax,
  Producers,
  producerKey,
  rememberedMs,
  type WaitingBatch,
} from '../../src/log/producers.ts'
import { epochA, epochB, idOf } from './scenery.ts'

const id = new Uint8Array(16).fill(1)
const anna = producerKey(id)
const bert = producerKey(new Uint8Array(16).fill(2))
const own = idOf('orders')
const earlier = idOf('orders', 'a', epochB)
const startMs = 1_760_000_000_000

/** What the node of epoch A knows; time stands until it is told to pass. */
function scene(max?: number) {
  const clock = { ms: startMs }
  const producers = new Producers(epochA, () => clock.ms, max)
  const stamp = () => BigInt(clock.ms) << 16n
  return {
    clock,
    producers,
    judge: (sequence: number, recordCount = 1, options: { skips?: boolean; producer?: string; topic?: string } = {}) =>
      producers.judge(
        options.topic ?? 'orders',
        options.producer ?? anna,
        { id, sequence, skips: options.skips ?? false },
        recordCount,
      ),
    stored: (sequence: number, recordCount = 1, log: LogId = own, producer = anna) =>
      producers.add(log, producer, { sequence, recordCount, baseOffset: 1000 + sequence, timestamp: stamp() }),
    waiting: (sequence: number, recordCount = 1): WaitingBatch => {
      const batch = { sequence, recordCount, body: new Uint8Array(0), done: new Promise<Appended>(() => {}) }
      producers.appending('orders', anna, batch)
      return batch
    },
    committed: (batch: WaitingBatch) => {
      const { sequence, recordCount } = batch
      const baseOffset = 1000 + sequence
      const endOffset = baseOffset + recordCount
      producers.appended(anna, batch, { log: own, baseOffset, recordCount, endOffset, timestamp: stamp() })
    },
  }
}

const outOfOrder = (expected: number) => (error: unknown) =>
  error instanceof ReeveError && error.code === 'PRODUCER_OUT_OF_ORDER' && error.facts.expected === String(expected)
const conflict = (error: unknown) => error instanceof ReeveError && error.code === 'PRODUCER_CONFLICT'

describe('what a node knows of producers', () => {
  test('one that was never heard of begins anywhere, and goes on from there', () => {
    const { judge, stored } = scene()
    assert.deepEqual(judge(77), [])
    stored(77, 3)
    assert.deepEqual(judge(80), [])
    assert.throws(() => judge(81), outOfOrder(80))
    assert.deepEqual(judge(0, 1, { producer: bert }), [])
    assert.deepEqual(judge(0, 1, { topic: 'payments' }), [])
  })

  test('a batch that comes again is known by its sequence and count, also while it waits', () => {
    const { judge, stored, waiting, committed } = scene()
    stored(0, 2)
    const batch = waiting(2, 3)
    assert.deepEqual(
      judge(0, 2).map((found) => 'log' in found && [found.log, found.baseOffset]),
      [[own, 1000]],
    )
    assert.deepEqual(judge(2, 3), [batch])
    assert.deepEqual(judge(5), [])
    committed(batch)
    assert.deepEqual(
      judge(2, 3).map((found) => 'log' in found && found.baseOffset),
      [1002],
    )
    assert.deepEqual(judge(5), [])
  })

  test('another cut of the same sequences is a conflict', () => {
    const { judge, stored, waiting } = scene()
    stored(0, 4)
    waiting(4, 4)
    for (const [sequence, count] of [
      [0, 3],
      [0, 5],
      [1, 1],
      [3, 2],
      [4, 1],
      [6, 4],
    ] as const) {
      assert.throws(() => judge(sequence, count), conflict, `${sequence} + ${count}`)
    }
  })

  test('what was refused leaves no trace: it is expected again', () => {
    const { judge, producers, stored, waiting } = scene()
    stored(0, 2)
    const [first, second] = [waiting(2), waiting(3)]
    producers.waited('orders', anna, first)
    producers.waited('orders', anna, second)
    assert.throws(() => judge(3), outOfOrder(2))
    assert.deepEqual(judge(2), [])
    const { judge: judgeAnew, producers: others, waiting: begin } = scene()
    others.waited('orders', anna, begin(9))
    assert.deepEqual(judgeAnew(0), [])
  })

  test('a gap is taken from whoever says that nothing will fill it, and never filled later', () => {
    const { judge, stored } = scene()
    stored(0, 10)
    assert.throws(() => judge(20), outOfOrder(10))
    assert.deepEqual(judge(20, 1, { skips: true }), [])
    stored(20)
    assert.throws(() => judge(10), outOfOrder(21))
    assert.throws(() => judge(10, 1, { skips: true }), outOfOrder(21))
  })

  test('batches in logs of others, and of earlier runs, are known too; what comes behind them may be anything', () => {
    const { judge, stored } = scene()
    stored(0, 5, earlier)
    stored(5, 5, idOf('orders', 'b', epochB))
    assert.deepEqual(
      [judge(0, 5), judge(5, 5)].map(([found]) => found && 'log' in found && found.log.origin),
      ['a', 'b'],
    )
    // The copy of the other log may be behind: what is missing may come any time.
    assert.deepEqual(judge(25), [])
    stored(25)
    assert.throws(() => judge(27), outOfOrder(26))
  })

  test('one sequence in two logs is two answers to choose from', () => {
    const { judge, stored } = scene()
    stored(0, 5, earlier)
    stored(0, 5)
    assert.deepEqual(
      judge(0, 5).map((found) => 'log' in found && found.log.epoch),
      [epochB, epochA],
    )
  })

  test('what is older than it remembers is out of order, not new', () => {
    const { judge, stored } = scene()
    for (let n = 0; n <= batchesOfProducerMax; n++) stored(n)
    assert.throws(() => judge(0), outOfOrder(batchesOfProducerMax + 1))
    assert.equal(judge(1).length, 1)
  })

  test('a producer is forgotten a day after its last batch, and then new', () => {
    const { judge, stored, clock, producers } = scene()
    stored(0)
    clock.ms += rememberedMs
    assert.equal(judge(0).length, 1)
    clock.ms++
    assert.deepEqual(judge(0), [])
    assert.equal(producers.size, 0)
    producers.add(own, anna, { sequence: 0, recordCount: 1, baseOffset: 0, timestamp: BigInt(startMs) << 16n })
    assert.equal(producers.size, 0, 'what is found so old is not taken up')
  })

  test('beyond its bounds the quietest are forgotten first, never who waits', () => {
    const { judge, stored, waiting, producers } = scene(100)
    waiting(0)
    for (let n = 0; n < 500; n++) {
      const other = producerKey(Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? (n >> (8 * at)) & 0xff : 9)))
      stored(0, 1, own, other)
      stored(1, 1, own, other)
      assert.ok(producers.size <= 100)
      assert.equal(judge(1, 1, { producer: other }).length, 1)
    }
    assert.equal(judge(0).length, 1)
    assert.equal(producers.size, 100)
  })

  test('when a log is gone its batches are forgotten, not those on their way', () => {
    const { judge, stored, waiting, producers } = scene()
    stored(0)
    const batch = waiting(1)
    producers.forget('orders', anna)
    assert.equal(producers.size, 0)
    assert.deepEqual(judge(1), [batch])
  })
})

test('whatever a producer sends again, each record is appended once, and in order', () => {
  // The next one, one of the last ones again, or a mistake.
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('next' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('again' as const), back: fc.nat({ max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), over: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'commit' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'refuse' as const }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('noise' as const), at: fc.nat({ max: 99 }) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { judge, waiting, committed, producers } = scene()
      const log: { sequence: number; count: number }[] = []
      let underWay: WaitingBatch[] = []
      let next = 0
      const send = (sequence: number, count: number, skips = false) => {
        if (judge(sequence, count, { skips }).length > 0) return false
        underWay.push(waiting(sequence, count))
        return true
      }
      for (const what of steps) {
        if (what.kind === 'next') {
          assert.ok(send(next, what.count))
          next += what.count
        } else if (what.kind === 'skip') {
          assert.ok(send(next + what.over, 1, true))
          next += what.over + 1
        } else if (what.kind === 'again') {
          const sent = [...log, ...underWay.map(({ sequence, recordCount: count }) => ({ sequence, count }))]
          const batch = sent.at(-1 - what.back)
          if (batch) assert.equal(send(batch.sequence, batch.count), false)
        } else if (what.kind === 'commit') {
          for (const batch of underWay) {
            committed(batch)
            log.push({ sequence: batch.sequence, count: batch.recordCount })
          }
          underWay = []
        } else if (what.kind === 'refuse') {
          for (const batch of underWay) producers.waited('orders', anna, batch)
          underWay = []
          const last = log.at(-1)
          next = last ? last.sequence + last.count : 0
        } else if (what.at !== next) {
          try {
            // A producer that is not known may begin anywhere: only then is it no mistake.
            if (log.length + underWay.length > 0) assert.equal(send(what.at, 1), false)
          } catch (error) {
            assert.ok(error instanceof ReeveError, String(error))
          }
        }
      }
      for (let n = 1; n < log.length; n++) {
        const before = log[n - 1]!
        assert.ok(log[n]!.sequence >= before.sequence + before.count)
      }
    }),
  )
})
