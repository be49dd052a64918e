import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReeveError } from '../../src/errors.ts'
import { allCopies } from '../../src/server/produce.ts'
import { Cluster } from './cluster.ts'

test('all copies are those of every known node: one that failed is waited for, one that left is not', async () => {
  const cluster = new Cluster({ seed: 11 })
  const [a] = await cluster.startAll('a', 'b', 'c')
  assert.equal((await cluster.produce('a', 'with three', { copies: allCopies })).copies, 3)

  cluster.host('c').kill()
  const pending = cluster.produce('a', 'with two', { copies: allCopies })
  await assert.rejects(pending, ({ code, facts }: ReeveError) => {
    assert.deepEqual([code, facts.copies, facts.wanted, facts.offset], ['COPIES_PENDING', '2', '3', '1'])
    return true
  })
  await cluster.start('c')
  await cluster.until(() => cluster.log('c', 'a', a!.epoch)?.end === 2)
  assert.equal((await cluster.produce('a', 'with three again', { copies: allCopies })).copies, 3)

  await cluster.world.complete(cluster.node('c').stop())
  await cluster.until(() => a!.status().members.length === 2)
  assert.equal((await cluster.produce('a', 'with two', { copies: allCopies })).copies, 2)
  await cluster.stopAll()
})
