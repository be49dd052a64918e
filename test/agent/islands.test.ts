import { after, describe, test } from 'node:test'
import { freePort } from '../interop/serf-agent.ts'
import { Stage } from './stage.ts'

describe('two halves of a cluster that came up apart', () => {
  const stage = new Stage()
  after(() => stage.end())

  test('find each other, although nobody in either of them is alone, by a seed that comes up later', async () => {
    const seed = `127.0.0.1:${await freePort()}`
    const a = await stage.start('a')
    const b = await stage.start('b', { join: [a, seed], words: ['--join-retry-max-ms', '1000'] })
    await stage.together([a, b])
    const c = await stage.start('c')
    const d = await stage.start('d', { join: [c] })
    await stage.together([c, d])
    // It knows nobody of the first half, and nobody of the first half has been able to ask it.
    const e = await stage.start('e', { bind: seed, join: [d] })
    await stage.together([a, b, c, d, e])
  })
})
