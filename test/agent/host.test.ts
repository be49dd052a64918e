/** The same life of a cluster, whoever does the gossip. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KnownServer } from '../../src/index.ts'
import { withoutSerf } from '../interop/serf-agent.ts'
import { until } from './agent.ts'
import { type Host, type MembershipKind, startHost } from './host.ts'
import { Stage } from './stage.ts'

for (const kind of ['gossip of its own', 'the Serf agent of its host'] satisfies MembershipKind[]) {
  const skip = kind === 'gossip of its own' ? false : withoutSerf()
  describe(`membership by ${kind}`, { skip }, () => {
    const stage = new Stage()
    const hosts: Host[] = []
    let a: Host
    let b: Host
    let c: Host

    const start = async (name: string, options?: Parameters<typeof startHost>[3]): Promise<Host> => {
      const host = await startHost(stage, kind, name, options)
      hosts.push(host)
      return host
    }
    const seenBy = (observer: Host, name: string, holds: (seen: KnownServer | undefined) => boolean) => {
      const client = stage.client([observer.node])
      return until(
        `what ${observer.node.name} sees of ${name}`,
        async () => (await client.servers()).find((server) => server.name === name),
        holds,
        stage.agents,
      )
    }

    before(async () => {
      a = await start('a', { tags: 'zone=north' })
      b = await start('b', { join: a, tags: 'zone=south' })
      c = await start('c', { join: a })
    })
    after(async () => {
      await Promise.all(hosts.map((host) => host.kill()))
      await stage.end()
    })

    test('nodes find each other and copy from each other', async () => {
      await stage.together([a.node, b.node, c.node])
    })

    test('each node knows the addresses, runs and tags of all', async () => {
      for (const observer of [a, b, c]) {
        const servers = await stage.client([observer.node]).servers()
        for (const { node, gossipAddress } of [a, b, c]) {
          const { rpcAddress, epoch, tags } = servers.find(({ name }) => name === node.name)!
          assert.deepEqual([rpcAddress, epoch], [node.rpcAddress, node.epoch])
          assert.equal(servers.find(({ name }) => name === node.name)?.gossipAddress, gossipAddress)
          assert.equal(tags.get('zone'), { a: 'north', b: 'south' }[node.name])
        }
      }
    })

    test('a machine that dies has failed for the others, who wait for it', async () => {
      await c.kill()
      for (const observer of [a, b]) {
        const seen = await seenBy(observer, 'c', (server) => server?.status === 'failed')
        assert.equal(seen?.replicator, 'parked')
      }
    })

    test('started again it is with them, as another run', async () => {
      const { epoch } = c.node
      c = await start('c', { join: a, at: c.gossipAddress })
      assert.notEqual(c.node.epoch, epoch)
      await stage.together([a.node, b.node, c.node])
    })

    test('a node that stops in peace is nobody to copy from any more', async () => {
      await c.node.stop()
      for (const observer of [a, b]) {
        const seen = await seenBy(observer, 'c', (server) => server?.replicator === '')
        assert.equal(seen?.status, c.agent ? 'alive' : 'left', 'the machine stays when it was not ours')
      }
      if (c.agent) {
        const tags = (await c.agent.members()).find(({ name }) => name === 'c')?.tags
        assert.deepEqual(tags, {}, 'the agent carries nothing of ours')
      }
    })
  })
}
