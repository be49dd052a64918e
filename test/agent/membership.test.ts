import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KnownServer, ServerState } from '../../src/index.ts'
import { freePort } from '../interop/serf-agent.ts'
import { type Agent, until } from './agent.ts'
import { Stage } from './stage.ts'

/** All but what only the answering node can say. */
const shared = (servers: readonly KnownServer[]) =>
  servers
    .map(({ self, replicator, rttMs, ...rest }) => ({ ...rest, tags: Object.fromEntries([...rest.tags].sort()) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

describe('membership of real agents', () => {
  const stage = new Stage()
  let a: Agent
  let b: Agent
  let c: Agent

  const seenBy = (observer: Agent, subject: string, status: ServerState, epoch?: string) => {
    const client = stage.client([observer])
    return until(
      `${observer.name} sees ${subject} ${status}`,
      async () => (await client.servers()).find(({ name }) => name === subject),
      (server) => server?.status === status && (epoch === undefined || server.epoch === epoch),
      stage.agents,
    )
  }

  before(async () => {
    const seed = `127.0.0.1:${await freePort()}`
    const patient = ['--join-retry-ms', '100', '--join-retry-max-ms', '1000']
    a = stage.launch('a', { join: [seed], words: [...patient, '--tags', 'zone=north'] })
    b = stage.launch('b', { join: [seed, '127.0.0.1:1'], words: [...patient, '--tags', 'zone=south,rack=7'] })
    for (const early of [a, b]) await early.logged('nobody to join answers; trying again')
    // Both gave up waiting and serve alone before there is anybody to join.
    assert.deepEqual((await a.ready()).members, ['a'])
    assert.deepEqual((await b.ready()).members, ['b'])
    c = await stage.start('c', { bind: seed })
  })
  after(() => stage.end())

  test('agents find each other although their seed comes up last', async () => {
    await stage.together([a, b, c])
  })

  test('each node tells the same of all: addresses, runs, tags', async () => {
    const views = await Promise.all([a, b, c].map(async (agent) => shared(await stage.client([agent]).servers())))
    const [first] = views
    for (const view of views) assert.deepEqual(view, first)
    for (const agent of [a, b, c]) {
      const seen = first?.find(({ name }) => name === agent.name)
      assert.equal(seen?.rpcAddress, agent.rpcAddress)
      assert.equal(seen?.gossipAddress, agent.gossipAddress)
      assert.equal(seen?.epoch, agent.epoch)
    }
    const tags = first?.map((server) => [server.tags.zone, server.tags.rack])
    assert.deepEqual(tags, [
      ['north', undefined],
      ['south', '7'],
      [undefined, undefined],
    ])
  })

  test('each node comes to know how far the others are, and names itself first', async () => {
    for (const agent of [a, b, c]) {
      const client = stage.client([agent])
      const servers = await until(
        `${agent.name} knows the way to all`,
        () => client.servers(),
        (seen) => seen.length === 3 && seen.every(({ rttMs }) => rttMs !== undefined),
        stage.agents,
      )
      assert.equal(servers[0]?.name, agent.name)
      const rtts = servers.map(({ rttMs }) => rttMs as number)
      assert.deepEqual(
        rtts,
        [...rtts].sort((one, other) => one - other),
      )
    }
  })

  test('a node that is killed has failed everywhere, and nobody copies from it', async () => {
    await c.kill()
    for (const observer of [a, b]) {
      const seen = await seenBy(observer, 'c', 'failed')
      assert.equal(seen?.replicator, 'parked')
    }
  })

  test('started again under its name it is alive everywhere, as another run', async () => {
    const again = await stage.start('c', { bind: c.gossipAddress, join: [a] })
    assert.notEqual(again.epoch, c.epoch)
    c = again
    await stage.together([a, b, c])
  })

  test('a node that leaves in peace has left everywhere', async () => {
    await c.stop()
    for (const observer of [a, b]) {
      const seen = await seenBy(observer, 'c', 'left')
      assert.equal(seen?.replicator, '', 'nobody waits for one that left')
    }
  })

  test('a name that was left may come back at another address', async () => {
    const again = await stage.start('c', { join: [b] })
    assert.notEqual(again.gossipAddress, c.gossipAddress)
    c = again
    await stage.together([a, b, c])
  })

  test('a node that lost everybody finds its seeds again when they are back', async () => {
    const bind = c.gossipAddress
    await a.kill()
    await c.kill()
    await seenBy(b, 'a', 'failed')
    await seenBy(b, 'c', 'failed')
    c = await stage.start('c', { bind })
    await stage.together([b, c])
  })
})
