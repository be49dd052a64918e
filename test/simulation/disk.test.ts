import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiskError, DiskFile } from '../../src/env/env.ts'
import { FileTree } from '../../src/simulation/file-tree.ts'
import type { HostOptions } from '../../src/simulation/host.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, textOf } from './calm.ts'

const onDisk = (seed: number, options: HostOptions = {}) => {
  const world = createWorld({ seed })
  const host = world.addHost('a', options)
  return { world, host, disk: host.env.disk, again: () => host.start().disk }
}

const code = (expected: string) => (error: DiskError) => error.code === expected

function contentOf(file: DiskFile): Uint8Array {
  const bytes = new Uint8Array(file.size())
  assert.equal(file.read(bytes, 0), bytes.length)
  return bytes
}

describe('files', () => {
  test('read, write, truncate and sparse holes across pages', () => {
    const { disk } = onDisk(1)
    const file = disk.open('/data/x', 'write')
    const pattern = new Uint8Array(10_000).map((_, at) => at * 7)
    file.write(pattern, 0)
    assert.deepEqual(contentOf(file), pattern)
    file.write(bytesOf('end'), 20_000)
    assert.equal(file.size(), 20_003)
    assert.deepEqual(contentOf(file).subarray(10_000, 20_000), new Uint8Array(10_000))
    file.truncate(5000)
    file.truncate(6000)
    assert.deepEqual(contentOf(file).subarray(0, 5000), pattern.subarray(0, 5000))
    assert.deepEqual(contentOf(file).subarray(5000), new Uint8Array(1000))
    assert.equal(file.read(new Uint8Array(10), 5995), 5)
    assert.equal(file.read(new Uint8Array(10), 9999), 0)
  })

  test('names, kinds and typed failures', async () => {
    const { world, disk } = onDisk(1)
    disk.makeFolder('/data/b/c')
    disk.open('/data/b/file', 'write').close()
    disk.open('/data/a', 'write').close()
    assert.deepEqual(disk.list('/data'), [
      { name: 'a', kind: 'file' },
      { name: 'b', kind: 'folder' },
    ])
    assert.deepEqual(disk.list('/nowhere'), [])
    assert.equal(disk.stat('/data/b')?.kind, 'folder')
    assert.equal(disk.stat('/nowhere'), undefined)
    disk.rename('/data/b/file', '/data/moved')
    assert.equal(disk.stat('/data/b/file'), undefined)
    disk.removeFile('/data/moved')
    assert.throws(() => disk.readFile('/data/moved'), code('ENOENT'))
    assert.throws(() => disk.open('/data/none', 'read'), code('ENOENT'))
    assert.throws(() => disk.open('/none/x', 'write'), code('ENOENT'))
    assert.throws(() => disk.open('/data/b', 'read'), code('EISDIR'))
    assert.throws(() => disk.removeFile('/data/none'), code('ENOENT'))
    const readOnly = disk.open('/data/a', 'read')
    assert.throws(() => readOnly.write(bytesOf('x'), 0), code('EBADF'))
    readOnly.close()
    assert.throws(() => readOnly.read(new Uint8Array(1), 0), code('EBADF'))
    await assert.rejects(world.complete(disk.syncFolder('/none')), code('ENOENT'))
  })

  test('tells how much room there is, also while somebody else fills it; one without end tells nothing', async () => {
    const { host, disk } = onDisk(1, { disk: { capacityBytes: 10_000 } })
    disk.open('/data/x', 'write').write(new Uint8Array(4_000), 0)
    assert.deepEqual(await disk.space('/data'), { totalBytes: 10_000, freeBytes: 6_000 })
    host.disk.begin('filled', { kind: 'full', freeBytes: 500 })
    assert.deepEqual(await disk.space('/data'), { totalBytes: 4_500, freeBytes: 500 })
    host.disk.end('filled')
    assert.equal((await disk.space('/data'))?.freeBytes, 6_000)
    assert.equal(await onDisk(1).disk.space('/data'), undefined)
  })

  test('a full disk refuses to grow anything and writes nothing', () => {
    const { disk } = onDisk(1, { disk: { capacityBytes: 10_000 } })
    const file = disk.open('/data/x', 'write')
    file.write(new Uint8Array(9_000).fill(1), 0)
    assert.throws(() => file.write(new Uint8Array(2_000), 9_000), code('ENOSPC'))
    assert.throws(() => disk.open('/data/y', 'write').truncate(1_001), code('ENOSPC'))
    assert.equal(file.size(), 9_000)
    file.write(bytesOf('over what is there already'), 0)
    file.truncate(1_000)
    file.write(new Uint8Array(2_000), 1_000)
  })
})

