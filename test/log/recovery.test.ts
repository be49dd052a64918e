import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { frameHeaderBytes } from '../../src/log/frame.ts'
import type { JournalEvent } from '../../src/log/journal.ts'
import { logKey } from '../../src/log/log-id.ts'
import { copied, firstSegment, folder, id, reopened, written } from './closed-log.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataDir,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  valuesOf,
  viewOf,
} from './scenery.ts'

/** Undefined where the read is refused as corrupt. */
function served(read: () => Uint8Array | undefined): Uint8Array | undefined {
  try {
    return read()
  } catch (error) {
    assert.ok(hasCode('DATA_CORRUPT')(error))
    return undefined
  }
}

const kinds = (events: JournalEvent[]) => events.map((event) => event.kind)

describe('opening after a crash', () => {
  test('a segment cut at any byte gives the whole frames before the cut', async () => {
    const { frames, all } = await written(['one', '', 'three', 'four'.repeat(20)])
    const whole = all.get('00000000000000000000.log') as Uint8Array
    const ends = frames.map((_, n) => bytesOf(frames.slice(0, n + 1)).length)
    for (let length = 0; length <= whole.length; length++) {
      const disk = copied(all, (_, bytes) => bytes.subarray(0, length))
      const { journal, events, log } = await reopened(disk)
      const good = ends.filter((end) => end <= length)
      assert.equal(log?.end ?? 0, good.length, `cut at ${length}`)
      if (log) assert.deepEqual(bytesOf(readAll(log)), Buffer.from(whole.subarray(0, good.at(-1))))
      assert.deepEqual(kinds(events), length > (good.at(-1) ?? 0) ? ['tailCut'] : [])
      assert.equal(disk.stat(firstSegment)?.bytes, good.at(-1))
      await journal.close()
    }
  })

  test('whatever a power cut leaves, all that was acknowledged is there and the rest is a prefix', async () => {
    const values = Array.from({ length: 12 }, (_, n) => `${n}`.repeat(1 + n * 5))
    for (let acknowledged = 0; acknowledged < values.length; acknowledged++) {
      for (const kept of [0, 1, frameHeaderBytes, 100, 150, 100_000]) {
        const disk = new MemoryDisk()
        const { journal } = await openOn(disk, { settings: { segmentMaxBytes: 400 } })
        await appendAll(journal, 'orders', values.slice(0, acknowledged))
        disk.holdSyncs()
        const never = values.slice(acknowledged).map((value) => journal.append('orders', batchOf(value), 1))
        await disk.syncHeld()
        disk.crash(kept)
        const { journal: next, log, events } = await reopened(disk, 400)
        const found = log ? valuesOf(readAll(log)) : []
        assert.ok(found.length >= acknowledged, `${found.length} of ${acknowledged} acknowledged`)
        assert.deepEqual(found, values.slice(0, found.length))
        assert.ok(events.every((event) => event.kind === 'tailCut'))
        await next.append('orders', batchOf('on'), 1)
        await next.close()
        assert.equal(never.length, values.length - acknowledged)
      }
    }
  })

  test('a tail of zeros or noise is cut', async () => {
    const noise = Uint8Array.from({ length: 5000 }, (_, n) => (n * 7919) & 0xff)
    for (const [tail, reported] of [
      [new Uint8Array(5000), []],
      [noise, ['tailCut']],
    ] as const) {
      const { frames, all } = await written(['one', 'two'])
      const disk = copied(all, (_, bytes) => Buffer.concat([bytes, tail]))
      const { events, log } = await reopened(disk)
      assert.equal(log?.end, 2)
      assert.deepEqual(kinds(events), reported)
      assert.equal(disk.stat(firstSegment)?.bytes, bytesOf(frames).length)
    }
  })

  test('a process that died between write and sync: what the next one shows, a power cut cannot take', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    disk.holdSyncs()
    void journal.append('orders', batchOf('one'), 1)
    await disk.syncHeld()
    disk.abandon()
    const { log, events } = await reopened(disk)
    assert.deepEqual([log?.end, events], [1, []])
    disk.crash()
    const { journal: next } = await openOn(disk, { epoch: epochC })
    assert.equal(viewOf(next, id).end, 1)
  })

  test('a crash while a segment is begun leaves no trace', async () => {
    const { all } = await written(['one', 'two'])
    const disk = copied(all, (_, bytes) => bytes)
    disk.put(`${folder}/00000000000000000002.log`, new Uint8Array(0))
    disk.put(`${folder}/00000000000000000007.log`, new Uint8Array(0))
    const { events, log } = await reopened(disk)
    assert.equal(log?.end, 2)
    assert.deepEqual(events, [])
    assert.deepEqual(
      [...disk.snapshot(folder).keys()].filter((name) => name.endsWith('.log')),
      ['00000000000000000000.log'],
    )
  })

  test('an empty log is no log', async () => {
    const disk = new MemoryDisk()
    disk.makeFolder(folder)
    const { journal, events } = await reopened(disk)
    assert.deepEqual([journal.logs(), journal.topics(), events], [[], [], []])
  })
})

