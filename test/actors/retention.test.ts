/** Retention and deletion on whole nodes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { connect } from '../../src/client/client.ts'
import type { NodeSettings } from '../../src/config.ts'
import { TopicEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import type { LogView } from '../../src/log/journal.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { Cluster, filesIn } from '../replication/cluster.ts'

const small = { segmentMaxBytes: 64 * 1024, maxBatchBytes: 32 * 1024 }
const large = 'x'.repeat(20_000)

async function started(names: string[], settings: NodeSettings = {}) {
  const cluster = new Cluster({ settings: { ...small, ...settings } })
  await cluster.startAll(...names)
  const client = (name: string) => {
    const { env, ip } = cluster.host(name)
    return connect({ addresses: [{ host: ip, port: 8400 }], env })
  }
  return {
    cluster,
    /** One call at this node, by the client library. */
    async ask<T>(name: string, use: (one: ReturnType<typeof client>) => Promise<T>): Promise<T> {
      const one = client(name)
      try {
        return await cluster.world.complete(use(one))
      } finally {
        one.close()
      }
    },
    async write(name: string, count: number) {
      for (let n = 0; n < count; n++) await cluster.produce(name, large)
    },
    log: (at: string, { name, epoch }: { name: string; epoch: string }): LogView | undefined =>
      cluster.log(at, name, epoch),
    /** Stops all, and holds their folders against each other. */
    async end() {
      await cluster.stopAll()
      const all = new MemoryDisk()
      const hosts = [...cluster.world.hosts.values()]
      for (const { name, env } of hosts) {
        const paths = ['/data/format', ...filesIn(env.disk, '/data/topics')]
        for (const path of paths) all.put(`/${name}${path}`, env.disk.readFile(path))
      }
      const folders = hosts.map(({ name }) => `/${name}/data`)
      const findings = [...verifyDataDirs(all, folders)]
      assert.ok(findings.length >= hosts.length)
      assert.deepEqual(findings.filter(isHarm), [])
    },
  }
}

test('a topic keeps so many bytes on each node, its newest, and its readers learn where it begins', async () => {
  const { cluster, write, log, ask, end } = await started(['a', 'b'], { retentionBytes: 200_000 })
  const a = cluster.node('a')
  await write('a', 30)
  const logs = () => ['a', 'b'].map((name) => log(name, a)!)
  await cluster.until(() => logs().every((log) => log?.end === 30 && log.start > 0 && log.bytes <= 200_000))
  for (const log of logs()) {
    assert.ok(log.bytes > 100_000, 'no more went than had to')
    assert.ok(log.oldest > 0n && log.oldest < log.newest)
  }
  const [topic] = await ask('b', (client) => client.topics('orders'))
  const bounds = topic?.logs.find(({ origin }) => origin === 'a')
  assert.deepEqual([bounds?.start, bounds?.end], [log('b', a)?.start, 30])
  assert.ok(bounds?.oldestMs !== undefined && bounds.newestMs !== undefined && bounds.oldestMs < bounds.newestMs)
  await end()
})

test('settings that are changed on one node are in force on all, and take what they say may go', async () => {
  const { cluster, write, log, ask, end } = await started(['a', 'b', 'c'])
  const a = cluster.node('a')
  await write('a', 20)
  await cluster.until(() => ['b', 'c'].every((name) => log(name, a)?.end === 20))
  const settings = { retentionBytes: 100_000, maxRecordBytes: 30_000 }
  assert.deepEqual(await ask('b', (client) => client.setTopic('orders', settings)), settings)
  await cluster.until(() => ['a', 'b', 'c'].every((name) => (log(name, a)?.bytes ?? 0) <= 100_000))
  await assert.rejects(cluster.produce('a', 'y'.repeat(30_000)), { code: 'BATCH_TOO_LARGE' })
  const [topic] = await ask('c', (client) => client.topics('orders'))
  assert.deepEqual(topic?.settings, settings)
  await end()
})

test('by age goes what is old, on every node, also of runs that are over; what was trimmed does not come back', async () => {
  const { cluster, write, log, end } = await started(['a', 'b'], { retentionMs: 600_000 })
  const earlier = cluster.node('a')
  await write('a', 5)
  await cluster.until(() => log('b', earlier)?.end === 5)
  await cluster.world.complete(cluster.node('a').stop())
  await cluster.start('a')
  await cluster.world.run({ untilMs: cluster.world.now + 500_000 })
  assert.equal(log('b', earlier)?.start, 0)
  await cluster.until(() => ['a', 'b'].every((name) => log(name, earlier)?.start === 5), 300_000)
  await cluster.world.complete(cluster.node('b').stop())
  await cluster.start('b')
  await cluster.world.run({ untilMs: cluster.world.now + 120_000 })
  for (const name of ['a', 'b']) {
    assert.deepEqual([log(name, earlier)?.start, log(name, earlier)?.end, log(name, earlier)?.bytes], [5, 5, 0])
  }
  await end()
})

