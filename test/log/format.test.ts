import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { copied, firstSegment, folder, id, written } from './closed-log.ts'
import { later } from './later-frame.ts'
import { MemoryDisk } from './memory-disk.ts'
import { bytesOf, dataDir, epochB, epochC, hasCode, openOn, readAll, viewOf } from './scenery.ts'

const without = (name: string, bytes: Uint8Array, change: (bytes: Uint8Array) => Uint8Array) =>
  name.endsWith('.index') ? undefined : change(bytes)

describe('what a later version wrote', () => {
  for (const [what, add] of [
    ['at the end', (good: Uint8Array) => Buffer.concat([good, later(2)])],
    ['small, at the end', (good: Uint8Array) => Buffer.concat([good, later(9, 24)])],
    ['from the beginning', () => later(2)],
    [
      'before a write that did not end',
      (good: Uint8Array) => Buffer.concat([good, later(3), later(3).subarray(0, 50)]),
    ],
  ] as const) {
    test(`${what}: the node does not start, says why, and leaves every byte as it is`, async () => {
      const { all } = await written(['one', 'two'])
      const disk = copied(all, (name, bytes) => without(name, bytes, add))
      const before = disk.snapshot(folder)
      await assert.rejects(openOn(disk, { epoch: epochB }), (error: Error) => {
        assert.ok(hasCode('FORMAT_NEWER')(error))
        assert.match(error.message, /version [239] at byte \d+; this version of Reeve knows frames up to 1/)
        return true
      })
      assert.deepEqual(disk.snapshot(folder), before)
      const harm = [...verifyDataDirs(disk, [dataDir])].filter(isHarm)
      assert.deepEqual(
        harm.map((finding) => finding.kind === 'damaged' && finding.fault),
        ['newer'],
      )
    })
  }

  test('behind damage it counts as good: the damage is set aside, not cut', async () => {
    const { all, frames } = await written(['one', 'two'])
    const spoilt = (good: Uint8Array) => Buffer.concat([good.fill(0xff, (frames[0]?.bytes.length ?? 0) + 20), later(2)])
    const disk = copied(all, (name, bytes) => without(name, bytes, spoilt))
    const before = disk.stat(firstSegment)?.bytes
    const { events } = await openOn(disk, { epoch: epochB })
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['damaged'],
    )
    assert.equal(disk.stat(`${folder}.quarantined-1/00000000000000000000.log`)?.bytes, before)
  })

  test('a damaged version byte is damage', async () => {
    const { all } = await written(['one'])
    const disk = copied(all, (name, bytes) => without(name, bytes, (good) => good.fill(2, 16, 17)))
    const { events, journal } = await openOn(disk, { epoch: epochB })
    assert.deepEqual([events.map(({ kind }) => kind), journal.logs()], [['tailCut'], []])
  })

  test('from a peer it is refused, and the copy goes on with what it knows', async () => {
    const { frames } = await written(['one', 'two'])
    const { journal } = await openOn(new MemoryDisk(), { node: 'b', epoch: epochB })
    await journal.replicate(id, bytesOf(frames.slice(0, 1)))
    await assert.rejects(journal.replicate(id, later(2)), hasCode('FORMAT_NEWER'))
    assert.equal(await journal.replicate(id, bytesOf(frames.slice(1))), 2)
  })

  test('what comes with it from a peer, and before it, is kept', async () => {
    const { frames } = await written(['one', 'two'])
    const { journal } = await openOn(new MemoryDisk(), { node: 'b', epoch: epochB })
    const arriving = [
      Buffer.concat([bytesOf(frames.slice(0, 1)), later(2)]),
      // As it may lie behind that one, and not to be taken for damage.
      later(2),
    ].map((bytes) => journal.replicate(id, bytes))
    for (const answer of arriving) await assert.rejects(answer, hasCode('FORMAT_NEWER'))
    assert.deepEqual(readAll(viewOf(journal, id)), frames.slice(0, 1))
  })
})

describe('the version of a data folder', () => {
  test('is written once, and a folder that has none is of the first', async () => {
    const disk = new MemoryDisk()
    for (const epoch of [epochB, epochC]) {
      const { journal } = await openOn(disk, { epoch })
      assert.equal(new TextDecoder().decode(disk.readFile(`${dataDir}/format`)), 'reeve 2\n')
      await journal.close()
    }
  })

  test('a later one, or anything else in its place, keeps the node from starting', async () => {
    for (const [text, code] of [
      ['reeve 3\n', 'FORMAT_NEWER'],
      ['reeve 10\n', 'FORMAT_NEWER'],
      ['', 'DATA_DIR_UNUSABLE'],
      ['reeve one\n', 'DATA_DIR_UNUSABLE'],
    ] as const) {
      const disk = new MemoryDisk()
      disk.put(`${dataDir}/format`, new TextEncoder().encode(text))
      const before = disk.snapshot(dataDir)
      await assert.rejects(openOn(disk), hasCode(code))
      assert.deepEqual(disk.snapshot(dataDir), before)
    }
  })

  test('a disk too full to say it takes it at a later start', async () => {
    const disk = new MemoryDisk()
    const replaceFile = disk.replaceFile.bind(disk)
    disk.replaceFile = async (path) => {
      disk.fail('write', 'ENOSPC')
      disk.open(path, 'write').write(new Uint8Array(1), 0)
    }
    await (await openOn(disk)).journal.close()
    disk.removeFile(`${dataDir}/format`)
    disk.replaceFile = replaceFile
    const { journal } = await openOn(disk, { epoch: epochB })
    assert.ok(disk.stat(`${dataDir}/format`))
    assert.deepEqual(
      journal.logs().flatMap((log) => readAll(viewOf(journal, log.id))),
      [],
    )
  })
})
