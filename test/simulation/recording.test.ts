import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Disk, DiskError, type DiskFile } from '../../src/env/env.ts'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { differenceTo } from '../../src/simulation/recording/difference.ts'
import { type DiskStep, decodeSteps, encodeStep } from '../../src/simulation/recording/disk-step.ts'
import { recordingDisk } from '../../src/simulation/recording/recording-disk.ts'
import { ReplayedDisk } from '../../src/simulation/recording/replayed-disk.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function recorded(real: Disk = createRealDisk()) {
  const folder = join(mkdtempSync(join(tmpdir(), 'reeve-recording-')), 'data')
  folders.push(folder)
  const steps: DiskStep[] = []
  const disk = recordingDisk(real, (step) => steps.push(step))
  return {
    ...{ folder, steps, disk },
    /** By now, or up to this step. */
    replay(count = steps.length): ReplayedDisk {
      const replayed = new ReplayedDisk(folder)
      for (const step of steps.slice(0, count)) replayed.apply(step)
      return replayed
    },
  }
}

async function work({ disk, folder }: ReturnType<typeof recorded>, random: SeededRandom): Promise<void> {
  disk.makeFolder(folder)
  const pathOf = (n: number) => `${folder}/${n % 2 === 0 ? '' : 'inner/'}${n}`
  disk.makeFolder(`${folder}/inner`)
  const open = new Map<number, DiskFile>()
  for (let count = 0; count < 150; count++) {
    const n = random.integer(0, 6)
    const file = open.get(n) ?? disk.open(pathOf(n), 'write')
    open.set(n, file)
    const kind = random.pick(['write', 'write', 'write', 'truncate', 'sync', 'replace', 'rename', 'remove', 'folder'])
    if (kind === 'write') file.write(random.bytes(random.integer(1, 9000)), random.integer(0, 20_000))
    if (kind === 'truncate') file.truncate(random.integer(0, 20_000))
    if (kind === 'sync') await file.sync()
    if (kind === 'replace') await disk.replaceFile(`${folder}/whole`, random.bytes(random.integer(0, 9000)))
    if (kind === 'folder') await disk.syncFolder(folder)
    if (kind === 'rename' || kind === 'remove') {
      file.close()
      open.delete(n)
      if (kind === 'remove') disk.removeFile(pathOf(n))
      else disk.rename(pathOf(n), `${folder}/moved-${n}`)
    }
  }
  for (const file of open.values()) file.close()
}

test('whatever a disk is told, its recording says what it has then', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const recording = recorded()
    await work(recording, new SeededRandom(seed, 'work'))
    const difference = differenceTo(createRealDisk(), recording.folder, recording.replay())
    assert.deepEqual(difference, { steps: [], unexplained: [] })
  }
})

test('what a recording does not say is found, and the steps that would say it', async () => {
  const recording = recorded()
  await work(recording, new SeededRandom(3, 'work'))
  writeFileSync(`${recording.folder}/more`, 'more')
  writeFileSync(`${recording.folder}/whole`, 'another content')
  const replayed = recording.replay()
  const { steps, unexplained } = differenceTo(createRealDisk(), recording.folder, replayed)
  assert.deepEqual([...unexplained].sort(), [`${recording.folder}/more`, `${recording.folder}/whole`])
  for (const step of steps) replayed.apply(step)
  assert.deepEqual(differenceTo(createRealDisk(), recording.folder, replayed).unexplained, [])
})

test('after a power cut all is there that was synced by a name that was synced; what was not may be gone or torn', async () => {
  const recording = recorded()
  const { disk, folder } = recording
  disk.makeFolder(folder)
  const file = disk.open(`${folder}/file`, 'write')
  file.write(Buffer.from('synced'), 0)
  await file.sync()
  const named = recording.steps.length
  await disk.syncFolder(folder.slice(0, folder.lastIndexOf('/')))
  await disk.syncFolder(folder)
  const synced = recording.steps.length
  file.write(Buffer.from(' and not'), 6)
  file.close()
  const contents = (count: number) => {
    const found = new Set<string | undefined>()
    for (let seed = 0; seed < 60; seed++) {
      const tree = recording.replay(count).afterPowerCut(new SeededRandom(seed, 'cut'))
      const [each] = [...tree.filesBelow(folder)]
      const bytes = Buffer.alloc(each?.[1].size ?? 0)
      each?.[1].read(bytes, 0)
      found.add(each && bytes.toString())
    }
    return found
  }
  assert.deepEqual(contents(named), new Set([undefined, 'synced']), 'its name was not durable')
  assert.deepEqual(contents(synced), new Set(['synced']))
  const later = contents(recording.steps.length)
  assert.ok(later.has('synced') && later.has('synced and not') && later.size > 2)
  for (const content of later) assert.match(content ?? '', /^synced/)
})

test('a file is replaced as a whole, whenever the power fails', async () => {
  const recording = recorded()
  const { disk, folder } = recording
  disk.makeFolder(folder)
  await disk.replaceFile(`${folder}/file`, Buffer.from('old'))
  await disk.syncFolder(folder.slice(0, folder.lastIndexOf('/')))
  await disk.replaceFile(`${folder}/file`, Buffer.from('new'))
  const found = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const tree = recording.replay(recording.steps.length - 1).afterPowerCut(new SeededRandom(seed, 'cut'))
    const bytes = Buffer.alloc(3)
    tree.file(`${folder}/file`).read(bytes, 0)
    found.add(bytes.toString())
  }
  assert.deepEqual(found, new Set(['old', 'new']))
})

test('of a write that fails, what is there is told; of a sync that fails, that it failed', async () => {
  const real = createRealDisk()
  const recording = recorded({
    ...real,
    open(path, mode) {
      const file = real.open(path, mode)
      const write = (source: Uint8Array, at: number) => {
        file.write(source.subarray(0, 2), at)
        throw new DiskError('ENOSPC', path)
      }
      const sync = () => Promise.reject(new DiskError('EIO', path))
      return { ...file, size: () => file.size(), write, sync, cold: false }
    },
  })
  recording.disk.makeFolder(recording.folder)
  const file = recording.disk.open(`${recording.folder}/file`, 'write')
  assert.throws(() => file.write(Buffer.from('four'), 0), DiskError)
  await assert.rejects(file.sync(), DiskError)
  file.close()
  assert.deepEqual(differenceTo(createRealDisk(), recording.folder, recording.replay()).steps, [])
  assert.deepEqual(recording.steps.at(-1), { kind: 'answered', call: 0, failed: true })
})

test('steps are the same again after they were bytes, and what breaks off is left', () => {
  const steps: DiskStep[] = [
    { kind: 'open', file: 0, path: '/ein/ö', made: true },
    { kind: 'write', file: 0, at: 5, bytes: new Uint8Array([1, 2, 3]) },
    { kind: 'write', file: 0, at: 8, bytes: new Uint8Array(0) },
    { kind: 'sync', file: 0, call: 9 },
  ]
  const bytes = Buffer.concat(steps.map((step, n) => encodeStep({ atMs: n + 0.25, step })))
  const all = steps.map((step, n) => ({ atMs: n + 0.25, step }))
  assert.deepEqual(decodeSteps(bytes), { steps: all, used: bytes.length })
  for (let length = 0; length < bytes.length; length++) {
    const { steps, used } = decodeSteps(bytes.subarray(0, length))
    assert.ok(used <= length && steps.length < all.length)
    assert.deepEqual(steps, all.slice(0, steps.length))
  }
})
