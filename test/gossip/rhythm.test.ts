import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster } from './joined-cluster.ts'

const count = 5

test('after their joins members exchange state no more often than every interval, the first time one interval later', () => {
  const { cluster, nodes } = startCluster(61, count)
  const { pushPullIntervalMs } = cluster.profile
  const openedMs = new Map(nodes.map(({ at }) => [at.port, [] as number[]]))
  cluster.run(5000 - cluster.nowMs)
  cluster.link = ({ port }, _to, medium) => {
    if (medium === 'stream') openedMs.get(port)?.push(cluster.nowMs)
    return true
  }
  cluster.run(pushPullIntervalMs - cluster.nowMs)
  assert.deepEqual([...openedMs.values()].flat(), [], 'they have just exchanged it')
  cluster.run(10 * pushPullIntervalMs)
  for (const [port, times] of openedMs) {
    assert.ok(times.length === 10 || times.length === 9, `${port}: ${times.length} times`)
    const gaps = times.slice(1).map((atMs, index) => Math.round(atMs - (times[index] as number)))
    assert.deepEqual(new Set(gaps), new Set([pushPullIntervalMs]), `${port}`)
  }
})
