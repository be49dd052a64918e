import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskFile } from '../../src/env/env.ts'
import { DiskView } from '../../src/simulation/universe/disk-view.ts'
import { storedFrames } from '../../src/simulation/universe/stored-frames.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf } from './calm.ts'
import { logA, type Made, madeFrames, sumOf } from './hand-made.ts'

const folder = `/data/topics/${logA}`
const path = `${folder}/${'0'.repeat(20)}.log`

function viewed(seed = 1) {
  const world = createWorld({ seed })
  const host = world.addHost('a')
  const told: string[] = []
  const view = new DiskView(host.disk, {
    held: (log, { base, end }) => told.push(`held ${log === logA} ${base}-${end}`),
    durable: (_log, { base }) => told.push(`durable ${base}`),
    gone: (_log, { base }, how, wasDurable, topicBytes) =>
      told.push(`${how} ${base}${wasDurable ? ' durable' : ''}${topicBytes === undefined ? '' : ` of ${topicBytes}`}`),
  })
  host.env.disk.makeFolder(folder)
  const file = host.env.disk.open(path, 'write')
  return {
    ...{ world, host, view, file },
    look(): string[] {
      view.look()
      return told.splice(0)
    },
    async syncNames(): Promise<void> {
      for (let at = folder; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
        await world.complete(host.env.disk.syncFolder(at.slice(0, at.lastIndexOf('/')) || '/'))
      }
      await world.complete(host.env.disk.syncFolder(folder))
    },
  }
}

function append(file: DiskFile, { bytes }: Made, at = file.size()): void {
  file.write(bytes, at)
}

test('frames are read as the log wrote them, from bytes alone; what is damaged is skipped', () => {
  const mark = { id: new Uint8Array(16).fill(3), sequence: 9 }
  const frames = madeFrames(logA, ['one', 'two,three', 'four'], { mark })
  const file = Buffer.concat([...frames.map(({ bytes }) => bytes), Buffer.from('torn REEV'), new Uint8Array(200)])
  const read = storedFrames(file, 0)
  assert.deepEqual(
    read.map(({ base, end }) => [base, end]),
    [
      [0, 1],
      [1, 3],
      [3, 4],
    ],
  )
  assert.deepEqual(read[1]!.records, [sumOf('two'), sumOf('three')])
  assert.deepEqual(read[0]!.place, { producer: '03'.repeat(16), sequence: 9 })
  file[read[1]!.at + 80]! ^= 1
  assert.deepEqual(
    storedFrames(file, 0).map(({ base }) => base),
    [0, 3],
  )
})

test('what is appended is held at once, and durable once it, its name and its folders are', async () => {
  const { world, file, look, syncNames, view } = viewed()
  const [one, two, three] = madeFrames(logA, ['one', 'two', 'three']) as [Made, Made, Made]
  append(file, one)
  assert.deepEqual(look(), ['held true 0-1'])
  await world.complete(file.sync())
  assert.deepEqual(look(), [], 'nobody made its name durable')
  await syncNames()
  assert.deepEqual(look(), ['durable 0'])
  append(file, two)
  const sync = file.sync()
  append(file, three)
  assert.deepEqual(look(), ['held true 1-2', 'held true 2-3'])
  await world.complete(sync)
  assert.deepEqual(look(), ['durable 1'])
  assert.deepEqual(look(), [])
  await world.complete(file.sync())
  assert.deepEqual(look(), ['durable 2'])
  assert.deepEqual(view.bounds(logA), { start: 0, end: 3, gapAt: undefined })
})

test('what is cut, written over, removed, set aside or lost in a crash is told, each by its name', async () => {
  const { world, host, file, look, syncNames, view } = viewed()
  const frames = madeFrames(logA, ['one', 'two', 'three', 'four']) as [Made, Made, Made, Made]
  for (const frame of frames) append(file, frame)
  await world.complete(file.sync())
  await syncNames()
  look()
  file.truncate(frames[3].frame.at + frames.slice(0, 3).reduce((sum, { bytes }) => sum + bytes.length, 0))
  assert.deepEqual(look(), ['cut 3 durable'])
  file.write(bytesOf('dam'), frames[0].bytes.length + 74)
  assert.deepEqual(look(), ['cut 1 durable'])
  assert.deepEqual(view.bounds(logA), { start: 0, end: 3, gapAt: 2 })
  file.write(frames[1].bytes, frames[0].bytes.length)
  assert.deepEqual(look(), ['held true 1-2', 'durable 1'], 'it is there again, and never left the device')
  append(file, frames[3])
  host.disk.tree.makeFolder('/data/aside')
  host.env.disk.rename(path, '/data/aside/x.log')
  assert.deepEqual(look(), [
    'held true 3-4',
    // The truncation never reached the device.
    'durable 3',
    'setAside 0 durable',
    'setAside 1 durable',
    'setAside 2 durable',
    'setAside 3 durable',
  ])
  host.env.disk.rename('/data/aside/x.log', path)
  assert.deepEqual(look().slice(0, 2), ['held true 0-1', 'held true 1-2'])
  host.env.disk.removeFile(path)
  assert.equal(look().filter((text) => text.startsWith('removed')).length, 4)
})

