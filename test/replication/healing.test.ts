import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { Cluster, cloneFolder, filesIn, wipe } from './cluster.ts'

const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof ReeveError, String(error))
  assert.equal(error.code, expected)
  return true
}

describe('replication', () => {
  it('copies every record of every node to all nodes, each log with the same chain everywhere', async () => {
    const cluster = new Cluster()
    const nodes = await cluster.startAll('a', 'b', 'c')
    for (const { name } of nodes) for (let n = 0; n < 10; n++) await cluster.produce(name, `${name} ${n}`)
    for (const { name: origin, epoch } of nodes) {
      await cluster.until(() => nodes.every(({ name }) => cluster.log(name, origin, epoch)?.end === 10))
      const chains = new Set(nodes.map(({ name }) => cluster.log(name, origin, epoch)!.chain))
      assert.equal(chains.size, 1)
    }
    assert.equal(nodes[0]!.journal!.logs().length, 3, 'a record lives in one log only, however it travelled')
    await cluster.stopAll()
  })

  it('copies batches that it would not take from a client itself', async () => {
    const cluster = new Cluster({ settings: { maxBatchBytes: 1024 } })
    const [, b] = await cluster.startAll('a', 'b')
    const generous = await cluster.start('c', { maxBatchBytes: 4 * 1024 * 1024 })
    await cluster.produce('c', 'x'.repeat(3 * 1024 * 1024))
    await cluster.until(() => cluster.log('b', 'c', generous.epoch)?.end === 1)
    await assert.rejects(
      cluster.produce('b', 'x'.repeat(2000)),
      (error: ReeveError) => error.code === 'BATCH_TOO_LARGE',
    )
    assert.equal(cluster.log('a', 'b', b!.epoch), undefined)
    await cluster.stopAll()
  })

  it('answers once as many nodes as asked have the record fsynced', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b', 'c')
    const answer = await cluster.produce('a', 'precious', { copies: 3 })
    assert.equal(answer.copies, 3)
    for (const name of ['b', 'c']) {
      cluster.host(name).crash()
      await cluster.start(name)
      assert.equal(cluster.log(name, 'a', a!.epoch)?.end, 1, `${name} lost what it said it had`)
    }
    await cluster.stopAll()
  })

  it('refuses at once more copies than there are members, and writes nothing', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    await assert.rejects(cluster.produce('a', 'too precious', { copies: 3 }), code('COPIES_IMPOSSIBLE'))
    assert.equal(cluster.log('a', 'a', a!.epoch), undefined)
    await cluster.stopAll()
  })

  it('says where a record is and with how many copies when the deadline passes first', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b', 'c')
    cluster.world.partition([['c']])
    await assert.rejects(cluster.produce('a', 'half safe', { copies: 3, timeoutMs: 2000 }), (error) => {
      code('COPIES_PENDING')(error)
      const { origin, epoch, offset, copies } = (error as ReeveError).facts
      assert.deepEqual({ origin, epoch, offset, copies }, { origin: 'a', epoch: a!.epoch, offset: '0', copies: '2' })
      return true
    })
    cluster.world.heal()
    await cluster.until(() => cluster.log('c', 'a', a!.epoch)?.end === 1)
    await cluster.stopAll()
  })

  it('spreads the log of an origin that is gone for good from whoever holds it', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 5; n++) await cluster.produce('a', `${n}`, { copies: 2 })
    cluster.host('a').powerOff()
    await cluster.start('c')
    await cluster.until(() => cluster.log('c', 'a', a!.epoch)?.end === 5)
    await cluster.stopAll()
  })

  it('gives a node that lost its disk everything back, its own earlier run included', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.startAll('a', 'b', 'c')
    await cluster.produce('a', 'mine', { copies: 3 })
    await cluster.produce('b', 'yours', { copies: 3 })
    cluster.host('a').crash()
    wipe(cluster.host('a').start().disk, '/data')
    const again = await cluster.start('a')
    assert.notEqual(again.epoch, a!.epoch)
    await cluster.until(() => cluster.log('a', 'a', a!.epoch)?.end === 1 && cluster.log('a', 'b', b!.epoch)?.end === 1)
    await cluster.produce('a', 'new')
    await cluster.until(() => cluster.log('b', 'a', again.epoch)?.end === 1)
    await cluster.stopAll()
  })

  it('brings back the tail that a writer lost in a power cut', async () => {
    // Without fsync the writer's own disk may forget what it has acknowledged; its replicas have it.
    const cluster = new Cluster({ settings: { durability: 'os' } })
    const [a] = await cluster.startAll('a', 'b', 'c')
    for (let n = 0; n < 20; n++) await cluster.produce('a', `${n} ${'x'.repeat(500)}`)
    await cluster.until(() => cluster.log('b', 'a', a!.epoch)?.end === 20)
    const chain = cluster.log('b', 'a', a!.epoch)!.chain
    cluster.host('a').crash()
    const survived =
      (await cluster.start('a')).journal!.log({ topic: 'orders', origin: 'a', epoch: a!.epoch })?.end ?? 0
    assert.ok(survived < 20, 'the power cut took nothing: this test proves nothing')
    await cluster.until(() => cluster.log('a', 'a', a!.epoch)?.end === 20)
    assert.equal(cluster.log('a', 'a', a!.epoch)!.chain, chain)
    await cluster.stopAll()
  })

  it('lets a cloned folder write without ever giving one id two contents', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    await cluster.produce('a', 'before the copy', { copies: 2 })
    const clone = cluster.host('clone')
    cloneFolder(cluster.host('a').env, clone.env, '/data/topics')
    const twin = await cluster.start('clone')
    await cluster.produce('a', 'by the one')
    await cluster.produce('clone', 'by the other')
    await cluster.until(
      () => cluster.log('b', 'a', a!.epoch)?.end === 2 && cluster.log('b', 'clone', twin.epoch)?.end === 1,
    )
    await cluster.until(() => cluster.log('clone', 'a', a!.epoch)?.end === 2)
    await cluster.stopAll()
  })

  it('heals a copy that was damaged on disk from a peer, and serves nothing of the damage', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 8; n++) await cluster.produce('a', `${n}`, { copies: 2 })
    const chain = cluster.log('a', 'a', a!.epoch)!.chain
    await cluster.world.complete(cluster.node('b').stop())
    cluster.host('b').kill()
    const disk = cluster.host('b').start().disk
    const path = [...filesIn(disk, '/data/topics')].find((name) => name.endsWith('.log'))!
    const file = disk.open(path, 'write')
    const byte = new Uint8Array(1)
    const middle = Math.floor(file.size() / 2)
    file.read(byte, middle)
    file.write(new Uint8Array([byte[0]! ^ 0x10]), middle)
    file.close()
    await cluster.start('b')
    await cluster.until(() => cluster.log('b', 'a', a!.epoch)?.end === 8)
    assert.equal(cluster.log('b', 'a', a!.epoch)!.chain, chain)
    await cluster.stopAll()
  })

  it('never mixes two clusters that meet on one network', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    await cluster.produce('a', 'ours')
    const stranger = await cluster.start('stranger', { clusterName: 'other' })
    await cluster.produce('stranger', 'theirs')
    await cluster.world.run({ untilMs: cluster.world.now + 20_000 })
    assert.equal(cluster.log('stranger', 'a', a!.epoch), undefined)
    assert.equal(cluster.log('a', 'stranger', stranger.epoch), undefined)
    assert.deepEqual(cluster.node('a').status().wanted, ['b'])
    await cluster.stopAll()
  })

  it('parks the replicator of a failed peer, and resumes where it was when the peer is back', async () => {
    const cluster = new Cluster()
    const [, b] = await cluster.startAll('a', 'b')
    await cluster.produce('b', 'one', { copies: 2 })
    cluster.host('b').powerOff()
    await cluster.until(() => cluster.node('a').status().replicators.b === 'parked')
    assert.deepEqual(cluster.node('a').status().wanted, [])
    const again = await cluster.start('b')
    await cluster.produce('b', 'two')
    await cluster.until(() => cluster.log('a', 'b', again.epoch)?.end === 1)
    assert.equal(cluster.log('a', 'b', b!.epoch)?.end, 1)
    await cluster.until(() => cluster.node('a').status().replicators.b === 'live')
    await cluster.stopAll()
  })
})
