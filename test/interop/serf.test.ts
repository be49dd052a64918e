import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { profiles } from '../../src/gossip/profile.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { fleet } from './fleet.ts'
import { hostPort, type TestMember } from './member.ts'
import { type SerfAgent, type SerfMember, withoutSerf } from './serf-agent.ts'

const statusIn = (list: SerfMember[], name: string) => list.find((entry) => entry.name === name)?.status
const tagsIn = (list: SerfMember[], name: string) => list.find((entry) => entry.name === name)?.tags
const aliveIn = (list: SerfMember[]) =>
  list
    .filter(({ status }) => status === 'alive')
    .map(({ name }) => name)
    .sort()

/** Gossip is through, seen several times in a row: nobody speaks of anybody any more, and each has asked the others. */
async function whenQuiet(one: TestMember): Promise<void> {
  let looks = 0
  await one.until('quiet', ({ gossip }) => {
    const { nodes, intents } = gossip.stats().queued
    looks = nodes + intents === 0 ? looks + 1 : 0
    return looks > 6
  })
}

describe('with real serf agents', { skip: withoutSerf() }, () => {
  const { agent, member } = fleet()

  test('an agent joins us, and both see each other with tags and address', async () => {
    const ours = await member('ours', { tags: { role: 'log', zone: 'ä' } })
    const theirs = await agent('theirs', { tags: { role: 'web' }, join: ours.at })
    await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')
    assert.deepEqual(ours.member('theirs'), {
      name: 'theirs',
      ...theirs.at,
      status: 'alive',
      tags: new Map([['role', 'web']]),
      vsn: ourVsn,
    })
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    const seen = (await theirs.members()).find(({ name }) => name === 'ours')
    assert.deepEqual(seen?.tags, { role: 'log', zone: 'ä' })
    assert.equal(seen?.addr, hostPort(ours.at))
  })

  test('we join an agent, and tags that change on either side reach the other', async () => {
    const theirs = await agent('theirs')
    const ours = await member('ours', { tags: { version: '1' } })
    assert.equal(await ours.gossip.join([`theirs/${hostPort(theirs.at)}`]), 1)
    await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')

    await ours.gossip.setTags(new Map([['version', '2']]))
    await theirs.until('our new tag', (list) => tagsIn(list, 'ours')?.version === '2')
    await theirs.run('tags', '-set', 'colour=red')
    await ours.until('their new tag', () => ours.member('theirs')?.tags.get('colour') === 'red')
    assert.deepEqual(ours.storyOf('theirs'), ['joined', 'updated'])
  })

  test('an agent that is killed has failed for us, and is back after a restart under its name', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')
    await theirs.kill()
    await ours.until('theirs failed', () => ours.member('theirs')?.status === 'failed')
    assert.deepEqual(
      ours.facts.map(({ kind }) => kind),
      ['joined', 'accompanied', 'failed', 'alone'],
    )
    await agent('theirs', { join: ours.at, at: theirs.at, tags: { run: '2' } })
    await ours.until('theirs alive again', () => ours.member('theirs')?.status === 'alive')
    assert.equal(ours.member('theirs')?.tags.get('run'), '2')
  })

  test('when we vanish we have failed for an agent, and are back after a restart under our name', async () => {
    const theirs = await agent('theirs')
    const ours = await member('ours')
    await ours.gossip.join([hostPort(theirs.at)])
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    ours.gossip.close()
    await theirs.until('ours failed', (list) => statusIn(list, 'ours') === 'failed')
    const again = await member('ours', { at: ours.at, tags: { run: '2' } })
    await again.gossip.join([hostPort(theirs.at)])
    await theirs.until('ours alive again', (list) => {
      return statusIn(list, 'ours') === 'alive' && tagsIn(list, 'ours')?.run === '2'
    })
  })

  test('a restart that nobody noticed is known by its new tags at once, on both sides', async () => {
    const theirs = await agent('theirs')
    const ours = await member('ours', { tags: { run: '1' } })
    await ours.gossip.join([hostPort(theirs.at)])
    await theirs.until('ours alive', (list) => tagsIn(list, 'ours')?.run === '1')
    ours.gossip.close()
    const again = await member('ours', { at: ours.at, tags: { run: '2' } })
    await again.gossip.join([hostPort(theirs.at)])
    await theirs.until('our second run', (list) => tagsIn(list, 'ours')?.run === '2')
    assert.equal(statusIn(await theirs.members(), 'ours'), 'alive')
    assert.equal(theirs.log.includes('EventMemberFailed: ours'), false)
  })

  test('an agent that we tell that we do not know it passes that over', async () => {
    const theirs = await agent('theirs')
    const [ours, other] = [await member('ours', { tags: { run: '1' } }), await member('other')]
    for (const one of [ours, other]) await one.gossip.join([hostPort(theirs.at)])
    await theirs.until('all alive', (list) => aliveIn(list).join() === 'other,ours,theirs')
    await other.until('ours alive', () => other.member('ours')?.status === 'alive')
    await whenQuiet(other)
    ours.gossip.close()
    // Asks nobody: it is asked, every other second by each of the two, whether it is there.
    const again = await member('ours', { at: ours.at, tags: { run: '1' } })
    await again.until('other alive', () => again.member('other')?.status === 'alive')
    await whenQuiet(again)
    assert.deepEqual(aliveIn(await theirs.members()), ['other', 'ours', 'theirs'])
    assert.equal(/EventMemberFailed|\[ERR\]|Refuting/.test(theirs.log), false, theirs.log)
  })

  test('a graceful leave is one on the other side, both ways', async () => {
    const stays = await member('stays')
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: stays.at })
    await ours.gossip.join([hostPort(stays.at)])
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')

    await ours.gossip.leave()
    ours.gossip.close()
    await theirs.until('ours left', (list) => statusIn(list, 'ours') === 'left')
    assert.deepEqual(stays.storyOf('ours'), ['joined', 'left'])

    await theirs.run('leave')
    await stays.until('theirs left', () => stays.member('theirs')?.status === 'left')
    assert.deepEqual(stays.storyOf('theirs'), ['joined', 'left'])
  })

  test('an agent that leaves while states are exchanged with it has left, not failed', async () => {
    const ours = await member('ours', { profile: { ...profiles.lan, pushPullIntervalMs: 10 } })
    const theirs = await agent('theirs', { join: ours.at })
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    await theirs.run('leave')
    await ours.until('theirs gone', () => ours.storyOf('theirs').length > 1)
    assert.deepEqual(ours.storyOf('theirs'), ['joined', 'left'])
  })

  test('a user event outlives its agent with us, for agents that join us later', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    const before = ours.gossip.stats().eventTime
    await theirs.run('event', 'deploy', 'now')
    await theirs.run('leave')
    await ours.until('theirs left', () => ours.member('theirs')?.status === 'left')
    assert.equal(ours.gossip.stats().eventTime, before + 1n)
    const late = await agent('late', { join: ours.at, replay: true })
    await late.logged(/Received event: user-event: deploy/)
  })

  test('twenty members, half of them ours, all see each other; the dead are gone for all', async () => {
    const first = await member('ours-0')
    const others = await Promise.all(Array.from({ length: 9 }, (_, i) => member(`ours-${i + 1}`)))
    const theirs = await Promise.all(Array.from({ length: 10 }, (_, i) => agent(`theirs-${i}`, { join: first.at })))
    await Promise.all(others.map(({ gossip }) => gossip.join([hostPort(first.at)])))
    const ours = [first, ...others]
    const names = [...ours, ...theirs].map(({ name }) => name).sort()
    const all = (wanted: string[]) => async (one: TestMember | SerfAgent) => {
      if ('gossip' in one) await one.until('all alive', () => one.alive().join() === wanted.join())
      else await one.until('all alive', (list) => aliveIn(list).join() === wanted.join())
    }
    await Promise.all([...ours, ...theirs].map(all(names)))

    const deadAgent = theirs[3] as SerfAgent
    const deadMember = ours[4] as TestMember
    await deadAgent.kill()
    deadMember.gossip.close()
    const rest = names.filter((name) => name !== deadAgent.name && name !== deadMember.name)
    const left = [...ours, ...theirs].filter((one) => one !== deadAgent && one !== deadMember)
    await Promise.all(left.map(all(rest)))
    for (const { name, facts } of ours.filter((one) => one !== deadMember)) {
      const failed = facts.flatMap((fact) => (fact.kind === 'failed' ? [fact.member.name] : [])).sort()
      assert.deepEqual(failed, [deadMember.name, deadAgent.name].sort(), `what ${name} saw fail`)
    }
  })
})
