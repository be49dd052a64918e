import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Query } from '../../src/actors/serf-member.ts'
import { fleet } from './fleet.ts'
import type { TestMember } from './member.ts'
import { type SerfAgent, withoutSerf } from './serf-agent.ts'

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (text: string) => new TextEncoder().encode(text)

async function answersTo(query: Query): Promise<string[]> {
  const answers: string[] = []
  for await (const answer of query) {
    answers.push(answer.kind === 'ack' ? `ack ${answer.from}` : `${answer.from}: ${textOf(answer.payload).trim()}`)
  }
  return answers.sort()
}

const allSee = (one: TestMember, names: string[]) =>
  one.until('all alive', () => names.every((name) => one.member(name)?.status === 'alive'))
const agentSees = (one: SerfAgent, names: string[]) =>
  one.until('all alive', (list) =>
    names.every((name) => list.some((entry) => entry.name === name && entry.status === 'alive')),
  )

describe('queries with real serf agents', { skip: withoutSerf() }, () => {
  const { agent, member } = fleet()

  test('ours are acked and answered by all, ourselves too', async () => {
    const ours = await member('ours')
    const handlers = ['query:load=echo "$SERF_SELF_NAME $(cat)"']
    await Promise.all(['t1', 't2'].map((name) => agent(name, { join: ours.at, handlers })))
    await allSee(ours, ['t1', 't2'])
    const query = ours.gossip.query('load', bytesOf('now'), { requestAck: true, relayFactor: 2, timeoutMs: 3000 })
    assert.equal(query.expected, 3)
    await ours.until('our own', ({ facts }) => facts.some((fact) => fact.kind === 'query'))
    const own = ours.facts.find((fact) => fact.kind === 'query')
    if (own?.kind === 'query') own.query.respond(bytesOf('me'))
    assert.deepEqual(await answersTo(query), ['ack ours', 'ack t1', 'ack t2', 'ours: me', 't1: t1 now', 't2: t2 now'])
  })

  test('theirs are told to us, acked and answered; the command line shows it', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    await agentSees(theirs, ['ours'])
    const shown = theirs.run('query', '-timeout=5s', '-relay-factor=1', 'uptime', 'please')
    await ours.until('the query', ({ facts }) => facts.some((fact) => fact.kind === 'query'))
    const fact = ours.facts.find(({ kind }) => kind === 'query')
    assert.ok(fact?.kind === 'query')
    assert.deepEqual([fact.query.name, textOf(fact.query.payload), fact.query.from], ['uptime', 'please', 'theirs'])
    fact.query.respond(bytesOf('three days'))
    assert.throws(() => fact.query.respond(bytesOf('four')), { message: 'response already sent' })
    const output = await shown
    assert.match(output, /Ack from 'ours'/)
    assert.match(output, /Ack from 'theirs'/)
    assert.match(output, /Response from 'ours': three days/)
    assert.match(output, /Total Acks: 2/)
    assert.match(output, /Total Responses: 1/)
  })

  test('filters by name and by tag mean the same on both sides', async () => {
    const ours = await member('ours', { tags: { role: 'db-1' } })
    const other = await member('other', { tags: { role: 'web' } })
    const theirs = await agent('theirs', { join: ours.at, tags: { role: 'db-2' } })
    const web = await agent('web', { join: ours.at, tags: { role: 'web' } })
    await other.gossip.join([`${ours.at.host}:${ours.at.port}`])
    const all = ['ours', 'other', 'theirs', 'web']
    await Promise.all([
      ...[ours, other].map((one) => allSee(one, all)),
      ...[theirs, web].map((one) => agentSees(one, all)),
    ])

    const byTag = { requestAck: true, filterTags: new Map([['role', '^db-\\pN$']]), timeoutMs: 2000 }
    const byName = { requestAck: true, filterNodes: ['web', 'other', 'nobody'], timeoutMs: 2000 }
    const [tagged, named, cliTagged, cliNamed] = await Promise.all([
      answersTo(ours.gossip.query('a', undefined, byTag)),
      answersTo(ours.gossip.query('b', undefined, byName)),
      theirs.run('query', '-timeout=2s', '-tag=role=^db-\\pN$', 'c'),
      web.run('query', '-timeout=2s', '-node=web', '-node=other', 'd'),
    ])
    assert.deepEqual(tagged, ['ack ours', 'ack theirs'])
    assert.deepEqual(named, ['ack other', 'ack web'])
    const acked = (output: string) => [...output.matchAll(/Ack from '(\w+)'/g)].map(([, name]) => name).sort()
    assert.deepEqual(acked(cliTagged), ['ours', 'theirs'])
    assert.deepEqual(acked(cliNamed), ['other', 'web'])
  })

  test('their reachability check finds us', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    await agentSees(theirs, ['ours'])
    assert.match(await theirs.run('reachability'), /Successfully received an ack from all 2 alive nodes|Success/i)
    assert.equal(
      ours.facts.some((fact) => fact.kind === 'query'),
      false,
    )
  })
})
