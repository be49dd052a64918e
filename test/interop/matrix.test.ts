import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/env/env.ts'
import { formatKey } from '../../src/gossip/keys.ts'
import { keyOf } from '../gossip/sealed.ts'
import { fleet } from './fleet.ts'
import { hostPort, type TestMember } from './member.ts'
import { type SerfAgent, withoutSerf } from './serf-agent.ts'

const wires = [
  { compression: true, key: undefined },
  { compression: false, key: undefined },
  { compression: true, key: keyOf(1) },
  { compression: false, key: keyOf(1) },
]

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('all that members do with each other, ours and real agents', { skip: withoutSerf() }, () => {
  const started = fleet()

  for (const { compression, key } of wires) {
    test(`${key ? 'encrypted' : 'plain'}, ${compression ? '' : 'not '}compressed`, async () => {
      const encryption = key && { source: { key }, acceptPlain: false, sendPlain: false }
      const member = (name: string, more: { tags?: Record<string, string>; at?: Address } = {}) =>
        started.member(name, { compression, ...(encryption && { encryption }), ...more })
      const agent = (name: string, through?: TestMember | SerfAgent, more = {}) =>
        started.agent(name, {
          ...{ compression, handlers: ['query:load=echo "$SERF_SELF_NAME $(cat)"'] },
          ...(through && { join: through.at }),
          ...(key && { encrypt: formatKey(key) }),
          ...more,
        })
      const statusAtOurs = (one: TestMember, name: string, status: string) =>
        one.until(`${name} ${status}`, () => one.member(name)?.status === status)
      const statusAtTheirs = (one: SerfAgent, name: string, status: string) =>
        one.until(`${name} ${status}`, (list) => list.some((it) => it.name === name && it.status === status))
      const statusAtAll = (name: string, status: string) =>
        Promise.all([
          ...[ours, second].flatMap((one) => (one.name === name ? [] : [statusAtOurs(one, name, status)])),
          ...[theirs, other].flatMap((one) => (one.name === name ? [] : [statusAtTheirs(one, name, status)])),
        ])

      // Joins in both directions, and tags.
      const ours = await member('ours', { tags: { role: 'log' } })
      const theirs = await agent('theirs', ours, { tags: { role: 'web' } })
      const second = await member('second')
      assert.equal(await second.gossip.join([hostPort(theirs.at)]), 1)
      let other = await agent('other', theirs)
      for (const name of ['ours', 'theirs', 'second', 'other']) await statusAtAll(name, 'alive')
      await ours.gossip.setTags(new Map([['role', 'new']]))
      await other.until('our tag', (list) => list.some(({ name, tags }) => name === 'ours' && tags.role === 'new'))
      await theirs.run('tags', '-set', 'colour=red')
      await second.until('their tag', () => second.member('theirs')?.tags.get('colour') === 'red')

      // User events.
      const heard = (one: TestMember, event: string) =>
        one.until(event, ({ facts }) => facts.some((fact) => fact.kind === 'userEvent' && fact.event.name === event))
      await theirs.run('event', 'deploy', '1.2.3')
      await Promise.all([heard(ours, 'deploy'), heard(second, 'deploy')])
      await ours.gossip.sendEvent('rollback', bytesOf('1.2.2'))
      await Promise.all([theirs, other].map((one) => one.logged(/Received event: user-event: rollback/)))

      // Queries: acks and responses, with filters, by way of others too.
      const query = ours.gossip.query('load', bytesOf('now'), {
        ...{ requestAck: true, relayFactor: 2, timeoutMs: 3000, filterNodes: ['theirs', 'second'] },
      })
      const asked = second.until('the query', ({ facts }) => facts.some((fact) => fact.kind === 'query'))
      const answers: string[] = []
      const collected = (async () => {
        for await (const answer of query)
          answers.push(answer.kind === 'ack' ? `ack ${answer.from}` : textOf(answer.payload).trim())
      })()
      await asked
      const fact = second.facts.find(({ kind }) => kind === 'query')
      if (fact?.kind === 'query') fact.query.respond(bytesOf('second idle'))
      await collected
      assert.deepEqual(answers.sort(), ['ack second', 'ack theirs', 'second idle', 'theirs now'])
      const shown = await theirs.run('query', '-timeout=2s', '-relay-factor=2', '-tag', 'role=new', 'uptime')
      assert.match(shown, /Ack from 'ours'/)
      assert.match(shown, /Total Acks: 1/)

      // Held up for a while: suspected, and back as if nothing had been.
      theirs.signal('SIGSTOP')
      await other.logged(/Suspect theirs has failed/)
      theirs.signal('SIGCONT')
      await theirs.logged(/Refuting a suspect message/)
      await statusAtAll('theirs', 'alive')

      // Killed: failed for all, sent away by either side, back under the same name.
      await other.kill()
      await Promise.all([statusAtOurs(ours, 'other', 'failed'), statusAtTheirs(theirs, 'other', 'failed')])
      await ours.gossip.forceLeave('other')
      await Promise.all([statusAtOurs(second, 'other', 'left'), statusAtTheirs(theirs, 'other', 'left')])
      other = await agent('other', ours, { at: other.at })
      await statusAtAll('other', 'alive')
      second.gossip.close()
      await Promise.all([statusAtOurs(ours, 'second', 'failed'), statusAtTheirs(theirs, 'second', 'failed')])
      await theirs.run('force-leave', 'second')
      await Promise.all([statusAtOurs(ours, 'second', 'left'), statusAtTheirs(other, 'second', 'left')])
      const again = await member('second', { at: second.at })
      await again.gossip.join([hostPort(other.at)])
      await Promise.all([statusAtOurs(ours, 'second', 'alive'), statusAtTheirs(theirs, 'second', 'alive')])

      // Goodbyes in both directions.
      await again.gossip.leave()
      await Promise.all([statusAtOurs(ours, 'second', 'left'), statusAtTheirs(theirs, 'second', 'left')])
      await theirs.run('leave')
      await Promise.all([statusAtOurs(ours, 'theirs', 'left'), statusAtTheirs(other, 'theirs', 'left')])
    })
  }
})
