import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Journal } from '../../src/log/journal.ts'
import type { Mending } from '../../src/log/mend.ts'
import type { Damage } from '../../src/log/soundness.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  batchOf,
  bytesOf,
  epochA,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  viewOf,
} from './scenery.ts'

const id = idOf('orders')
const folder = folderOf(id)
const settings = { segmentMaxBytes: 800, indexIntervalBytes: 200 }
const values = Array.from({ length: 30 }, (_, n) => `value ${n}`)

/** A node that wrote three segments and goes on, and another one that has the same. */
async function pair(options: { openFilesMax?: number } = {}) {
  const disk = new MemoryDisk()
  const opened = await openOn(disk, { settings: { ...settings, ...options } })
  await appendAll(opened.journal, 'orders', values)
  const peer = (await openOn(new MemoryDisk(), { node: 'b', epoch: epochB, settings })).journal
  await catchUp(peer, opened.journal)
  const names = [...disk.snapshot(folder).keys()].filter((name) => name.endsWith('.log'))
  assert.equal(names.length, 4)
  return { disk, ...opened, log: viewOf(opened.journal, id), peer, names, sound: segmentsOf(disk) }
}

async function catchUp(replica: Journal, source: Journal): Promise<void> {
  const from = viewOf(source, id)
  for (let at = replica.log(id)?.end ?? 0; at < from.end; at = viewOf(replica, id).end) {
    await replica.replicate(id, from.read(at, 100_000))
  }
}

/** Not the indices: that of a segment that was damaged is made anew at the next opening. */
function segmentsOf(disk: MemoryDisk): Map<string, Uint8Array> {
  return new Map([...disk.snapshot(folder)].filter(([name]) => name.endsWith('.log')))
}

function flip(disk: MemoryDisk, name: string, at: number, bit = 0): void {
  const file = disk.open(`${folder}/${name}`, 'write')
  const byte = new Uint8Array(1)
  file.read(byte, at)
  file.write(Uint8Array.of((byte[0] as number) ^ (1 << bit)), at)
  file.close()
}

/** As the node does it: verifies, and fetches what is missing from the peer. */
async function mendFrom(journal: Journal, peer: Journal | undefined, damage = only(journal)): Promise<Mending> {
  const mend = journal.soundness.mend(damage)
  assert.ok(mend)
  await mend.open()
  try {
    for (;;) {
      while (mend.advance(500));
      const { missing } = mend
      if (!missing) break
      if (await mend.rescue()) continue
      if (!peer) throw new Error('nobody has it')
      await mend.take(viewOf(peer, id).read(missing.offset, 300))
    }
    await mend.finish()
    journal.soundness.mended(damage, mend)
    return mend
  } finally {
    mend.close()
  }
}

function only(journal: Journal): Damage {
  const [damage, ...others] = journal.soundness.damages()
  assert.ok(damage && others.length === 0)
  return damage
}

function check(journal: Journal): number {
  let bytes = 0
  for (const key of journal.soundness.keys()) {
    for (const base of journal.soundness.bases(key))
      for (const read of journal.soundness.check(key, base)) bytes += read
  }
  return bytes
}

