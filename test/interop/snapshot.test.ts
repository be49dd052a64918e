import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, test } from 'node:test'
import { startMember, type TestMember } from './member.ts'
import { freePort, type SerfAgent, type SerfAgentOptions, startSerfAgent, withoutSerf } from './serf-agent.ts'

const agents: SerfAgent[] = []
const members: TestMember[] = []

async function agent(name: string, options?: SerfAgentOptions): Promise<SerfAgent> {
  const started = await startSerfAgent(name, options)
  agents.push(started)
  return started
}

async function member(name: string, options?: Parameters<typeof startMember>[1]): Promise<TestMember> {
  const started = await startMember(name, options)
  members.push(started)
  return started
}

const isAlive = (name: string) => (list: { name: string; status: string }[]) =>
  list.some((one) => one.name === name && one.status === 'alive')

/** Of `serf info`. */
async function timeIn(running: SerfAgent, clock: 'member' | 'event' | 'query'): Promise<number> {
  return Number(new RegExp(`${clock}_time = (\\d+)`).exec(await running.run('info'))?.[1])
}

describe('a snapshot file that passes between a real serf agent and us', { skip: withoutSerf() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-snapshots-'))
  let files = 0
  const newFile = () => join(folder, `${++files}.snapshot`)
  const place = async () => ({ host: '127.0.0.1', port: await freePort() })

  afterEach(async () => {
    for (const { gossip } of members.splice(0)) gossip.close()
    await Promise.all(agents.splice(0).map((started) => started.kill()))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Looks again whenever something was written in the folder. */
  async function written(file: string, ...patterns: RegExp[]): Promise<void> {
    const has = () => patterns.every((pattern) => pattern.test(readFileSync(file, 'utf8')))
    const watcher = watch(folder)
    const signal = AbortSignal.timeout(60_000)
    try {
      while (!has()) await once(watcher, 'change', { signal })
    } catch (error) {
      throw new Error(`${patterns.join(' ')} never stood in\n${readFileSync(file, 'utf8')}`, { cause: error })
    } finally {
      watcher.close()
    }
  }

  test('ours goes on where an agent was killed: among its members, and with no event told twice', async () => {
    const [snapshot, at] = [newFile(), await place()]
    const keeper = await agent('keeper')
    const theirs = await agent('wanderer', { at, snapshot, join: keeper.at })
    await theirs.until('the keeper', isAlive('keeper'))
    await keeper.run('event', 'before')
    await theirs.logged(/Received event: user-event: before/)
    // An agent writes what it has gathered when half a second later there is more.
    const isWritten = () => /^alive: keeper [\s\S]*^event-clock: /m.test(readFileSync(snapshot, 'utf8'))
    for (let more = 0; more < 200 && !isWritten(); more += 1) await keeper.run('event', 'more')
    assert.ok(isWritten(), readFileSync(snapshot, 'utf8'))
    await theirs.kill()
    await keeper.run('event', 'meanwhile')

    const ours = await member('wanderer', { at, snapshot })
    assert.equal(ours.member('keeper')?.status, 'failed', 'for all we know')
    assert.equal(await ours.gossip.rejoin(), 1)
    await ours.until('the keeper alive', () => ours.member('keeper')?.status === 'alive')
    const told = () => ours.facts.flatMap((fact) => (fact.kind === 'userEvent' ? [fact.event.name] : []))
    await ours.until('what it missed', () => told().includes('meanwhile'))
    assert.equal(told().includes('before'), false)
    await keeper.until('the wanderer', isAlive('wanderer'))
  })

  test('an agent goes on where we were killed, at our times', async () => {
    const [snapshot, at] = [newFile(), await place()]
    const keeper = await agent('keeper')
    const ours = await member('wanderer', { at, snapshot })
    await ours.gossip.join([`127.0.0.1:${keeper.at.port}`])
    const lost = await member('lost')
    await lost.gossip.join([`127.0.0.1:${keeper.at.port}`])
    await ours.until('both alive', () => ours.alive().length === 3)
    lost.gossip.close()
    await ours.until('one failed', () => ours.member('lost')?.status === 'failed')
    await ours.gossip.sendEvent('before')
    await written(snapshot, /^# failed: lost /m, /^event-clock: \d+$/m)
    const lines = readFileSync(snapshot, 'utf8')
    ours.gossip.close()

    const theirs = await agent('wanderer', { at, snapshot })
    await theirs.until('the keeper', isAlive('keeper'))
    await keeper.until('the wanderer', isAlive('wanderer'))
    const last = Number([...lines.matchAll(/^event-clock: (\d+)$/gm)].at(-1)?.[1])
    assert.ok((await timeIn(theirs, 'event')) > last)
    assert.doesNotMatch(theirs.log, /\[(WARN|ERR)\].*snapshot/i)
  })

  test('a leave of ours is one to an agent: it forgets, unless told to rejoin; and the other way round', async () => {
    const keeper = await agent('keeper')
    const [one, other] = [newFile(), newFile()]
    const ours = await member('ours', { snapshot: one })
    await ours.gossip.join([`127.0.0.1:${keeper.at.port}`])
    const theirs = await agent('theirs', { snapshot: other, join: keeper.at })
    await theirs.until('everybody', (list) => list.length === 3)
    await ours.until('everybody', () => ours.alive().length === 3)
    await ours.gossip.leave()
    ours.gossip.close()
    assert.match(readFileSync(one, 'utf8'), /^alive: keeper .*\nleave\n$/ms)
    await theirs.run('leave')
    await written(other, /^leave$/m)
    await theirs.kill()

    assert.deepEqual(
      (await member('forgetful', { snapshot: other })).gossip.members().map(({ name }) => name),
      ['forgetful'],
    )
    const again = await agent('rejoining', { snapshot: one, rejoin: true })
    await again.until('the keeper', isAlive('keeper'))
  })
})