describe('a witness', () => {
  test('is told of every change of a file, and can read what a power cut would leave', async () => {
    const { world, host, disk } = onDisk(1)
    const told: string[] = []
    host.disk.witness = {
      changed: ({ size, durableSize }) => told.push(`${durableSize} of ${size}`),
      named: (path) => told.push(`+ ${path}`),
      unnamed: (path, { size }) => told.push(`- ${path} of ${size}`),
      crashed: () => told.push('crashed'),
    }
    const file = disk.open('/data/x', 'write')
    file.write(bytesOf('durable'), 0)
    await world.complete(file.sync())
    file.write(bytesOf('DUR'), 0)
    file.write(bytesOf(' and not'), 7)
    const content = host.disk.tree.file('/data/x')
    const durable = new Uint8Array(20)
    assert.equal(textOf(durable.subarray(0, content.readDurable(durable, 0))), 'durable')
    disk.rename('/data/x', '/data/y')
    disk.removeFile('/data/y')
    host.crash()
    const changes = ['0 of 0', '0 of 7', '7 of 7', '7 of 7', '7 of 15']
    const names = ['- /data/x of 15', '+ /data/y', '- /data/y of 15', 'crashed']
    assert.deepEqual(told, ['+ /data/x', ...changes, ...names])
  })

  test('sees from where on a file changed, and that it did not', async () => {
    const { world, host, disk } = onDisk(1)
    const file = disk.open('/data/x', 'write')
    await world.complete(disk.syncFolder('/data'))
    file.write(new Uint8Array(9_000).fill(1), 0)
    await world.complete(file.sync())
    const content = host.disk.tree.file('/data/x')
    content.changedFrom = Number.POSITIVE_INFINITY
    file.write(bytesOf('appended'), 9_000)
    assert.equal(content.changedFrom, 9_000)
    file.write(bytesOf('over'), 100)
    assert.equal(content.changedFrom, 100)
    await world.complete(file.sync())
    const { version } = content
    host.crash()
    assert.equal(content.version, version, 'all of it was durable')
  })
})

