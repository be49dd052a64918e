import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { logKey } from '../../src/log/log-id.ts'
import { planTrims, type RetainedLog, type RetentionLimits } from '../../src/log/retention.ts'
import type { SegmentSummary } from '../../src/log/sparse-index.ts'

const epochs = ['01980000-0000-7000-8000-00000000000a', '01980000-0000-7000-8000-00000000000b']
const none: RetentionLimits = { maxAgeMs: 0, maxBytes: 0, maxRecords: 0, deletedAt: 0n }
const at = (ms: number) => BigInt(ms) << 16n

/** Segments of so many records of ten bytes each, written at these times. */
function logOf(written: RetainedLog['written'], ...segments: [records: number, ms: number][]): RetainedLog {
  let base = 0
  const id = { topic: 'orders', origin: written, epoch: epochs[0] as string }
  return {
    id,
    written,
    segments: segments.map(([records, ms]) => {
      const segment = { base, end: base + records, bytes: records * 10, chain: 1n, timestamp: at(ms) }
      base += records
      return segment
    }),
  }
}

const keyOf = ({ id }: RetainedLog) => logKey(id)

describe('what goes', () => {
  test('without limits nothing', () => {
    assert.deepEqual(planTrims([logOf('over', [5, 1], [5, 2])], none, 1_000_000), new Map())
  })

  test('by age: what ends before it, but never what this run is writing', () => {
    const limits = { ...none, maxAgeMs: 100 }
    const [here, elsewhere] = [logOf('here', [5, 10], [5, 20]), logOf('elsewhere', [5, 10], [5, 20])]
    assert.deepEqual(planTrims([here], limits, 110), new Map())
    assert.deepEqual(planTrims([here], limits, 111), new Map([[keyOf(here), 5]]))
    assert.deepEqual(planTrims([here], limits, 1000), new Map([[keyOf(here), 5]]))
    assert.deepEqual(planTrims([elsewhere], limits, 1000), new Map([[keyOf(elsewhere), 10]]))
  })

  test('by bytes: the oldest of all logs, until the rest is within the limit', () => {
    const logs = [logOf('here', [5, 10], [5, 40]), logOf('over', [5, 20], [5, 30])]
    const trims = (maxBytes: number) => planTrims(logs, { ...none, maxBytes }, 0)
    assert.deepEqual(trims(200), new Map())
    assert.deepEqual(trims(199), new Map([[keyOf(logs[0]!), 5]]))
    assert.deepEqual([...trims(100)].sort(), [[keyOf(logs[0]!), 5] as const, [keyOf(logs[1]!), 5] as const].sort())
    assert.deepEqual([...trims(1)].sort(), [[keyOf(logs[0]!), 5] as const, [keyOf(logs[1]!), 10] as const].sort())
  })

  test('by records: as much as leaves the newest ones that were asked for', () => {
    const log = logOf('over', [5, 10], [5, 20], [5, 30])
    const trims = (maxRecords: number) => planTrims([log], { ...none, maxRecords }, 0).get(keyOf(log))
    assert.equal(trims(11), undefined)
    assert.equal(trims(10), 5)
    assert.equal(trims(6), 5)
    assert.equal(trims(5), 10)
    assert.equal(trims(1), 10)
  })

  test('by a deletion: all that is not later, what this run is writing included', () => {
    const logs = [logOf('here', [5, 10]), logOf('elsewhere', [5, 10], [5, 11])]
    assert.deepEqual(
      planTrims(logs, { ...none, deletedAt: at(10) }, 0),
      new Map([
        [keyOf(logs[0]!), 5],
        [keyOf(logs[1]!), 5],
      ]),
    )
  })

  test('nothing of a log that is nothing but a bound', () => {
    const bound = { ...logOf('over'), segments: [{ base: 9, end: 9, bytes: 0, chain: 0n, timestamp: 0n }] }
    assert.deepEqual(planTrims([bound], { maxAgeMs: 1, maxBytes: 1, maxRecords: 1, deletedAt: at(99) }, 1e6), new Map())
  })
})

