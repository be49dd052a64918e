import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fleet } from './fleet.ts'
import { hostPort } from './member.ts'
import { type SerfMember, withoutSerf } from './serf-agent.ts'

const statusIn = (list: SerfMember[], name: string) => list.find((entry) => entry.name === name)?.status

describe('members that are sent away, with real serf agents', { skip: withoutSerf() }, () => {
  const { agent, member } = fleet()

  test('a failed member has left for all when we say so', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    const dead = await agent('dead', { join: ours.at })
    await theirs.until('dead alive', (list) => statusIn(list, 'dead') === 'alive')
    await dead.kill()
    await ours.until('dead failed', () => ours.member('dead')?.status === 'failed')
    await theirs.until('dead failed', (list) => statusIn(list, 'dead') === 'failed')
    await ours.gossip.forceLeave('dead')
    assert.equal(ours.member('dead')?.status, 'left')
    await theirs.until('dead left', (list) => statusIn(list, 'dead') === 'left')
    assert.deepEqual(ours.storyOf('dead'), ['joined', 'failed', 'left'])
  })

  test('and is forgotten by all when it is pruned, by their command too', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    const [one, two] = await Promise.all([agent('one', { join: ours.at }), agent('two', { join: ours.at })])
    await theirs.until('both alive', (list) => ['one', 'two'].every((name) => statusIn(list, name) === 'alive'))
    await Promise.all([one.kill(), two.kill()])
    for (const name of ['one', 'two']) {
      await ours.until(`${name} failed`, () => ours.member(name)?.status === 'failed')
      await theirs.until(`${name} failed`, (list) => statusIn(list, name) === 'failed')
    }
    await ours.gossip.forceLeave('one', { prune: true })
    await theirs.run('force-leave', '-prune', 'two')
    await ours.until('two forgotten', () => ours.member('two') === undefined)
    await theirs.until('one forgotten', (list) => statusIn(list, 'one') === undefined)
    assert.equal(ours.member('one'), undefined)
    assert.deepEqual(ours.storyOf('two'), ['joined', 'failed', 'left', 'reaped'])
  })

  test('a member that is alive contradicts, on either side', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    // An agent that has nobody else to tell does not tell whom it sends away either.
    const third = await member('third')
    await third.gossip.join([hostPort(ours.at)])
    await theirs.until('all alive', (list) => ['ours', 'third'].every((name) => statusIn(list, name) === 'alive'))
    await ours.gossip.forceLeave('theirs')
    // A contradiction is no fact; what they say after it is.
    for (let i = 1; ours.member('theirs')?.status !== 'alive'; i += 1) {
      await theirs.run('event', `still-${i}`)
      await ours.until('a sign', () => ours.facts.filter(({ kind }) => kind === 'userEvent').length === i)
    }
    await theirs.run('force-leave', 'ours')
    await theirs.until('ours alive', (list) => statusIn(list, 'ours') === 'alive')
    await theirs.run('force-leave', 'nobody')
    await ours.gossip.forceLeave('nobody')
    assert.deepEqual(ours.storyOf('theirs'), ['joined'])
  })

  test('an agent that comes second to our name has to go', async () => {
    const ours = await member('twin')
    const others = [await member('other'), await agent('judge', { join: ours.at })] as const
    await others[0].gossip.join([hostPort(ours.at)])
    await others[0].until('judge alive', (one) => one.member('judge')?.status === 'alive')
    const second = await agent('twin', { join: others[0].at })
    await second.logged(/minority in name conflict resolution/)
    await second.ended()
    assert.equal(ours.member('judge')?.status, 'alive')
    assert.equal(
      ours.facts.some(({ kind }) => kind === 'ended'),
      false,
    )
    assert.equal(others[0].member('twin')?.port, ours.at.port)
  })

  test('we have to go when we come second to the name of an agent', async () => {
    const first = await agent('twin')
    const judge = await agent('judge', { join: first.at })
    const other = await member('other')
    await other.gossip.join([hostPort(first.at)])
    await judge.until('other alive', (list) => statusIn(list, 'other') === 'alive')
    const ours = await member('twin')
    await ours.gossip.join([hostPort(judge.at)])
    await ours.until('the end', ({ facts }) => facts.some(({ kind }) => kind === 'ended'))
    const end = ours.facts.at(-1)
    assert.ok(end?.kind === 'ended')
    assert.deepEqual(
      [end.error.code, end.error.message],
      ['NAME_TAKEN', `the name twin belongs to the member at ${hostPort(first.at)}`],
    )
    assert.equal(other.member('twin')?.port, first.at.port)
    await judge.until('twin alive', (list) => statusIn(list, 'twin') === 'alive')
  })
})