describe('damage', () => {
  const values = Array.from({ length: 10 }, (_, n) => `value ${n}`)

  test('a flipped bit before good frames: what is before stays readable, the rest is set aside and comes back', async () => {
    const { frames, all } = await written(values, 400)
    assert.ok([...all.keys()].filter((name) => name.endsWith('.log')).length >= 3)
    const damagedName = '00000000000000000000.log'
    const disk = copied(all, (name, bytes) => {
      if (name === damagedName) bytes[(frames[0]?.bytes.length ?? 0) + 80] = 0xff
      return name.endsWith('.index') ? undefined : bytes
    })
    const spoilt = disk.snapshot(folder)
    const { journal, events, log } = await reopened(disk, 400)
    assert.deepEqual(events, [{ kind: 'damaged', log: logKey(id), end: 1, folder: `${folder}.quarantined-1` }])
    assert.equal(log?.end, 1)
    assert.deepEqual(
      readAll(log).map((frame) => frame.body),
      [batchOf('value 0')],
    )
    assert.deepEqual(disk.snapshot(`${folder}.quarantined-1`), spoilt)

    assert.equal(await journal.replicate(id, bytesOf(frames.slice(1))), 10)
    await journal.close()
    assert.deepEqual(disk.snapshot(folder), all)
    const again = await openOn(disk, { epoch: epochC })
    assert.deepEqual(again.events, [])
    assert.equal(viewOf(again.journal, id).end, 10)
  })

  test('interrupted at any step, setting aside loses nothing', async () => {
    const { frames, all } = await written(values, 400)
    const damage = (name: string, bytes: Uint8Array) => {
      if (name === '00000000000000000000.log') bytes[(frames[0]?.bytes.length ?? 0) + 80] = 0xff
      return name.endsWith('.index') ? undefined : bytes
    }
    const probe = copied(all, damage)
    probe.calls.length = 0
    await reopened(probe, 400)
    for (const call of ['makeFolder', 'open', 'write', 'sync', 'syncFolder', 'rename', 'truncate'] as const) {
      const seen = probe.calls.filter((line) => line.startsWith(`${call} `))
      for (let nth = 1; nth <= seen.length; nth++) {
        // Nothing hangs on an index, nor on the file that names the format where it is missing.
        if (/\.index$|\/data$/.test(seen[nth - 1] ?? '')) continue
        const disk = copied(all, damage)
        const everything = new Set(
          [...disk.snapshot(dataDir).values()].map((bytes) => Buffer.from(bytes).toString('hex')),
        )
        disk.failNth(call, nth)
        await assert.rejects(reopened(disk, 400), hasCode('DATA_DIR_UNUSABLE'), `${call} ${nth}`)
        disk.crash()
        const { log } = await reopened(disk, 400)
        assert.equal(log?.end, 1, `${call} ${nth}`)
        const left = new Set([...disk.snapshot(dataDir).values()].map((bytes) => Buffer.from(bytes).toString('hex')))
        for (const content of everything) assert.ok(left.has(content), `${call} ${nth} lost a file`)
      }
    }
  })

  test('every single flipped bit of a segment is found at opening, and nothing wrong is served', async () => {
    const { frames, all } = await written(['one', 'two', 'three'])
    const whole = all.get('00000000000000000000.log') as Uint8Array
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const disk = copied(all, (name, bytes) => {
        // With its index, what is closed is read when somebody asks for it.
        if (name.endsWith('.index')) return undefined
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
        return bytes
      })
      const { journal, events, log } = await reopened(disk)
      assert.equal(events.length, 1, `bit ${bit}`)
      const left = log ? readAll(log) : []
      assert.ok(left.length < frames.length)
      assert.deepEqual(bytesOf(left), bytesOf(frames.slice(0, left.length)))
      await journal.close()
    }
  })

  test('every single bit that flips later is found by the read, and spoils no other frame before it', async () => {
    const { frames, all } = await written(['one', 'two', 'three'])
    const whole = all.get('00000000000000000000.log') as Uint8Array
    const disk = copied(all, (_, bytes) => bytes)
    const { events, log } = await reopened(disk)
    const file = disk.open(firstSegment, 'write')
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const at = bit >> 3
      file.write(Uint8Array.of((whole[at] as number) ^ (1 << (bit & 7))), at)
      const bulk = served(() => log?.read(0, 1_000_000))
      if (bulk) assert.deepEqual(Buffer.from(bulk), bytesOf(frames).subarray(0, bulk.length))
      assert.ok((bulk?.length ?? 0) <= at, `bit ${bit}`)
      let position = 0
      for (const { baseOffset, bytes } of frames) {
        const hit = at >= position && at < position + bytes.length
        position += bytes.length
        const one = served(() => log?.read(baseOffset, 1))
        if (hit) assert.equal(one, undefined, `bit ${bit}`)
        else if (one || position <= at) assert.deepEqual(Buffer.from(one ?? []), Buffer.from(bytes))
      }
      file.write(Uint8Array.of(whole[at] as number), at)
    }
    assert.deepEqual(kinds(events), ['corrupt'])
  })

  test('damage that a read finds is set aside at the next opening, whatever the index says', async () => {
    const { disk, frames } = await written(values, 400)
    const { journal, events, log } = await reopened(disk, 400)
    const file = disk.open(firstSegment, 'write')
    file.write(Uint8Array.of(0xff), (frames[0]?.bytes.length ?? 0) + 80)
    assert.equal(log?.read(0, 1).length, frames[0]?.bytes.length)
    assert.throws(() => log?.read(1, 1), hasCode('DATA_CORRUPT'))
    assert.throws(() => log?.chainAt(2), hasCode('DATA_CORRUPT'))
    assert.throws(() => log?.read(1, 1), hasCode('DATA_CORRUPT'))
    assert.deepEqual(kinds(events), ['corrupt'])
    assert.equal(log?.end, 10)
    await journal.close()
    const next = await openOn(disk, { epoch: epochC, settings: { segmentMaxBytes: 400 } })
    assert.deepEqual(kinds(next.events), ['damaged'])
    assert.equal(viewOf(next.journal, id).end, 1)
  })

  test('a closed segment that became shorter is damage, whatever its index says', async () => {
    const { all } = await written(values, 400)
    const names = [...all.keys()].filter((name) => name.endsWith('.log'))
    const disk = copied(all, (name, bytes) => (name === names[1] ? bytes.subarray(0, -1) : bytes))
    const { events, log } = await reopened(disk, 400)
    assert.deepEqual(kinds(events), ['damaged'])
    const left = log ? readAll(log).map((frame) => frame.body) : []
    assert.deepEqual(
      left,
      values.slice(0, left.length).map((value) => batchOf(value)),
    )
    assert.equal(left.length, Number.parseInt(names[2] ?? '', 10) - 1)
    assert.ok(disk.stat(`${folder}.quarantined-1/${names[2]}`))
    assert.equal(disk.stat(`${folder}/${names[2]}`), undefined)
  })

  test('moving a damaged beginning away can be interrupted: what is left never passes for a trimmed log', async () => {
    const { all } = await written(values, 400)
    const damage = (name: string, bytes: Uint8Array) => {
      if (name === '00000000000000000000.log') bytes[0] = 0
      return name.endsWith('.index') ? undefined : bytes
    }
    for (let nth = 1; nth <= [...all.keys()].filter((name) => name.endsWith('.log')).length; nth++) {
      const disk = copied(all, damage)
      disk.failNth('rename', nth)
      await assert.rejects(reopened(disk, 400), hasCode('DATA_DIR_UNUSABLE'))
      const { log, events } = await reopened(disk, 400)
      assert.equal(log, undefined)
      assert.deepEqual(kinds(events), ['damaged'])
    }
  })

  test('a missing segment in between: what is behind the hole is set aside', async () => {
    const { all } = await written(values, 400)
    const names = [...all.keys()].filter((name) => name.endsWith('.log'))
    const disk = copied(all, (name, bytes) => (name === names[1] ? undefined : bytes))
    const { events, log } = await reopened(disk, 400)
    assert.deepEqual(kinds(events), ['damaged'])
    assert.equal(log?.end, Number.parseInt(names[1] ?? '', 10))
    assert.ok(disk.stat(`${folder}.quarantined-1/${names[2]}`))
  })

  test('the segment of another log does not fit, however good it is', async () => {
    const { all } = await written(['one', 'two'])
    const other = idOf('payments')
    const disk = new MemoryDisk()
    for (const [name, bytes] of all) disk.put(`${folderOf(other)}/${name}`, bytes)
    const { journal, events } = await openOn(disk, { epoch: epochB })
    assert.equal(journal.log(other), undefined)
    assert.deepEqual(kinds(events), ['damaged'])
  })

  test('a folder that was set aside stays out of sight', async () => {
    const { all } = await written(['one'])
    const disk = copied(all, (_, bytes) => bytes)
    disk.put(`${folder}.quarantined-1/00000000000000000000.log`, new Uint8Array(100))
    const { events, journal } = await reopened(disk)
    assert.deepEqual([events, journal.logs().length], [[], 1])
  })
})
