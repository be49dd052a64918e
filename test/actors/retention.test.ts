/** Retention and deletion on whole nodes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../replication/cluster.ts'

const small = { segmentMaxBytes: 64 * 1024, maxBatchBytes: 32 * 1024 }
const large = 'x'.repeat(20_000)

test('a topic keeps so many bytes on each node, its newest, and its readers learn where it begins', async () => {
  const cluster = new Cluster({ settings: { ...small, retentionBytes: 200_000 } })
  await cluster.startAll('a', 'b')
  const { epoch } = cluster.node('a')
  for (let n = 0; n < 30; n++) await cluster.produce('a', large)
  const logs = () => ['a', 'b'].map((name) => cluster.log(name, 'a', epoch)!)
  await cluster.until(() => logs().every((log) => log?.end === 30 && log.start > 0 && log.bytes <= 200_000))
  for (const log of logs()) {
    assert.ok(log.bytes > 100_000, 'no more went than had to')
    assert.ok(log.oldest > 0n && log.oldest < log.newest)
  }
  await cluster.stopAll()
})