const anyLog = fc
  .record({
    origin: fc.constantFrom('a', 'b', 'c'),
    epoch: fc.constantFrom(...epochs),
    written: fc.constantFrom('here' as const, 'elsewhere' as const, 'over' as const),
    base: fc.nat(50),
    sizes: fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 30 })), { maxLength: 6 }),
  })
  .map(({ origin, epoch, written, base, sizes }): RetainedLog => {
    const segments: SegmentSummary[] = []
    let [offset, ms] = [base, 0]
    for (const [records, pause] of sizes) {
      ms += pause
      segments.push({ base: offset, end: offset + records, bytes: records * 10, chain: 1n, timestamp: at(ms) })
      offset += records
    }
    return { id: { topic: 'orders', origin, epoch }, written, segments }
  })
const anyLogs = fc.uniqueArray(anyLog, { selector: keyOf, maxLength: 6 })
const anyLimits = fc.record({
  maxAgeMs: fc.nat(100),
  maxBytes: fc.nat(800),
  maxRecords: fc.nat(80),
  deletedAt: fc.nat(60).map((ms) => at(ms)),
})

test('of any logs: a prefix of whole segments goes, no more than the limits ask for, and all that they ask for', () => {
  fc.assert(
    fc.property(anyLogs, anyLimits, fc.nat(200), (logs, limits, nowMs) => {
      const trims = planTrims(logs, limits, nowMs)
      const kept = logs.map((log) => {
        const to = trims.get(keyOf(log)) ?? 0
        const gone = log.segments.filter(({ end }) => end <= to)
        assert.ok(to === 0 || gone.at(-1)?.end === to, 'the cut is at the end of a segment')
        return { log, gone, rest: log.segments.slice(gone.length) }
      })
      const rest = kept.flatMap(({ rest }) => rest)
      const [bytes, records] = [
        rest.reduce((sum, segment) => sum + segment.bytes, 0),
        rest.reduce((sum, { base, end }) => sum + end - base, 0),
      ]
      const forSize: SegmentSummary[] = []
      for (const { log, gone, rest } of kept) {
        const last = log.segments.at(-1)
        for (const segment of gone) {
          const deleted = segment.timestamp <= limits.deletedAt
          const old = limits.maxAgeMs > 0 && nowMs - Number(segment.timestamp >> 16n) > limits.maxAgeMs
          assert.ok(deleted || segment !== last || log.written !== 'here', 'what this run writes stays')
          assert.ok(deleted || old || segment !== last || log.written === 'over', 'what another may write stays')
          if (!deleted && !old) forSize.push(segment)
        }
        assert.ok(
          rest.every(({ timestamp }) => timestamp > limits.deletedAt || limits.deletedAt === 0n) || rest.length === 0,
        )
      }
      // With the largest of them still there the limit of bytes would be passed, or enough records would be left.
      if (forSize.length > 0) {
        const largest = Math.max(...forSize.map(({ bytes }) => bytes))
        const tooManyBytes = limits.maxBytes > 0 && bytes + largest > limits.maxBytes
        assert.ok(tooManyBytes || (limits.maxRecords > 0 && records >= limits.maxRecords), 'nothing goes without need')
      }
      const couldGo = kept.flatMap(({ log, rest }) =>
        rest.filter((segment) => log.written === 'over' || segment !== log.segments.at(-1)),
      )
      if (limits.maxBytes > 0 && couldGo.length > 0) assert.ok(bytes <= limits.maxBytes, 'within the limit of bytes')
      // A limit asks the same again: nothing more goes.
      const again = kept.map(({ log, rest }) => ({ ...log, segments: rest }))
      assert.deepEqual(planTrims(again, limits, nowMs), new Map())
    }),
  )
})