describe('a power cut', () => {
  for (const how of ['crash', 'powerOff'] as const)
    test(`(${how}) keeps what was synced and, over many seeds, does everything it may to the rest`, async () => {
      const seen = new Set<string>()
      for (let seed = 0; seed < 80; seed++) {
        const { world, host, disk, again } = onDisk(seed)
        const file = disk.open('/data/log', 'write')
        const durable = new Uint8Array(6_000).fill(1)
        file.write(durable, 0)
        await world.complete(Promise.all([file.sync(), disk.syncFolder('/data')]))
        file.write(new Uint8Array(20_000).fill(2), 6_000)
        assert.equal(file.size(), 26_000, 'visible to its process at once')
        host[how]()
        const after = again().readFile('/data/log')
        assert.deepEqual(after.subarray(0, 6_000), durable)
        const tail = after.subarray(6_000)
        const written = tail.filter((byte) => byte === 2).length
        const hole = tail.indexOf(0)
        if (tail.length === 0) seen.add('nothing')
        else if (written === 20_000) seen.add('everything')
        else if (hole === -1) seen.add('torn')
        else seen.add(tail.lastIndexOf(2) > hole ? 'hole before data' : 'zeros at the end')
        for (const byte of tail) assert.ok(byte === 0 || byte === 2)
      }
      for (const fate of ['nothing', 'everything', 'torn', 'hole before data']) assert.ok(seen.has(fate), fate)
    })

  test('a sync that was not answered promises nothing, and writes after its beginning are not covered', async () => {
    let lost = 0
    for (let seed = 0; seed < 60; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      const file = disk.open('/data/x', 'write')
      await world.complete(disk.syncFolder('/data'))
      file.write(bytesOf('covered '), 0)
      const sync = file.sync()
      file.write(bytesOf('not covered'), 8)
      await world.complete(sync)
      host.crash()
      const text = textOf(again().readFile('/data/x'))
      assert.equal(text.slice(0, 8), 'covered ')
      if (text !== 'covered not covered') lost++
    }
    assert.ok(lost > 10, `${lost} of 60 lost the uncovered write`)
  })

  test('overwritten bytes come back as they were or as they were to be', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      const file = disk.open('/data/x', 'write')
      file.write(bytesOf('old'), 0)
      await world.complete(Promise.all([file.sync(), disk.syncFolder('/data')]))
      file.write(bytesOf('new'), 0)
      host.crash()
      seen.add(textOf(again().readFile('/data/x')))
    }
    assert.ok(seen.has('old') && seen.has('new'))
  })

  test('a name is there for certain only once its folder was synced; a rename is all or nothing', async () => {
    const fates = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      const file = disk.open('/data/kept', 'write')
      file.write(bytesOf('kept'), 0)
      await world.complete(Promise.all([file.sync(), disk.syncFolder('/data')]))
      await world.complete(disk.open('/data/created', 'write').sync())
      disk.rename('/data/kept', '/data/renamed')
      host.crash()
      const names = again()
        .list('/data')
        .map((entry) => entry.name)
      fates.add(names.join(' '))
      assert.equal(names.filter((name) => name === 'kept' || name === 'renamed').length, 1)
    }
    assert.deepEqual([...fates].sort(), ['created kept', 'created renamed', 'kept'])
  })

  test('a folder whose own name was not synced takes everything in it along', async () => {
    let gone = 0
    for (let seed = 0; seed < 20; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      disk.makeFolder('/data/topic')
      const file = disk.open('/data/topic/log', 'write')
      await world.complete(Promise.all([file.sync(), disk.syncFolder('/data/topic')]))
      host.crash()
      if (again().stat('/data/topic/log') === undefined) gone++
    }
    assert.ok(gone > 0 && gone < 20, `${gone} of 20`)
  })

  test('replacing a file leaves the old or the new content, wherever the power cut falls', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 80; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      await world.complete(disk.replaceFile('/data/x', bytesOf('old')))
      const replaced = disk.replaceFile('/data/x', bytesOf('new'))
      let done = false
      void replaced.then(() => {
        done = true
      })
      await world.run({ untilMs: world.now + (seed % 8) / 2 })
      host.powerOff()
      const text = textOf(again().readFile('/data/x'))
      assert.ok(text === 'old' || text === 'new', text)
      if (done) assert.equal(text, 'new')
      seen.add(`${text} ${done}`)
    }
    assert.deepEqual([...seen].sort(), ['new false', 'new true', 'old false'])
  })

  test('replacing a file fails without a trace when the device does', async () => {
    const { world, host, disk } = onDisk(1)
    await world.complete(disk.replaceFile('/data/x', bytesOf('old')))
    host.disk.failure = (operation) => (operation === 'sync' ? 'EIO' : undefined)
    await assert.rejects(world.complete(disk.replaceFile('/data/x', bytesOf('new'))), code('EIO'))
    assert.equal(textOf(disk.readFile('/data/x')), 'old')
    assert.deepEqual(disk.list('/data'), [{ name: 'x', kind: 'file' }])
  })

  test('killing the process alone loses no write, closes its files and frees its lock', async () => {
    const { world, host, disk, again } = onDisk(1)
    await world.complete(disk.lockFolder('/data', 'first'))
    await assert.rejects(world.complete(disk.lockFolder('/data', 'second')), code('EBUSY'))
    const file = disk.open('/data/x', 'write')
    file.write(bytesOf('written'), 0)
    assert.deepEqual(host.open()?.files, ['/data/x'])
    host.kill()
    assert.throws(() => file.write(bytesOf('by the dead'), 0))
    const next = again()
    assert.equal(textOf(next.readFile('/data/x')), 'written')
    assert.deepEqual(host.open()?.files, [])
    const lock = await world.complete(next.lockFolder('/data', 'third'))
    lock.release()
    assert.deepEqual(host.open()?.locks, [])
  })

  test('a dead process is never answered', async () => {
    const { world, host, disk } = onDisk(1)
    const file = disk.open('/data/x', 'write')
    let answered = false
    const sync = file.sync().finally(() => {
      answered = true
    })
    host.kill()
    void file.sync().finally(() => {
      answered = true
    })
    await world.run({ untilMs: 1000 })
    assert.equal(answered, false)
    assert.ok(sync)
  })
})

