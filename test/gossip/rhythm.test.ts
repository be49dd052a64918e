import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pushPullDelayMs } from '../../src/gossip/push-pull-delay.ts'
import { startCluster } from './joined-cluster.ts'

const intervals = 5

describe('after their joins members exchange state every interval, and the first time one interval later', () => {
  for (const count of [5, 40]) {
    test(`${count} members`, () => {
      const { cluster, nodes } = startCluster(61, count)
      const intervalMs = pushPullDelayMs(cluster.profile.pushPullIntervalMs, count)
      const openedMs = new Map(nodes.map(({ at }) => [at.port, [] as number[]]))
      cluster.run(5000 - cluster.nowMs)
      cluster.link = ({ port }, _to, medium) => {
        if (medium === 'stream') openedMs.get(port)?.push(cluster.nowMs)
        return true
      }
      cluster.run(intervalMs - cluster.nowMs)
      assert.deepEqual([...openedMs.values()].flat(), [], 'they have just exchanged it')
      cluster.run(intervals * intervalMs)
      for (const [port, times] of openedMs) {
        assert.ok(times.length === intervals || times.length === intervals - 1, `${port}: ${times.length} times`)
        const gaps = times.slice(1).map((atMs, index) => Math.round(atMs - (times[index] as number)))
        assert.deepEqual(new Set(gaps), new Set([intervalMs]), `${port}`)
      }
    })
  }
})
