import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import type { Journal, LogView } from '../../src/log/journal.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  bytesOf,
  dataDir,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  viewOf,
} from './scenery.ts'

const settings = { segmentMaxBytes: 300, indexIntervalBytes: 100 }
const id = idOf('orders')
const values = Array.from({ length: 12 }, (_, n) => `value ${n} ${'x'.repeat(40)}`)
const goOn = async () => true
const logsOf = (disk: MemoryDisk) => new Map([...disk.snapshot(folderOf(id))].filter(([name]) => name.endsWith('.log')))
const harms = (disk: MemoryDisk) => [...verifyDataDirs(disk, [dataDir])].filter(isHarm)

/** What one run wrote; `trimmedTo`: and then trimmed. */
async function written({ trimmedTo = 0 } = {}) {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk, { settings })
  await appendAll(journal, 'orders', values)
  const frames = readAll(viewOf(journal, id))
  if (trimmedTo > 0) await journal.trim(id, trimmedTo, goOn)
  await journal.close()
  const bases = [...logsOf(disk).keys()].map((name) => Number(name.slice(0, 20)))
  return { disk, frames, bases }
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk()
  for (const [name, bytes] of disk.snapshot(dataDir)) copy.put(`${dataDir}/${name}`, bytes)
  return copy
}

function allHeld(log: LogView) {
  return readAll({ start: log.held, end: log.end, read: (from, maxBytes) => log.read(from, maxBytes) })
}

/** The `count` first segments, with their indexes. */
function lose(disk: MemoryDisk, count: number): void {
  for (const name of [...logsOf(disk).keys()].slice(0, count)) {
    disk.removeFile(`${folderOf(id)}/${name}`)
    disk.removeFile(`${folderOf(id)}/${name.replace('log', 'index')}`)
  }
}

/** As the node does it; `settles`: it was in vain before. */
async function restoreFrom(journal: Journal, peers: readonly Journal[], settles = true): Promise<void> {
  const [damage] = journal.soundness.damages()
  const mend = damage && journal.soundness.mend(damage)
  if (!mend) throw new Error('nothing is lost')
  await mend.open()
  try {
    for (let at = 0; mend.missing; ) {
      const peer = peers[at]
      if (peer) {
        try {
          await mend.take(viewOf(peer, id).read(mend.missing.offset, 150))
        } catch (error) {
          if (!(error instanceof ReeveError)) throw error
          mend.refused(error)
          at++
        }
      } else if (settles && mend.settle()) at = 0
      else throw new Error('nobody has it')
    }
    await mend.finish()
    journal.soundness.mended(damage, mend)
  } finally {
    mend.close()
  }
}

const open = (disk: MemoryDisk, epoch = epochB) => openOn(disk, { settings, epoch })

