import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Disk, DiskError } from '../../src/env/env.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'
import { bytesOf, textOf } from './calm.ts'

function onDisk(seed = 1) {
  const world = createWorld({ seed })
  const host = world.addHost('a')
  return { world, host, disk: host.env.disk, again: () => host.start().disk }
}

const code = (expected: string) => (error: DiskError) => error.code === expected

async function store(world: World, disk: Disk, path: string, content: Uint8Array): Promise<void> {
  await world.complete(disk.replaceFile(path, content))
}

describe('a lying disk', () => {
  test('says that it has synced, and a power cut takes what it said it had', async () => {
    let lost = 0
    for (let seed = 0; seed < 30; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      const file = disk.open('/data/x', 'write')
      await world.complete(disk.syncFolder('/data'))
      host.disk.begin('lie', { kind: 'lying' })
      file.write(bytesOf('acknowledged'), 0)
      await world.complete(file.sync())
      assert.equal(textOf(disk.readFile('/data/x')), 'acknowledged')
      host.crash()
      if (textOf(again().readFile('/data/x')) !== 'acknowledged') lost++
    }
    assert.ok(lost > 10, `${lost} of 30`)
  })

  test('that has become honest has written everything, names as well', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const { world, host, disk, again } = onDisk(seed)
      host.disk.begin('lie', { kind: 'lying' })
      await store(world, disk, '/data/x', bytesOf('acknowledged'))
      host.disk.end('lie')
      host.crash()
      assert.equal(textOf(again().readFile('/data/x')), 'acknowledged')
    }
  })
})

describe('bit rot', () => {
  test('turns over one bit of what is stored, the one it is told to, for whoever reads it', async () => {
    const { world, host, disk, again } = onDisk()
    disk.makeFolder('/data/logs')
    await store(world, disk, '/data/logs/x', new Uint8Array(100))
    await store(world, disk, '/data/y', new Uint8Array(100))
    assert.equal(host.disk.rot(0.5, '/data/logs'), '/data/logs/x')
    const rotten = new Uint8Array(100)
    rotten[50] = 1
    assert.deepEqual(disk.readFile('/data/logs/x'), rotten)
    host.crash()
    assert.deepEqual(again().readFile('/data/logs/x'), rotten, 'it is on the device')
    assert.deepEqual(host.env.disk.readFile('/data/y'), new Uint8Array(100))
    assert.equal(host.disk.rot(0.5, '/nowhere'), undefined)
  })

  test('is hidden by what was written since, and gone once that is synced', async () => {
    const { world, host, disk } = onDisk()
    await store(world, disk, '/data/x', new Uint8Array(100))
    const file = disk.open('/data/x', 'write')
    file.write(new Uint8Array(100).fill(7), 0)
    host.disk.rot(0.5)
    assert.deepEqual(disk.readFile('/data/x'), new Uint8Array(100).fill(7))
    await world.complete(file.sync())
    host.crash()
    assert.deepEqual(host.start().disk.readFile('/data/x'), new Uint8Array(100).fill(7))
  })
})

