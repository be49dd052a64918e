import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from '../../src/env/env.ts'
import type { Journal } from '../../src/log/journal.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { verifyDataDirs } from '../../src/log/verify.ts'
import { MemoryDisk } from './memory-disk.ts'
import { batchOf, dataDir, epochA, epochB, idOf, readAll, stillClock, viewOf } from './scenery.ts'

const hourMs = 3_600_000
const noonMs = 1_760_000_000_000

describe('a wall clock that jumps', () => {
  async function journalAt(disk: MemoryDisk, epoch: string, startMs: number) {
    const time = { ms: startMs }
    const clock: Clock = { ...stillClock, now: () => time.ms }
    const options = { disk, clock, dataDir, node: 'a', epoch, settings: defaultLogSettings, report: () => {} }
    return { time, journal: await openJournal(options) }
  }
  const append = async (journal: Journal) => (await journal.append('orders', batchOf('x'), 1)).timestamp
  const msOf = (timestamp: bigint) => Number(timestamp >> 16n)

  test('back and ahead: timestamps of a log never go back, and come near the clock again', async () => {
    const disk = new MemoryDisk()
    const { time, journal } = await journalAt(disk, epochA, noonMs)
    const timestamps: bigint[] = []
    for (const ms of [noonMs, noonMs - hourMs, noonMs - hourMs + 1, noonMs + hourMs, noonMs + 5, noonMs + hourMs + 7]) {
      time.ms = ms
      timestamps.push(await append(journal))
    }
    for (const [n, timestamp] of timestamps.entries()) assert.ok(n === 0 || timestamp > (timestamps[n - 1] as bigint))
    assert.deepEqual(timestamps.map(msOf).slice(1, 3), [noonMs, noonMs])
    assert.equal(msOf(timestamps.at(-1) as bigint), noonMs + hourMs + 7)
    assert.deepEqual(
      readAll(viewOf(journal, idOf('orders'))).map(({ timestamp }) => timestamp),
      timestamps,
    )
    await journal.close()
    assert.ok([...verifyDataDirs(disk, [dataDir])].every(({ kind }) => kind === 'log'))
  })

  test('what an earlier run wrote by a clock far ahead is kept, and does not pull the next run along', async () => {
    const disk = new MemoryDisk()
    const ahead = await journalAt(disk, epochA, noonMs + 1000 * hourMs)
    const future = await append(ahead.journal)
    await ahead.journal.close()
    const { journal } = await journalAt(disk, epochB, noonMs)
    assert.equal(viewOf(journal, idOf('orders')).end, 1)
    assert.equal(msOf(await append(journal)), noonMs)
    assert.ok(journal.timestamp() < future)
    await journal.close()
  })
})