test('a wall clock that jumps a year ahead takes nothing by age at once, nor does a start under it; what is old goes', async () => {
  const hour = 3_600_000
  const { cluster, write, log, end } = await started(['a', 'b'], { retentionMs: 2 * hour })
  const [a, b] = [cluster.node('a'), cluster.node('b')]
  for (const name of ['a', 'b']) await write(name, 5)
  await cluster.until(() => log('a', b)?.end === 5 && log('b', a)?.end === 5)
  cluster.host('a').clockError.offsetMs += 365 * 24 * hour
  await cluster.world.run({ untilMs: cluster.world.now + 90_000 })
  await cluster.world.complete(a.stop())
  await cluster.start('a')
  await cluster.world.run({ untilMs: cluster.world.now + 90_000 })
  for (const name of ['a', 'b']) assert.deepEqual([log(name, a)?.start, log(name, b)?.start], [0, 0])
  cluster.host('a').clockError.offsetMs = 0
  await cluster.until(() => log('a', b)?.start !== 0 && log('b', a)?.start === 5, 3 * hour)
  await end()
})

test('a replica that was away for longer begins anew where the others begin, and so does a new one', async () => {
  const { cluster, write, log, end } = await started(['a', 'b'], { retentionBytes: 150_000 })
  const a = cluster.node('a')
  await write('a', 3)
  await cluster.until(() => log('b', a)?.end === 3)
  await cluster.world.complete(cluster.node('b').stop())
  await write('a', 30)
  await cluster.until(() => (log('a', a)?.start ?? 0) > 3)
  await cluster.start('b')
  await cluster.start('c')
  await cluster.until(() => ['b', 'c'].every((name) => log(name, a)?.end === 33))
  for (const name of ['b', 'c']) assert.ok((log(name, a)?.start ?? 0) > 3)
  await write('a', 2)
  await cluster.until(() => ['b', 'c'].every((name) => log(name, a)?.end === 35))
  await cluster.world.complete(cluster.node('b').stop())
  await cluster.start('b')
  await cluster.until(() => log('b', a)?.end === 35)
  await end()
})

test('a copy does not begin anew while somebody has it all, though the live origin has not', async () => {
  const { cluster, write, log, end } = await started(['a', 'b'])
  const a = cluster.node('a')
  await write('a', 20)
  await cluster.until(() => log('b', a)?.end === 20)
  // Only on a: b never looks, for it knows of no limit.
  const { segments } = a.journal!.segments('orders')[0]!
  await cluster.world.complete(
    a.journal!.trim({ topic: 'orders', origin: 'a', epoch: a.epoch }, segments[3]!.end, async () => true),
  )
  assert.ok((log('a', a)?.start ?? 0) > 0)
  await cluster.start('c')
  await cluster.until(() => log('c', a)?.end === 20)
  assert.equal(log('c', a)?.start, 0)
  await write('a', 1)
  await cluster.until(() => log('c', a)?.end === 21)
  await end()
})

test('a deleted topic is gone on every node, also on those that were cut off or away, and comes back with new records', async () => {
  const { cluster, write, log, ask, end } = await started(['a', 'b', 'c', 'd'])
  const [a, b] = [cluster.node('a'), cluster.node('b')]
  await write('a', 6)
  await write('b', 6)
  const has = (name: string) => log(name, a)?.end === 6 && log(name, b)?.end === 6
  await cluster.until(() => ['a', 'b', 'c', 'd'].every(has))
  await cluster.world.complete(cluster.node('d').stop())
  cluster.world.partition([['a', 'c'], ['b']])
  await ask('a', (client) => client.deleteTopic('orders'))
  assert.deepEqual(await ask('a', (client) => client.topics()), [])
  await write('a', 1)
  await cluster.until(() => log('c', a)?.end === 7 && log('c', a)?.start === 6)
  assert.equal(log('b', b)?.start, 0, 'the other side has not heard of it')
  cluster.world.heal()
  await cluster.start('d')
  const gone = (name: string) => log(name, a)?.start === 6 && log(name, b)?.start === 6
  await cluster.until(() => ['a', 'b', 'c', 'd'].every((name) => gone(name) && log(name, a)?.end === 7), 120_000)
  // It gives the disk back, but for the segment in which the new life has begun.
  await cluster.until(() => ['a', 'b', 'c', 'd'].every((name) => log(name, b)?.bytes === 0), 120_000)
  await write('b', 1)
  await cluster.until(() => ['a', 'b', 'c', 'd'].every((name) => log(name, b)?.end === 7))
  for (const name of ['a', 'b', 'c', 'd']) {
    const [topic] = await ask(name, (client) => client.topics('orders'))
    assert.deepEqual(
      topic?.logs.map(({ start, end }) => [start, end]),
      [
        [6, 7],
        [6, 7],
      ],
    )
  }
  await end()
})

test('a deletion that reaches a node before the records keeps them hidden there', async () => {
  const { cluster, write, log, end } = await started(['a'])
  const a = cluster.node('a')
  await write('a', 3)
  const deletedAt = a.journal!.timestamp()
  await write('a', 1)
  const late = await cluster.start('b')
  const entry = create(TopicEntrySchema, { version: topicVersion, deletedAt })
  await cluster.world.complete(late.catalog!.put(topicKey('orders'), topicKind.encode(entry)))
  await cluster.until(() => ['a', 'b'].every((name) => log(name, a)?.end === 4 && log(name, a)?.start === 3))
  await end()
})