describe('a disk that fails', () => {
  test('fails the operations it is told to, so many times or until it heals', async () => {
    const { world, host, disk } = onDisk()
    await store(world, disk, '/data/x', bytesOf('there'))
    host.disk.begin('twice', { kind: 'error', operations: ['read'], code: 'EIO', times: 2 })
    for (let count = 0; count < 2; count++) assert.throws(() => disk.readFile('/data/x'), code('EIO'))
    assert.equal(textOf(disk.readFile('/data/x')), 'there')
    host.disk.begin('for good', { kind: 'error', operations: ['sync', 'write'], code: 'EIO' })
    const file = disk.open('/data/x', 'write')
    assert.throws(() => file.write(bytesOf('x'), 0), code('EIO'))
    await assert.rejects(world.complete(file.sync()), code('EIO'))
    assert.equal(textOf(disk.readFile('/data/x')), 'there')
    assert.equal(host.disk.troubles.failures, 4)
    host.disk.end('for good')
    file.write(bytesOf('x'), 0)
    await world.complete(file.sync())
  })

  test('read-only: everything can be read, nothing be changed', async () => {
    const { world, host, disk } = onDisk()
    await store(world, disk, '/data/x', bytesOf('there'))
    const open = disk.open('/data/x', 'write')
    host.disk.begin('remount', { kind: 'readOnly' })
    assert.equal(textOf(disk.readFile('/data/x')), 'there')
    assert.throws(() => disk.open('/data/x', 'write'), code('EROFS'))
    assert.throws(() => disk.open('/data/new', 'write'), code('EROFS'))
    assert.throws(() => open.write(bytesOf('x'), 0), code('EROFS'))
    assert.throws(() => disk.removeFile('/data/x'), code('EROFS'))
    assert.throws(() => disk.makeFolder('/data/folder'), code('EROFS'))
    await assert.rejects(world.complete(disk.replaceFile('/data/x', bytesOf('new'))), code('EROFS'))
    host.disk.end()
    await store(world, disk, '/data/x', bytesOf('new'))
  })

  test('fills up from elsewhere, and has room again', async () => {
    const { host, disk } = onDisk()
    const file = disk.open('/data/x', 'write')
    file.write(new Uint8Array(1_000), 0)
    host.disk.begin('others', { kind: 'full', freeBytes: 100 })
    file.write(new Uint8Array(100), 1_000)
    assert.throws(() => file.write(new Uint8Array(1), 1_100), code('ENOSPC'))
    file.write(new Uint8Array(1_100), 0)
    file.truncate(500)
    file.write(new Uint8Array(600), 500)
    assert.throws(() => file.write(new Uint8Array(1), 1_100), code('ENOSPC'))
    host.disk.end('others')
    file.write(new Uint8Array(10_000), 0)
  })

  test('is slow, or hangs for a while, and then goes on', async () => {
    const { world, host, disk } = onDisk()
    const file = disk.open('/data/x', 'write')
    const syncMs = async () => {
      const beganMs = world.now
      file.write(bytesOf('x'), 0)
      await world.complete(file.sync())
      return world.now - beganMs
    }
    assert.ok((await syncMs()) < 70)
    host.disk.begin('slow', { kind: 'slow', upToMs: 100_000 })
    assert.ok((await syncMs()) > 100)
    host.disk.end()
    host.hangDisk(10_000)
    assert.ok((await syncMs()) >= 10_000)
    assert.ok((await syncMs()) < 70)
  })
})

describe('a machine', () => {
  test('with a new disk has nothing; one whose backup is put back has what it had then', async () => {
    const { world, host, disk, again } = onDisk()
    host.restoreBackup()
    await store(world, disk, '/data/x', bytesOf('old'))
    host.backUp()
    await store(world, disk, '/data/x', bytesOf('new'))
    host.kill()
    host.disk.wipe()
    assert.deepEqual(again().list('/data'), [])
    host.kill()
    host.restoreBackup()
    const restored = again()
    assert.equal(textOf(restored.readFile('/data/x')), 'old')
    await store(world, restored, '/data/x', bytesOf('newer'))
    host.crash()
    host.restoreBackup()
    assert.equal(textOf(again().readFile('/data/x')), 'old', 'the backup does not change')
  })

  test('with a copy of the disk of another has its files, and each its own from then on', async () => {
    const { world, host, disk } = onDisk()
    const other = world.addHost('b')
    await store(world, disk, '/data/x', bytesOf('of a'))
    other.kill()
    other.disk.restore(host.disk.image())
    const copy = other.start().disk
    assert.equal(textOf(copy.readFile('/data/x')), 'of a')
    await store(world, copy, '/data/x', bytesOf('of b'))
    assert.equal(textOf(disk.readFile('/data/x')), 'of a')
    other.crash()
    assert.equal(textOf(other.start().disk.readFile('/data/x')), 'of b')
  })

  test('comes up at the address of another: who knows the address reaches the new one, who knows the name the old', async () => {
    const { world, host } = onDisk()
    const [b, c] = [world.addHost('b'), world.addHost('c')]
    const [ofA, ofB] = [host.ip, b.ip]
    assert.throws(() => world.swapAddresses('a', 'b'), /between runs/)
    host.kill()
    b.powerOff()
    world.swapAddresses('a', 'b')
    const heard: string[] = []
    for (const [name, machine] of world.hosts) {
      if (name === 'c') continue
      const { datagrams } = machine.start()
      await world.complete(
        datagrams.bind({ host: machine.ip, port: 1 }, (packet) => heard.push(`${name} ${textOf(packet)}`)),
      )
    }
    assert.deepEqual([host.ip, b.ip], [ofB, ofA])
    const socket = await world.complete(c.env.datagrams.bind({ host: c.ip, port: 1 }, () => {}))
    socket.send(bytesOf('to the address of b'), { host: ofB, port: 1 })
    await world.run({ untilMs: world.now + 100 })
    assert.deepEqual(heard, ['a to the address of b'])
    assert.deepEqual(await world.complete(c.env.streams.resolve('b')), [ofA])
  })
})
