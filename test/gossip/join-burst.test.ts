import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from './cluster.ts'

const members = 50
const bursts = 8
/** Real agents take as long only until a lost message waits for the next push/pull, which is a minute away. */
const patienceMs = 2000

for (const loss of [0, 0.01]) {
  test(`${members} that join at once through one all see each other soon, ${100 * loss} % of the packets lost`, () => {
    for (let seed = 1; seed <= bursts; seed += 1) {
      const cluster = new Cluster(seed)
      cluster.loss = loss
      const nodes = Array.from({ length: members }, (_, i) => cluster.start(`node-${i}`))
      const [first, ...others] = nodes
      cluster.run(1000)
      const startMs = cluster.nowMs
      for (const other of others) cluster.join(other, first!)
      cluster.until(() => nodes.every(({ core }) => core.members().length === members))
      const tookMs = cluster.nowMs - startMs
      assert.equal(tookMs <= patienceMs, true, `seed ${seed}: ${tookMs} ms`)
    }
  })
}
