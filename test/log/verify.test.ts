import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { logKey } from '../../src/log/log-id.ts'
import { type Finding, isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { MemoryDisk } from './memory-disk.ts'
import { appendAll, batchOf, bytesOf, epochB, folderOf, idOf, openOn, readAll, viewOf } from './scenery.ts'

const id = idOf('orders')
const values = Array.from({ length: 12 }, (_, n) => `value ${n}`)

/** Node a wrote `orders`, b holds `copied` frames of it, in two folders of one disk. */
async function twoFolders(copied: number) {
  const disk = new MemoryDisk()
  const settings = { segmentMaxBytes: 400 }
  const a = await openOn(disk, { dataDir: '/a', settings })
  await appendAll(a.journal, 'orders', values)
  const frames = readAll(viewOf(a.journal, id))
  const b = await openOn(disk, { dataDir: '/b', node: 'b', epoch: epochB, settings })
  if (copied > 0) await b.journal.replicate(id, bytesOf(frames.slice(0, copied)))
  await a.journal.close()
  await b.journal.close()
  return { disk, frames }
}

function flip(disk: MemoryDisk, path: string, at: number): void {
  const file = disk.open(path, 'write')
  const byte = new Uint8Array(1)
  file.read(byte, at)
  file.write(Uint8Array.of((byte[0] as number) ^ 1), at)
  file.close()
}

const harms = (findings: Finding[]) => findings.filter(isHarm)

describe('the offline check', () => {
  test('sums up good folders and changes nothing', async () => {
    const { disk, frames } = await twoFolders(5)
    const before = [disk.snapshot('/a'), disk.snapshot('/b')]
    const findings = [...verifyDataDirs(disk, ['/a', '/b'])]
    const sum = (count: number, dir: string) => ({
      kind: 'log',
      dir,
      log: logKey(id),
      start: 0,
      end: count,
      frames: count,
      bytes: bytesOf(frames.slice(0, count)).length,
      chain: frames[count - 1]?.chain,
    })
    assert.deepEqual(findings, [sum(5, '/b'), sum(12, '/a')])
    assert.deepEqual([disk.snapshot('/a'), disk.snapshot('/b')], before)
    assert.equal(disk.openFiles, 0)
  })

  test('finds a flipped bit wherever it is, closed segments with an index included', async () => {
    const { disk, frames } = await twoFolders(0)
    const path = `${folderOf(id, '/a')}/00000000000000000000.log`
    const position = frames[0]?.bytes.length ?? 0
    flip(disk, path, position + 75)
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a'])]), [
      { kind: 'damaged', dir: '/a', log: logKey(id), path, position, offset: 1, fault: 'checksum' },
    ])
  })

  test('tells a torn tail from damage, and a hole from both', async () => {
    const { disk } = await twoFolders(0)
    const names = [...disk.snapshot(folderOf(id, '/a')).keys()].filter((name) => name.endsWith('.log'))
    const last = `${folderOf(id, '/a')}/${names.at(-1)}`
    const size = disk.stat(last)?.bytes ?? 0
    const file = disk.open(last, 'write')
    file.write(new Uint8Array(33).fill(9), size)
    file.close()
    const [torn, ...rest] = [...verifyDataDirs(disk, ['/a'])]
    assert.deepEqual(torn, { kind: 'tornTail', dir: '/a', log: logKey(id), path: last, bytes: 33 })
    assert.deepEqual(harms(rest), [])
    disk.removeFile(`${folderOf(id, '/a')}/${names[1]}`)
    const expected = Number(names[1]?.slice(0, 20))
    const found = Number(names[2]?.slice(0, 20))
    const path = `${folderOf(id, '/a')}/${names[2]}`
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a'])]), [
      { kind: 'gap', dir: '/a', log: logKey(id), path, expected, found },
    ])
  })

  test('finds the first frame in which two copies differ', async () => {
    const { disk, frames } = await twoFolders(3)
    // Somebody else's log of the same name: as good a chain, but another one.
    const other = new MemoryDisk()
    const c = await openOn(other, { dataDir: '/c' })
    await appendAll(c.journal, 'orders', [...values.slice(0, 3), 'different', 'value 4'])
    const elsewhere = readAll(viewOf(c.journal, id))
    const same = frames.slice(0, 3).every((frame, n) => frame.chain === elsewhere[n]?.chain)
    assert.ok(same, 'timestamps of the scenario are equal')
    for (const [name, bytes] of other.snapshot('/c')) disk.put(`/c/${name}`, bytes)
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a', '/b', '/c'])]), [
      { kind: 'diverged', log: logKey(id), dirs: ['/a', '/c'], offset: 3 },
    ])
  })

  test('finds copies whose frames have different bounds', async () => {
    const { disk } = await twoFolders(0)
    const other = new MemoryDisk()
    const c = await openOn(other, { dataDir: '/c' })
    await c.journal.append('orders', batchOf(...values.slice(0, 5)), 5)
    for (const [name, bytes] of other.snapshot('/c')) disk.put(`/c/${name}`, bytes)
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a', '/c'])]), [
      { kind: 'diverged', log: logKey(id), dirs: ['/a', '/c'], offset: 0 },
    ])
  })

  test('finds that a trimmed copy begins within a frame of the other', async () => {
    const disk = new MemoryDisk()
    const a = await openOn(disk, { dataDir: '/a' })
    await a.journal.append('orders', batchOf('0', '1', '2', '3', '4'), 5)
    await a.journal.append('orders', batchOf('5'), 1)
    const c = await openOn(disk, { dataDir: '/c', settings: { segmentMaxBytes: 1 } })
    await c.journal.append('orders', batchOf('0', '1', '2'), 3)
    await c.journal.append('orders', batchOf('3', '4', '5', '6'), 4)
    await c.journal.trim(id, 3, async () => true)
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a', '/c'])]), [
      { kind: 'diverged', log: logKey(id), dirs: ['/c', '/a'], offset: 3 },
    ])
  })

  test('compares what is left of a damaged or trimmed copy', async () => {
    const { disk, frames } = await twoFolders(12)
    const first = `${folderOf(id, '/b')}/00000000000000000000.log`
    flip(disk, first, (frames[0]?.bytes.length ?? 0) + 3)
    assert.deepEqual(
      harms([...verifyDataDirs(disk, ['/a', '/b'])]).map((finding) => finding.kind),
      ['damaged'],
    )
    disk.removeFile(first)
    const second = [...disk.snapshot(folderOf(id, '/b')).keys()].find((name) => name.endsWith('.log')) as string
    const found = Number(second.slice(0, 20))
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a', '/b'])]), [
      { kind: 'lost', dir: '/b', log: logKey(id), expected: 0, found },
    ])
    disk.put(`${folderOf(id, '/b')}/${second.replace('log', 'start')}`, new Uint8Array(0))
    assert.deepEqual(harms([...verifyDataDirs(disk, ['/a', '/b'])]), [])
  })

  test('knows a copy of which everything was trimmed, by the name of an empty file', async () => {
    const { disk, frames } = await twoFolders(12)
    const end = frames.at(-1)!.baseOffset + frames.at(-1)!.recordCount
    for (const path of [...disk.snapshot(folderOf(id, '/b')).keys()]) disk.removeFile(`${folderOf(id, '/b')}/${path}`)
    for (const kind of ['log', 'start']) {
      disk.put(`${folderOf(id, '/b')}/${String(end).padStart(20, '0')}.${kind}`, new Uint8Array(0))
    }
    const findings = [...verifyDataDirs(disk, ['/a', '/b'])]
    assert.deepEqual(harms(findings), [])
    const found = findings.find((finding) => finding.kind === 'log' && finding.dir === '/b')
    assert.deepEqual(found?.kind === 'log' && [found.start, found.end, found.bytes], [end, end, 0])
  })

  test('names what was set aside and what is not ours', async () => {
    const { disk } = await twoFolders(0)
    disk.put(`${folderOf(id, '/a')}.quarantined-1/00000000000000000000.log`, new Uint8Array(9))
    disk.put('/a/topics/notes.txt', new Uint8Array(9))
    const findings = [...verifyDataDirs(disk, ['/a', '/missing'])]
    assert.deepEqual(findings.map((finding) => finding.kind).sort(), ['foreign', 'log', 'quarantined'])
    assert.deepEqual(harms(findings), [])
  })
})
