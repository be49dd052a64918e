import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { freePort } from '../interop/serf-agent.ts'
import { type Agent, until } from './agent.ts'
import { Stage } from './stage.ts'

describe('agents that have met once need no seeds any more', () => {
  const stage = new Stage()
  const bind = new Map<string, string>()
  let agents: Agent[] = []

  /** In this order, on their folders and at their addresses, without a single address to join. */
  const startAgain = async (...names: string[]) => {
    agents = []
    for (const name of names) agents.push(await stage.start(name, { bind: bind.get(name)! }))
    await together()
  }

  /** In their files, too. */
  const together = async () => {
    await stage.together(agents)
    for (const { name } of agents) {
      await until(
        `${name} remembers all`,
        async () => readFileSync(stage.path(name, 'serf.snapshot'), 'utf8'),
        (text) => [...bind.values()].every((place) => text.includes(place)),
      )
    }
  }

  before(async () => {
    for (const name of ['a', 'b', 'c']) {
      bind.set(name, `127.0.0.1:${await freePort()}`)
      agents.push(await stage.start(name, { bind: bind.get(name)!, join: agents.slice(0, 1) }))
    }
    await together()
  })
  after(() => stage.end())

  test('after kill -9 of all of them at once', async () => {
    await Promise.all(agents.map((agent) => agent.kill()))
    await startAgain('c', 'a', 'b')
  })

  test('after they were killed one after the other, each when the others had noticed', async () => {
    const [c, a, b] = agents as [Agent, Agent, Agent]
    await b.kill()
    await Promise.all([a, c].map((agent) => agent.logged('member failed')))
    await a.kill()
    await c.logged('member failed', c.lines.length)
    await c.kill()
    await startAgain('c', 'b', 'a')
  })

  test('after all were stopped in peace, the one that was once started without seeds included', async () => {
    for (const agent of agents) await agent.stop()
    // The last to leave knows nobody: it has to be found by those who are among themselves already.
    await startAgain('b', 'c', 'a')
  })

  test('unless they were told to forget', async () => {
    const [b] = agents as [Agent]
    await b.stop()
    const alone = await stage.start('b', { bind: bind.get('b')!, words: ['--rejoin-after-leave', 'false'] })
    const servers = await stage.client([alone]).servers()
    assert.deepEqual(
      servers.map(({ name }) => name),
      ['b'],
    )
  })
})