describe('damage in a log that is open', () => {
  test('brings back what a deletion could not judge, where it is later than that', async () => {
    const { disk, journal, log, peer, names } = await pair()
    const frames = readAll(log)
    const base = Math.max(...names.map((name) => Number(name.slice(0, 20))).filter((first) => first <= 22))
    flip(disk, `${String(base).padStart(20, '0')}.log`, bytesOf(frames.slice(base, 22)).length + 40)
    assert.throws(() => log.read(22, 100), hasCode('DATA_CORRUPT'))
    journal.rule('orders', { segmentMaxBytes: 800, deletedAt: frames[21]!.timestamp, expires: true })
    assert.equal(log.start, 23)
    await mendFrom(journal, peer)
    assert.equal(log.start, 22)
    assert.deepEqual(bytesOf(readAll(log)), bytesOf(frames.slice(22)))
    await Promise.all([journal.close(), peer.close()])
  })

  test('in a finished segment: a read finds it, the frames of a peer take its place, and reads go on', async () => {
    const { disk, journal, events, log, peer, names, sound } = await pair()
    flip(disk, names[1]!, 400)
    const spoilt = disk.snapshot(folder).get(names[1]!)
    assert.throws(() => readAll(log), hasCode('DATA_CORRUPT'))
    const told: number[] = []
    journal.onCommit(({ end }) => told.push(end))
    const mend = await mendFrom(journal, peer)
    assert.ok(mend.writtenBytes > 0 && mend.writtenBytes < 500, 'only what is around the damage')
    assert.deepEqual(told, [30], 'whoever waits hears of it')
    assert.equal(readAll(log).length, 30)
    assert.deepEqual(segmentsOf(disk), sound)
    assert.deepEqual(disk.snapshot(`${folder}.quarantined-1`), new Map([[names[1], spoilt]]))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['corrupt', 'mended'],
    )
    assert.deepEqual(journal.soundness.damages(), [])
  })

  test('in the segment that is being written: appends go on meanwhile, and nothing of them is lost', async () => {
    const { disk, journal, log, peer, names } = await pair()
    const last = names.at(-1)!
    flip(disk, last, 100)
    assert.throws(() => readAll(log), hasCode('DATA_CORRUPT'))
    disk.holdSyncs()
    const appended = journal.append('orders', batchOf('meanwhile'), 1)
    await disk.syncHeld()
    const mending = mendFrom(journal, peer)
    disk.releaseSyncs()
    await Promise.all([appended, mending])
    await journal.append('orders', batchOf('afterwards'), 1)
    assert.deepEqual(
      readAll(log).map(({ body }) => body),
      [...values, 'meanwhile', 'afterwards'].map((value) => batchOf(value)),
    )
    await journal.close()
    const next = await openOn(disk, { epoch: epochC, settings })
    assert.deepEqual(next.events, [])
    assert.equal(viewOf(next.journal, id).end, 32)
  })

  test('nobody reads there: a check of all files finds it, and looks at every byte that is visible', async () => {
    const { disk, journal, events, log, peer, names, sound } = await pair()
    assert.equal(check(journal), log.bytes)
    flip(disk, names[2]!, 5)
    check(journal)
    assert.equal(only(journal).path, `${folder}/${names[2]}`)
    check(journal)
    assert.equal(events.length, 1, 'reported once')
    await mendFrom(journal, peer)
    assert.deepEqual(segmentsOf(disk), sound)
    assert.equal(check(journal), log.bytes)
    assert.deepEqual(journal.soundness.damages(), [])
  })

  test('several places in one segment, and its very first bytes', async () => {
    const { disk, journal, peer, names, sound } = await pair()
    for (const at of [0, 1, 300, 700]) flip(disk, names[0]!, at)
    check(journal)
    await mendFrom(journal, peer)
    assert.deepEqual(segmentsOf(disk), sound)
  })

  test('what nobody has stays damaged, and holds back nothing behind it; once somebody has it, all is whole', async () => {
    const { disk, journal, log, peer, names, sound } = await pair()
    const frames = readAll(log)
    const base = Number(names[1]!.slice(0, 20))
    const positionOf = (offset: number) => bytesOf(frames.slice(base, offset)).length
    // In one stretch between two entries of the index, and behind it.
    for (const offset of [base + 1, base + 3, base + 6]) flip(disk, names[1]!, positionOf(offset) + 50)
    assert.throws(() => readAll(log), hasCode('DATA_CORRUPT'))
    const damage = only(journal)
    const mend = journal.soundness.mend(damage)
    assert.ok(mend)
    await mend.open()
    const left: number[] = []
    for (;;) {
      while (mend.advance());
      const { missing } = mend
      if (!missing) break
      if (missing.offset === base + 1) {
        left.push(missing.offset)
        assert.equal(mend.settle(), true)
      } else await mend.take(viewOf(peer, id).read(missing.offset, 300))
    }
    await assert.rejects(mend.finish(), hasCode('DATA_CORRUPT'))
    mend.close()
    assert.deepEqual(left, [base + 1])
    const mended = segmentsOf(disk).get(names[1]!) as Uint8Array
    const from = positionOf(base + 2)
    assert.deepEqual(mended.subarray(from), sound.get(names[1]!)?.subarray(from))
    assert.deepEqual(only(journal).path, damage.path, 'it is still known')
    await mendFrom(journal, peer)
    assert.deepEqual(segmentsOf(disk), sound)
    await Promise.all([journal.close(), peer.close()])
  })

  test('a file that is gone, or became shorter, comes back as it was', async () => {
    for (const spoil of [
      (disk: MemoryDisk, path: string) => disk.removeFile(path),
      (disk: MemoryDisk, path: string) => disk.open(path, 'write').truncate(133),
    ]) {
      for (const nth of [0, 1, 3]) {
        const { disk, journal, log, peer, names, sound } = await pair({ openFilesMax: 0 })
        spoil(disk, `${folder}/${names[nth]}`)
        check(journal)
        await mendFrom(journal, peer)
        assert.deepEqual(segmentsOf(disk), sound)
        assert.equal(readAll(log).length, 30)
        await journal.append('orders', batchOf('on'), 1)
        await journal.close()
        const next = await openOn(disk, { epoch: epochC, settings })
        assert.deepEqual([next.events, viewOf(next.journal, id).end], [[], 31])
      }
    }
  })

  test('a read of a file that is gone is refused as damaged, not as a failing disk', async () => {
    const { disk, journal, log, names } = await pair({ openFilesMax: 0 })
    disk.removeFile(`${folder}/${names[1]}`)
    assert.throws(() => readAll(log), hasCode('DATA_CORRUPT'))
    assert.equal(only(journal).path, `${folder}/${names[1]}`)
  })

  test('a file that was deleted while it is open is saved from the open one, with nobody’s help', async () => {
    const { disk, journal, log, names } = await pair()
    const path = `${folder}/${names.at(-1)}`
    disk.removeFile(path)
    await journal.append('orders', batchOf('into the deleted file'), 1)
    check(journal)
    await mendFrom(journal, undefined)
    await journal.append('orders', batchOf('into the new one'), 1)
    assert.equal(readAll(log).length, 32)
    await journal.close()
    disk.crash()
    const next = await openOn(disk, { epoch: epochC, settings })
    assert.deepEqual([next.events, viewOf(next.journal, id).end], [[], 32])
  })

  test('a bad sector is damage like any other, and is written over', async () => {
    const { disk, journal, peer, names, sound } = await pair({ openFilesMax: 0 })
    disk.fail('read', 'EIO', { part: names[1]! })
    check(journal)
    assert.equal(only(journal).path, `${folder}/${names[1]}`)
    flip(disk, names[1]!, 10)
    await mendFrom(journal, peer)
    assert.deepEqual(segmentsOf(disk), sound)
  })

  test('frames that do not follow are not taken, however good they are', async () => {
    const { disk, journal, log, peer, names } = await pair()
    flip(disk, names[1]!, 400)
    check(journal)
    const spoilt = disk.snapshot(folder)
    const mend = journal.soundness.mend(only(journal))!
    await mend.open()
    while (mend.advance());
    const { offset } = mend.missing!
    const other = (await openOn(new MemoryDisk(), { epoch: epochA })).journal
    await appendAll(
      other,
      'orders',
      values.map((value) => `${value}!`),
    )
    await assert.rejects(mend.take(viewOf(other, id).read(offset, 100)), hasCode('LOG_DIVERGED'))
    const frames = viewOf(peer, id).read(offset, 1)
    frames[80]! ^= 1
    await assert.rejects(mend.take(frames), hasCode('DATA_CORRUPT'))
    await assert.rejects(mend.take(viewOf(peer, id).read(offset + 1, 1)), hasCode('DATA_CORRUPT'))
    mend.close()
    assert.deepEqual(disk.snapshot(folder), spoilt)
    assert.throws(() => readAll(log), hasCode('DATA_CORRUPT'))
  })

  test('interrupted by a power cut at any step, mending loses nothing, and the next opening finds what is left', async () => {
    const probe = await pair()
    flip(probe.disk, probe.names[1]!, 400)
    check(probe.journal)
    probe.disk.calls.length = 0
    await mendFrom(probe.journal, probe.peer)
    for (const call of ['makeFolder', 'open', 'write', 'sync', 'syncFolder'] as const) {
      const seen = probe.disk.calls.filter((line) => line.startsWith(`${call} `)).length
      for (let nth = 1; nth <= seen; nth++) {
        const { disk, journal, peer, names, sound } = await pair()
        flip(disk, names[1]!, 400)
        check(journal)
        disk.failNth(call, nth)
        await mendFrom(journal, peer).catch(() => {})
        disk.crash()
        const next = await openOn(disk, { epoch: epochC, settings })
        assert.ok(['damaged', undefined].includes(next.events[0]?.kind), `${call} ${nth}`)
        await catchUp(next.journal, peer)
        assert.deepEqual(segmentsOf(disk), sound, `${call} ${nth}`)
      }
    }
  })

  test('a segment that is trimmed away is damaged no longer', async () => {
    const { disk, journal, names } = await pair()
    flip(disk, names[0]!, 400)
    check(journal)
    const damage = only(journal)
    await journal.trim(id, Number.parseInt(names[1]!, 10), async () => true)
    assert.deepEqual(journal.soundness.damages(), [])
    assert.equal(journal.soundness.mend(damage), undefined)
  })

  test('a log without its beginning is mended at the place where it begins now', async () => {
    const { disk, journal, peer, names, sound } = await pair()
    await journal.trim(id, Number.parseInt(names[1]!, 10), async () => true)
    await journal.close()
    const { journal: next } = await openOn(disk, { epoch: epochC, settings })
    flip(disk, names[1]!, 3)
    check(next)
    await mendFrom(next, peer)
    for (const name of names.slice(1)) assert.deepEqual(disk.snapshot(folder).get(name), sound.get(name))
    assert.equal(bytesOf(readAll(viewOf(next, id))).length, viewOf(next, id).bytes)
  })
})
