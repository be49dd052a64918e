import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isUsable } from '../../src/gossip/coordinate.ts'
import { startMember } from './member.ts'
import { type SerfAgent, startSerfAgent, withoutSerf } from './serf-agent.ts'

const patienceMs = 90_000
/** Far from anything measured on one machine, however busy. */
const plausible = (rttMs: number) => rttMs > 0 && rttMs < 1000

/** Asks again and again; the answers themselves take their time. */
async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const signal = AbortSignal.timeout(patienceMs)
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    assert.equal(signal.aborted, false, `never: ${what}`)
  }
}

/** What the command line says; undefined while the agent does not know one of the two. */
async function serfRttMs(agent: SerfAgent, ...names: string[]): Promise<number | undefined> {
  const output = await agent.run('rtt', ...names).catch(() => '')
  const found = /rtt: ([\d.]+) ms/.exec(output)?.[1]
  return found === undefined ? undefined : Number(found)
}

describe('round trips, with a real serf agent', { skip: withoutSerf() }, () => {
  test('its command line estimates the way to us, and we estimate the way to it', async () => {
    const ours = await startMember('ours')
    let theirs: SerfAgent | undefined
    try {
      const agent = await startSerfAgent('theirs', { join: ours.at })
      theirs = agent
      await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')
      const seenByThem = await eventually('our coordinate there', () => serfRttMs(agent, 'ours', 'theirs'))
      assert.ok(plausible(seenByThem), `${seenByThem} ms`)
      const fromItself = await serfRttMs(agent, 'ours')
      assert.ok(fromItself !== undefined && plausible(fromItself), `${fromItself} ms`)

      const pace = () => agent.members()
      const coordinate = await eventually('its coordinate here', async () => {
        await pace()
        return ours.gossip.coordinate('theirs')
      })
      assert.equal(isUsable(coordinate), true)
      const seenByUs = await ours.gossip.rtt('theirs')
      assert.ok(seenByUs !== undefined && plausible(seenByUs), `${seenByUs} ms`)
      assert.equal(await ours.gossip.rtt('nobody'), undefined)
      assert.deepEqual(ours.gossip.stats().problems.get('malformed'), undefined)
    } finally {
      ours.gossip.close()
      await theirs?.kill()
    }
  })
})