test('what became durable and went before anybody looked was durable; how much of its topic there was counts all files', async () => {
  const { world, host, file, look, syncNames } = viewed()
  const [one, two, three] = madeFrames(logA, ['one', 'two', 'three']) as [Made, Made, Made]
  append(file, one)
  await world.complete(file.sync())
  await syncNames()
  look()
  append(file, two)
  await world.complete(file.sync())
  const next = host.env.disk.open(`${folder}/${String(two.frame.end).padStart(20, '0')}.log`, 'write')
  append(next, three)
  host.env.disk.removeFile(path)
  const size = [one, two, three].reduce((sum, { bytes }) => sum + bytes.length, 0)
  assert.deepEqual(look(), [
    ...['held true 1-2', 'durable 1', 'held true 2-3'],
    ...[`removed 0 durable of ${size}`, `removed 1 durable of ${size}`],
  ])
})

test('what is cut or set aside behind damage is told as that, and what no file has any more as thrown away', async () => {
  const { world, host, file, look, syncNames } = viewed()
  const frames = madeFrames(logA, ['one', 'two', 'three', 'four']) as [Made, Made, Made, Made]
  for (const frame of frames) append(file, frame)
  await world.complete(file.sync())
  await syncNames()
  look()
  file.write(bytesOf('dam'), frames[0].bytes.length + 74)
  assert.deepEqual(look(), ['cut 1 durable'])
  file.write(bytesOf('dam'), frames.slice(0, 3).reduce((sum, { bytes }) => sum + bytes.length, 0) + 74)
  assert.deepEqual(look(), ['behindDamage 3 durable'], 'it is damaged itself')
  file.write(
    frames[3].bytes,
    frames.slice(0, 3).reduce((sum, { bytes }) => sum + bytes.length, 0),
  )
  look()
  host.disk.install('/data/aside', Buffer.concat([bytesOf('any bytes, then '), frames[3].bytes]))
  file.truncate(frames.slice(0, 3).reduce((sum, { bytes }) => sum + bytes.length, 0))
  assert.deepEqual(look(), ['behindDamage 3 durable'])
  host.env.disk.rename(path, '/data/x')
  assert.deepEqual(look(), ['setAside 0 durable', 'behindDamage 2 durable'])
  host.env.disk.rename('/data/x', path)
  look()
  host.env.disk.removeFile(path)
  assert.deepEqual(look(), ['removed 0 durable', 'thrownAway 2 durable'])
})

test('what goes from the beginning of a log is told with how much its topic had then', () => {
  const { host, file, look } = viewed()
  const frames = madeFrames(logA, ['one', 'two', 'three']) as [Made, Made, Made]
  const [size, paths] = [
    frames[0].bytes.length,
    [path, `${folder}/${'1'.padStart(20, '0')}.log`, `${folder}/${'2'.padStart(20, '0')}.log`],
  ]
  append(file, frames[0])
  for (const at of [1, 2] as const) append(host.env.disk.open(paths[at]!, 'write'), frames[at])
  look()
  const all = frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
  host.env.disk.removeFile(paths[0]!)
  host.env.disk.removeFile(paths[1]!)
  assert.deepEqual(look(), [`removed 0 of ${all}`, `removed 1 of ${all - size}`])
  host.env.disk.removeFile(paths[2]!)
  assert.deepEqual(look(), ['removed 2'], 'nothing follows it')
})

test('after a crash it knows what the disk still has', async () => {
  const fates = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const { world, host, file, look, syncNames } = viewed(seed)
    const [one, two] = madeFrames(logA, ['one', 'two'.padEnd(9_000, 'o')]) as [Made, Made]
    append(file, one)
    await world.complete(file.sync())
    await syncNames()
    append(file, two)
    look()
    host.crash()
    const told = look()
    fates.add(told.join(' '))
  }
  assert.deepEqual([...fates].sort(), ['crash 1', 'durable 1'])
})
