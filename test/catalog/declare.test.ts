import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { Declarations } from '../../src/catalog/declarations.ts'
import { declareEarlierRuns, followDeclarations } from '../../src/catalog/declare.ts'
import { catalogKinds } from '../../src/catalog/kinds.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { appendAll, bytesOf, idOf, openOn, readAll, viewOf } from '../log/scenery.ts'
import { Cluster, wipe } from '../replication/cluster.ts'
import { runOf } from './runs.ts'

/** Run `n` of node a on this disk, as a node starts it. */
async function start(disk: MemoryDisk, n: number) {
  const { journal } = await openOn(disk, { epoch: runOf(n) })
  const catalog = openCatalog({ journal, kinds: catalogKinds, report: (error) => assert.fail(error) })
  const declarations = new Declarations()
  followDeclarations(catalog, declarations)
  await declareEarlierRuns(journal, catalog, declarations)
  const said = declarations
    .marksOf('orders', 'a')
    .map(({ epoch, end, fold }) => [Number.parseInt(epoch.slice(24), 16), end, fold.number])
  return { journal, catalog, declarations, said }
}

test('a start declares the runs before it, once, each behind the one before', async () => {
  const disk = new MemoryDisk()
  const first = await start(disk, 1)
  assert.deepEqual([first.said, first.journal.logs()], [[], []])
  await appendAll(first.journal, 'orders', ['one', 'two'])
  disk.crash()
  const second = await start(disk, 2)
  assert.deepEqual(second.said, [[1, 2, 1]])
  await appendAll(second.journal, 'orders', ['three'])
  await second.journal.close()
  const third = await start(disk, 3)
  assert.deepEqual(third.said, [
    [1, 2, 1],
    [2, 1, 1],
  ])
  assert.deepEqual(third.declarations.lastOf('a'), [{ origin: 'a', epoch: runOf(3), number: 1 }])
  await third.journal.close()
  const fourth = await start(disk, 4)
  assert.deepEqual(fourth.said, third.said)
  assert.equal(fourth.journal.log({ topic: '_catalog', origin: 'a', epoch: runOf(4) }), undefined)
  await fourth.journal.close()
})

test('a log that reaches further than declared, for its tail came back from a peer, is declared again', async () => {
  const disk = new MemoryDisk()
  const other = await openOn(new MemoryDisk(), { epoch: runOf(1) })
  await appendAll(other.journal, 'orders', ['one', 'two', 'three'])
  const id = idOf('orders', 'a', runOf(1))
  const frames = readAll(viewOf(other.journal, id))
  const second = await start(disk, 2)
  await second.journal.replicate(id, bytesOf(frames.slice(0, 1)))
  await second.journal.close()
  const third = await start(disk, 3)
  assert.deepEqual(third.said, [[1, 1, 1]])
  await third.journal.replicate(id, bytesOf(frames.slice(1)))
  await third.journal.close()
  const fourth = await start(disk, 4)
  assert.deepEqual(fourth.said, [
    [1, 1, 1],
    [1, 3, 1],
  ])
  await Promise.all([fourth.journal.close(), other.journal.close()])
})

test('of others it declares nothing', async () => {
  const disk = new MemoryDisk()
  const b = await openOn(new MemoryDisk(), { node: 'b', epoch: runOf(7) })
  await appendAll(b.journal, 'orders', ['one'])
  const first = await start(disk, 1)
  const id = idOf('orders', 'b', runOf(7))
  await first.journal.replicate(id, bytesOf(readAll(viewOf(b.journal, id))))
  await first.journal.close()
  const second = await start(disk, 2)
  assert.deepEqual(second.declarations.lastOf('b'), [])
  await Promise.all([second.journal.close(), b.journal.close()])
})

test('a node that lost its disk goes on from what it had declared, once its peers have told it', async () => {
  const cluster = new Cluster()
  await cluster.startAll('a', 'b')
  const lastAt = (name: string) => {
    const { catalog } = cluster.node(name)
    return catalog?.list('run/a/') ?? []
  }
  const restart = async (how?: () => void) => {
    await cluster.world.complete(cluster.node('a').stop())
    how?.()
    await cluster.start('a')
  }
  await cluster.produce('a', 'one')
  await restart()
  await cluster.until(() => lastAt('b').length === 1)
  await cluster.produce('a', 'two', { copies: 2 })
  await restart(() => wipe(cluster.host('a').env.disk, '/data'))
  await cluster.until(() => lastAt('a').length === 1 && cluster.node('a').journal!.topicLogs('orders').length === 2)
  await restart()
  await cluster.until(() => lastAt('b').length === 2)
  await cluster.stopAll()
})
