import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { timestampMs } from '../../src/log/hlc.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  batchOf,
  dataDir,
  epochA,
  epochB,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  stillClock,
  viewOf,
} from './scenery.ts'

const id = idOf('orders')

/** Batches at those times. */
async function writtenAt(times: number[], settings = { segmentMaxBytes: 4000, indexIntervalBytes: 600 }) {
  const disk = new MemoryDisk()
  let nowMs = 0
  const journal = await openJournal({
    disk,
    clock: { ...stillClock, now: () => nowMs },
    dataDir,
    node: 'a',
    epoch: epochA,
    settings: { ...defaultLogSettings, ...settings },
    report: () => {},
  })
  for (const [n, atMs] of times.entries()) {
    nowMs = atMs
    await journal.append('orders', batchOf(`${n}`, 'x'.repeat((n * 37) % 400)), 2)
  }
  return { disk, journal }
}

test('a time leads to the first batch that is not before it, in any segment, also after opening again', async () => {
  const gaps = fc.array(fc.constantFrom(0, 0, 1, 5, 1000), { minLength: 1, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(gaps, fc.array(fc.nat({ max: 70_000 })), async (steps, asked) => {
      let atMs = 1000
      const times = steps.map((gap) => (atMs += gap))
      const { disk, journal } = await writtenAt(times)
      const frames = readAll(viewOf(journal, id))
      const check = (log: { offsetAtTime(timeMs: number): number; end: number }) => {
        for (const timeMs of [...asked, 0, ...times, ...times.map((each) => each + 1)]) {
          const first = frames.find(({ timestamp }) => timestampMs(timestamp) >= timeMs)
          assert.equal(log.offsetAtTime(timeMs), first?.baseOffset ?? log.end)
        }
      }
      check(viewOf(journal, id))
      await journal.close()
      const { journal: next } = await openOn(disk, { epoch: epochB })
      check(viewOf(next, id))
      await next.close()
    }),
    { numRuns: 40 },
  )
})

test('a lookup reads a few places of a long log, not all of it', async () => {
  const times = Array.from({ length: 3000 }, (_, n) => 1000 + n)
  const { disk, journal } = await writtenAt(times, { segmentMaxBytes: 200_000, indexIntervalBytes: 2000 })
  const log = viewOf(journal, id)
  const before = disk.calls.length
  assert.equal(log.offsetAtTime(2500), 3000)
  const reads = disk.calls.slice(before).filter((call) => call.startsWith('read')).length
  assert.ok(reads > 0 && reads < 60, `${reads} reads`)
})

test('damage where the time is looked for is said so', async () => {
  const { disk, journal } = await writtenAt([1000, 2000, 3000])
  const [path] = [...disk.snapshot(folderOf(id)).keys()].filter((name) => name.endsWith('.log'))
  const file = disk.open(`${folderOf(id)}/${path}`, 'write')
  file.write(Uint8Array.of(0xff), 45)
  file.close()
  assert.throws(() => viewOf(journal, id).offsetAtTime(2000), hasCode('DATA_CORRUPT'))
})
