/** A node whose membership is an agent that others run. */

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { parseAddress } from '../../src/address.ts'
import { freePort, type SerfAgent, startSerfAgent, withoutSerf } from '../interop/serf-agent.ts'
import { Stage } from './stage.ts'

describe('a node by the Serf agent of its host', { skip: withoutSerf() }, () => {
  const stage = new Stage()
  const agents: SerfAgent[] = []
  after(async () => {
    await Promise.all(agents.map((agent) => agent.kill()))
    await stage.end()
  })
  const agent = async (...given: Parameters<typeof startSerfAgent>): Promise<SerfAgent> => {
    const started = await startSerfAgent(...given)
    agents.push(started)
    return started
  }

  test('waits for the agent to come up, and gives a new one its tags again', async () => {
    const rpcAddress = `127.0.0.1:${await freePort()}`
    const node = stage.launch('late', { words: ['--serf-agent', rpcAddress, '--tags', 'rack=7'] })
    await node.logged('no Serf agent answers; trying again')
    const first = await agent('late', { rpcAddress })
    await node.ready()
    const carries = (one: SerfAgent) =>
      one.until('our tags', ([self]) => self?.tags.epoch === node.epoch && self.tags.rack === '7')
    await carries(first)

    await first.kill()
    await node.logged('the Serf agent is gone; its members stay as they were until it is back')
    const second = await agent('late', { rpcAddress, at: first.at })
    await node.logged('the Serf agent is back')
    await carries(second)
  })

  test('lets the agent ask seeds again where nobody was, although the agent is not alone', async () => {
    const seed = `127.0.0.1:${await freePort()}`
    const first = await agent('first')
    const own = await agent('own', { join: first.at })
    const node = stage.launch('own', {
      join: [seed],
      words: ['--serf-agent', own.rpcAddress, '--join-retry-max-ms', '1000'],
    })
    await node.ready()
    const elsewhere = await agent('elsewhere')
    await agent('seed', { at: parseAddress(seed)!, join: elsewhere.at })
    await node.logged('members that nobody here knew were met at a seed')
    await first.until('all of the other half', (members) => {
      return ['elsewhere', 'seed'].every((name) => members.some((one) => one.name === name && one.status === 'alive'))
    })
  })

  test('does not start under a name that is not the agent’s', async () => {
    const other = await agent('other')
    const node = stage.launch('mine', { words: ['--serf-agent', other.rpcAddress] })
    const { code, stderr } = await node.ended()
    assert.equal(code, 2)
    assert.match(stderr, /the Serf agent is other and this node mine: give this node that name/)
  })
})
