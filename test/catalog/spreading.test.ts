/** The catalog on whole nodes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { type TopicEntry, topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { TopicEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import { hasCode } from '../log/scenery.ts'
import { Cluster } from '../replication/cluster.ts'

const entry = (timestamp: bigint, retentionBytes: bigint) =>
  topicKind.encode(create(TopicEntrySchema, { version: topicVersion, timestamp, settings: { retentionBytes } }))

test('what two sides of a partition put is the same everywhere after it, and on a node that starts later', async () => {
  const cluster = new Cluster()
  await cluster.startAll('a', 'b', 'c')
  const bytesAt = (name: string) => {
    const value = cluster.node(name).catalog?.get(topicKey('orders'))
    return value && (topicKind.decode(value) as TopicEntry).settings?.retentionBytes
  }
  cluster.world.partition([['a'], ['b', 'c']])
  await cluster.world.complete(cluster.node('a').catalog!.put(topicKey('orders'), entry(5n, 10n)))
  await cluster.world.complete(cluster.node('b').catalog!.put(topicKey('orders'), entry(4n, 20n)))
  await cluster.until(() => bytesAt('c') === 20n)
  assert.equal(bytesAt('a'), 10n)
  cluster.world.heal()
  await cluster.until(() => ['a', 'b', 'c'].every((name) => bytesAt(name) === 10n))
  await cluster.start('d')
  await cluster.until(() => bytesAt('d') === 10n)
  await cluster.stopAll()
})

test('nobody writes to the topic of the catalog from outside', async () => {
  const cluster = new Cluster()
  await cluster.startAll('a')
  await assert.rejects(cluster.produce('a', 'x', { topic: '_catalog' }), hasCode('TOPIC_NAME_INVALID'))
  await cluster.stopAll()
})

test('on whole nodes what is outdated in it goes, everywhere, and a node that comes later knows as much', async () => {
  const cluster = new Cluster()
  await cluster.startAll('a', 'b', 'c')
  for (let n = 1; n <= 60; n++) {
    const bytes = topicKind.encode(
      create(TopicEntrySchema, { version: topicVersion, timestamp: BigInt(n), origin: 'x'.repeat(40_000) }),
    )
    const name = ['a', 'b'][n % 2] as string
    await cluster.world.complete(cluster.node(name).catalog!.put(topicKey('orders'), bytes))
  }
  const logs = (name: string) => cluster.node(name).journal!.topicLogs('_catalog')
  const bytes = (name: string) => logs(name).reduce((sum, log) => sum + log.bytes, 0)
  await cluster.until(() => bytes('c') > 2_000_000)
  await cluster.until(() => ['a', 'b', 'c'].every((name) => bytes(name) < 300_000), 180_000)
  const timestampAt = (name: string) => {
    const value = cluster.node(name).catalog?.get(topicKey('orders'))
    return value && (topicKind.decode(value) as TopicEntry).timestamp
  }
  await cluster.start('d')
  await cluster.until(() => timestampAt('d') === 60n && bytes('d') < 300_000)
  await cluster.world.complete(cluster.node('c').stop())
  await cluster.start('c')
  assert.equal(timestampAt('c'), 60n, 'by what it holds itself')
  await cluster.stopAll()
})