describe('a log whose first segments are missing', () => {
  test('has lost them, says so, and refuses them; what follows is read', async () => {
    const { disk, frames, bases } = await written()
    lose(disk, 2)
    const [, , held = 0] = bases
    assert.deepEqual(
      harms(disk).map((finding) => finding.kind === 'lost' && [finding.expected, finding.found]),
      [[0, held]],
    )
    const { journal, events } = await open(disk)
    assert.deepEqual(
      events.map((event) => event.kind === 'lost' && [event.start, event.end]),
      [[0, held]],
    )
    const log = viewOf(journal, id)
    assert.deepEqual([log.start, log.held, log.end], [0, held, 12])
    for (let at = 0; at < held; at++) assert.throws(() => log.read(at, 1), hasCode('DATA_CORRUPT'))
    assert.deepEqual(log.read(held, 1), frames[held]?.bytes)
    assert.equal(log.offsetAtTime(0), 0, 'a reading from a time does not leave out what is lost')
    assert.equal(journal.soundness.damages().length, 1)
  })

  test('gets them back from a peer, byte for byte', async () => {
    const { disk, frames } = await written()
    const before = logsOf(disk)
    const { journal: peer } = await open(copyOf(disk))
    lose(disk, 2)
    const { journal, events } = await open(disk)
    const told: number[] = []
    journal.onCommit((log) => told.push(log.start))
    await restoreFrom(journal, [peer])
    const log = viewOf(journal, id)
    assert.deepEqual([log.start, log.held, told], [0, 0, [0]])
    assert.deepEqual(bytesOf(readAll(log)), bytesOf(frames))
    assert.deepEqual([logsOf(disk), harms(disk), journal.soundness.damages()], [before, [], []])
    assert.equal(events.at(-1)?.kind, 'mended')
    await journal.close()
    assert.deepEqual((await open(disk, epochC)).events, [])
  })

  test('takes nothing that does not lead to what it has', async () => {
    const { disk } = await written()
    lose(disk, 2)
    const other = new MemoryDisk()
    const { journal: liar } = await openOn(other, { settings })
    await appendAll(liar, 'orders', values.with(3, `another ${'x'.repeat(40)}`))
    const { journal } = await open(disk)
    const before = logsOf(disk)
    await assert.rejects(restoreFrom(journal, [liar]), hasCode('LOG_DIVERGED'))
    assert.deepEqual([logsOf(disk), journal.soundness.damages().length], [before, 1])
    assert.deepEqual(
      [...disk.snapshot(folderOf(id)).keys()].filter((name) => name.endsWith('.restored')),
      [],
    )
  })

  for (const call of ['open', 'write', 'sync', 'rename', 'syncFolder'] as const) {
    test(`loses nothing more where ${call} fails, or the power does, while they come back`, async () => {
      for (let nth = 1; nth < 12; nth++) {
        const { disk, frames } = await written()
        const { journal: peer } = await open(copyOf(disk))
        lose(disk, 3)
        const { journal } = await open(disk)
        disk.failNth(call, nth)
        const failed = await restoreFrom(journal, [peer]).then(
          () => false,
          () => true,
        )
        disk.heal()
        disk.crash()
        const { journal: next, events } = await open(disk, epochC)
        const log = viewOf(next, id)
        assert.deepEqual(bytesOf(allHeld(log)), bytesOf(frames.slice(log.held)))
        assert.deepEqual([events.length > 0, log.end], [log.held > 0, 12])
        if (log.held > 0) await restoreFrom(next, [peer])
        assert.deepEqual([log.start, log.held], [0, 0])
        if (!failed) break
      }
    })
  }

  test('that was trimmed before has lost only what came behind that', async () => {
    const { disk, bases } = await written({ trimmedTo: 6 })
    assert.deepEqual(harms(disk), [])
    const { journal: peer } = await open(copyOf(disk))
    const [start = 0, held = 0] = bases
    lose(disk, 1)
    const { journal } = await open(disk)
    const log = viewOf(journal, id)
    assert.deepEqual([log.start, log.held], [start, held])
    assert.throws(() => log.read(start - 1, 1), hasCode('OFFSET_TRIMMED'))
    assert.throws(() => log.read(start, 1), hasCode('DATA_CORRUPT'))
    await restoreFrom(journal, [peer])
    assert.deepEqual([log.start, log.held], [start, start])
  })

  test('begins where its peers begin, once they have trimmed what is lost', async () => {
    for (const trimmedTo of [3, 12]) {
      const { disk, bases } = await written()
      const { journal: peer } = await open(copyOf(disk))
      await peer.trim(id, trimmedTo, goOn)
      lose(disk, 3)
      const { journal, events } = await open(disk)
      await assert.rejects(restoreFrom(journal, [peer], false))
      await restoreFrom(journal, [peer])
      const log = viewOf(journal, id)
      const start = Math.min(viewOf(peer, id).start, bases[3] ?? 0)
      assert.deepEqual([log.start, log.held], [start, start])
      assert.ok(events.some((event) => event.kind === 'trimmedElsewhere' && event.start === start))
      await journal.close()
      assert.deepEqual([(await open(disk, epochC)).events, harms(disk)], [[], []])
    }
  })

  test('does not take for trimmed what a peer has lost as well', async () => {
    const { disk } = await written()
    lose(disk, 2)
    const { journal: alike } = await open(copyOf(disk))
    const { journal: trimmed } = await open(copyOf(disk), epochC)
    await trimmed.trim(id, 12, goOn)
    const { journal } = await open(disk)
    await assert.rejects(restoreFrom(journal, [alike, trimmed]), /nobody has it/)
    assert.equal(viewOf(journal, id).start, 0)
  })

  test('has lost nothing any more once what follows was trimmed', async () => {
    const { disk, bases } = await written()
    lose(disk, 1)
    const { journal } = await open(disk)
    await journal.trim(id, bases[2] ?? 0, goOn)
    const log = viewOf(journal, id)
    assert.deepEqual([log.start, log.held, journal.soundness.damages()], [bases[2], bases[2], []])
  })

  test('and of which everything is missing goes on where it was trimmed to', async () => {
    const { disk, bases } = await written({ trimmedTo: 6 })
    lose(disk, 99)
    const { journal } = await open(disk)
    assert.deepEqual([viewOf(journal, id).start, viewOf(journal, id).end], [bases[0], bases[0]])
  })
})

describe('a folder of a version that marked no beginnings', () => {
  const asBefore = (disk: MemoryDisk) => {
    disk.put(`${dataDir}/format`, new TextEncoder().encode('reeve 1\n'))
    for (const name of disk.snapshot(folderOf(id)).keys()) {
      if (name.endsWith('.start')) disk.removeFile(`${folderOf(id)}/${name}`)
    }
  }
  const formatOf = (disk: MemoryDisk) => new TextDecoder().decode(disk.readFile(`${dataDir}/format`))

  test('is read as it was: what is not there was trimmed', async () => {
    const { disk, bases } = await written({ trimmedTo: 6 })
    asBefore(disk)
    const { journal, events } = await open(disk)
    const log = viewOf(journal, id)
    assert.deepEqual([events, log.start, log.held], [[], bases[0], bases[0]])
    assert.throws(() => log.read(0, 1), hasCode('OFFSET_TRIMMED'))
    await journal.close()
    assert.equal(formatOf(disk), 'reeve 1\n', 'nobody could tell yet')
  })

  test('asks, and is marked once its peers say that they trimmed it; or has it back', async () => {
    for (const trims of [true, false]) {
      const { disk, bases } = await written({ trimmedTo: 6 })
      const { disk: whole } = await written()
      const { journal: peer } = await open(trims ? copyOf(disk) : whole)
      asBefore(disk)
      const { journal, events } = await open(disk)
      await restoreFrom(journal, [peer])
      assert.equal(viewOf(journal, id).start, trims ? bases[0] : 0)
      await journal.close()
      const { journal: next } = await open(disk, epochC)
      assert.deepEqual([formatOf(disk), next.soundness.damages(), harms(disk)], ['reeve 2\n', [], []])
      assert.equal(events.length, 1)
    }
  })

  test('keeps the end of what was trimmed altogether', async () => {
    const { disk } = await written({ trimmedTo: 12 })
    asBefore(disk)
    const { journal } = await open(disk)
    assert.deepEqual([viewOf(journal, id).start, viewOf(journal, id).end], [12, 12])
    assert.equal(formatOf(disk), 'reeve 2\n')
  })
})