test('a failed sync has lost its writes: no later sync brings them back, only writing them again', async () => {
  let lost = 0
  for (let seed = 0; seed < 40; seed++) {
    const { world, host, disk, again } = onDisk(seed)
    const file = disk.open('/data/x', 'write')
    file.write(new Uint8Array(4096).fill(1), 0)
    file.write(new Uint8Array(4096).fill(1), 4096)
    await world.complete(disk.syncFolder('/data'))
    host.disk.failure = (operation) => (operation === 'sync' ? 'EIO' : undefined)
    await assert.rejects(world.complete(file.sync()), code('EIO'))
    host.disk.failure = undefined
    file.write(new Uint8Array(4096).fill(2), 4096)
    await world.complete(file.sync())
    host.crash()
    const after = again().readFile('/data/x')
    assert.equal(after[4096], 2, 'written again and synced')
    if (after[0] === 0) lost++
  }
  assert.ok(lost > 5, `${lost} of 40 lost the page`)
})

test('of two syncs in flight the one that fails has lost the writes of both', async () => {
  let lost = 0
  for (let seed = 0; seed < 40; seed++) {
    const { world, host, disk, again } = onDisk(seed)
    const file = disk.open('/data/x', 'write')
    await world.complete(disk.syncFolder('/data'))
    file.write(new Uint8Array(100).fill(1), 0)
    let answers = 0
    host.disk.failure = (operation) => (operation === 'sync' && answers++ === 0 ? 'EIO' : undefined)
    const outcomes = await world.complete(Promise.allSettled([file.sync(), file.sync()]))
    assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
    host.crash()
    if (again().readFile('/data/x')[0] !== 1) lost++
  }
  assert.ok(lost > 5, `${lost} of 40`)
})

test('a slow sync of a folder does not bring back what was removed meanwhile', () => {
  const tree = new FileTree()
  tree.createFile('/x')
  const [quick, slow] = [tree.beginSync(tree.root), tree.beginSync(tree.root)]
  quick()
  tree.remove('/x')
  tree.beginSync(tree.root)()
  slow()
  tree.crash(new SeededRandom(1, 'crash'))
  assert.equal(tree.find('/x'), undefined)
})

test('a fork of a disk crashes as the disk would, by the same seed, and the disk has lost nothing', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { world, host, disk } = onDisk(seed)
    const file = disk.open('/data/x', 'write')
    file.write(bytesOf('synced'), 0)
    await world.complete(file.sync())
    await world.complete(disk.syncFolder('/data'))
    file.write(new Uint8Array(9000).fill(7), 3)
    const pending = disk.open('/data/y', 'write')
    pending.write(bytesOf('pending'), 0)
    disk.rename('/data/y', '/data/z')
    const before = treeText(host.disk.tree)
    const fork = host.disk.tree.fork()
    assert.equal(treeText(fork), before)
    fork.crash(new SeededRandom(seed, 'cut'))
    assert.equal(treeText(host.disk.tree), before)
    host.disk.tree.crash(new SeededRandom(seed, 'cut'))
    assert.equal(treeText(fork), treeText(host.disk.tree))
  }
})

function treeText(tree: FileTree): string {
  return [...tree.filesBelow('/data')]
    .map(([path, file]) => {
      const bytes = new Uint8Array(file.size)
      file.read(bytes, 0)
      return `${path} ${Buffer.from(bytes).toString('hex')}`
    })
    .join('\n')
}
