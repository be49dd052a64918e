import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AnyActorRef, AnyMachineSnapshot } from 'xstate'
import type { StartedRecord, StoppedRecord, TransitionRecord } from '../../src/inspector/record.ts'
import { type OwnRecord, Recorder } from '../../src/inspector/recorder.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { actingNode, peer } from './acting-node.ts'

const clock = { now: () => 1_000, setTimeout: () => ({}) as never, clearTimeout: () => {} }

function recorded(limits: { maxRecords?: number } = {}) {
  const failures: unknown[] = []
  const recorder = new Recorder({ node: 'a', epoch: 'e0', clock, ...limits, failed: (error) => failures.push(error) })
  const node = actingNode(recorder.inspect)
  return { recorder, failures, ...node }
}

function transitions(records: readonly OwnRecord[], actor: string): TransitionRecord[] {
  return records.filter((each): each is TransitionRecord => each.kind === 'transition' && each.actor === actor)
}

/** The states of every living actor with a chart, as XState itself has them. */
function statesIn(actor: AnyActorRef, path: string, into = new Map<string, string[]>()): Map<string, string[]> {
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot
  if (snapshot.machine === undefined || snapshot.status !== 'active') return into
  const nodes = snapshot._nodes.filter((node) => node.type === 'atomic' || node.type === 'final')
  into.set(
    path,
    nodes.map((node) => [node.machine.id, ...node.path].join('.')),
  )
  for (const [id, child] of Object.entries(snapshot.children)) statesIn(child as AnyActorRef, `${path}/${id}`, into)
  return into
}

const replayed = (recorder: Recorder, count?: number) => {
  const replay = new NodeReplay('a')
  const { snapshot, records } = recorder.history(count)
  for (const record of [snapshot, ...records]) replay.apply(JSON.parse(JSON.stringify(record)))
  return replay
}

describe('a recorder', () => {
  it('tells of every event which transitions it took, from where to where, and what that led to', async () => {
    const { recorder, up, join, say, root } = recorded()
    await up()
    join('b')
    say('pull of b', 'pull.opened')
    say('pull of b', 'pull.caughtUp')
    root.send({ type: 'reload' })
    const { records } = recorder.history()
    const [joined] = transitions(records, 'supervisor').filter(({ event }) => event.type === 'member.joined')
    assert.deepEqual(joined, {
      kind: 'transition',
      node: 'a',
      epoch: 'e0',
      sequence: joined?.sequence,
      atMs: 1_000,
      actor: 'supervisor',
      event: {
        type: 'member.joined',
        fields: { 'peer.name': 'b', 'peer.epoch': 'e1', 'peer.address': '127.0.0.1:1' },
      },
      from: 'supervisor/membership',
      before: ['supervisor.up.clustered.running.serving'],
      after: ['supervisor.up.clustered.running.serving'],
      taken: ['supervisor.up.clustered:member.*:0'],
      sent: [],
      context: {
        peers: [{ ...peer('b'), up: true }],
        replicas: [{ peer: peer('b'), order: 'run', streaming: false, caughtUp: false, crashes: 0 }],
      },
    })
    const [opened, caughtUp] = transitions(records, 'supervisor/replicator/b')
    assert.deepEqual(opened?.sent, [
      { to: 'supervisor', type: 'replicator.streaming' },
      { to: 'supervisor/replicator/b/pull', type: 'assign' },
    ])
    assert.equal(opened?.from, 'supervisor/replicator/b/pull')
    assert.deepEqual(caughtUp?.before, ['replicator.pulling.streaming.catchingUp'])
    assert.deepEqual(caughtUp?.after, ['replicator.pulling.streaming.live'])
    const reload = transitions(records, 'supervisor').at(-1)
    assert.equal(reload?.from, null)
    assert.deepEqual(reload?.sent, [{ to: 'supervisor/server', type: 'reload' }])
  })

  it('says of an actor its own timers, of an event that nobody awaits that it led nowhere', async () => {
    const { recorder, up, join, say, clock } = recorded()
    await up()
    join('b')
    say('pull of b', 'pull.failed', { reason: { code: 'UNAVAILABLE', message: 'refused' } })
    clock.increment(60_000)
    say('pull of b', 'pull.caughtUp')
    const [failed, retried, ignored] = transitions(recorder.history().records, 'supervisor/replicator/b')
    assert.deepEqual(failed?.event.fields, { 'reason.code': 'UNAVAILABLE', 'reason.message': 'refused' })
    assert.equal(retried?.from, 'supervisor/replicator/b')
    assert.deepEqual(retried?.taken, ['replicator.backoff:xstate.after.backoff.replicator.backoff:0'])
    assert.deepEqual([ignored?.event.type, ignored?.taken], ['pull.caughtUp', []])
  })

  it('names transitions and states as the drawings do', async () => {
    const { recorder, up, join, say, clock, root } = recorded()
    await up()
    join('b')
    for (const type of ['pull.opened', 'pull.caughtUp', 'pull.fellBehind', 'pull.caughtUp']) say('pull of b', type)
    say('gossip', 'member.failed', { peer: peer('b') })
    join('b')
    clock.increment(60_000)
    root.send({ type: 'stop' })
    say('gossip', 'gossip.left')
    say('listener', 'listener.drained')
    say('journal', 'journal.closed')
    const { records } = recorder.history()
    const svg = new Map(
      ['supervisor', 'membership', 'replicator', 'server'].map((chart) => [
        chart,
        readFileSync(join_(chart), 'utf8').replaceAll('&gt;', '>'),
      ]),
    )
    const seen = records.filter((each) => each.kind === 'transition')
    assert.ok(seen.length > 20)
    for (const { taken, before, after } of seen) {
      for (const id of taken) {
        const drawing = svg.get(id.split(/[.:]/, 1)[0] as string)
        assert.ok(new RegExp(`data-on="([^"]* )?${escaped(id)}( [^"]*)?"`).test(drawing ?? ''), id)
      }
      for (const id of [...before, ...after]) {
        assert.ok(svg.get(id.split('.', 1)[0] as string)?.includes(`id="${id}"`), id)
      }
    }
    assert.deepEqual(transitions(records, 'supervisor').at(-1)?.after, ['supervisor.stopped'])
    const ends = records.filter((each): each is StoppedRecord => each.kind === 'stopped')
    assert.deepEqual(ends.at(-1), { ...ends.at(-1), actor: 'supervisor', status: 'done' })
    assert.deepEqual([...replayed(recorder).actors], [])
  })

  it('lets anybody find out where every actor stands, however much has fallen out of its ring', async () => {
    for (const maxRecords of [5, 40, 10_000]) {
      const { recorder, up, join, say, clock, root } = recorded({ maxRecords })
      await up()
      for (const name of ['b', 'c', 'd']) join(name)
      for (const name of ['b', 'c']) say(`pull of ${name}`, 'pull.opened')
      say('pull of b', 'pull.failed', { reason: { code: 'UNAVAILABLE', message: 'x' } })
      say('gossip', 'member.left', { name: 'd' })
      clock.increment(60_000)
      assert.ok(recorder.history().records.length <= maxRecords)
      for (const count of [0, 3, undefined]) {
        const replay = replayed(recorder, count)
        const charted = [...replay.actors.values()].filter(({ chart }) => chart !== null)
        assert.deepEqual(new Map(charted.map(({ actor, states }) => [actor, states])), statesIn(root, 'supervisor'))
        assert.equal(replay.sequence, recorder.sequence)
        const context = replay.actors.get('supervisor')?.context
        assert.deepEqual(context?.replicas, JSON.parse(JSON.stringify(root.getSnapshot().context.replicas)))
      }
    }
  })

  it('lets an actor end before the next one of its path begins', async () => {
    const { recorder, up, join, say } = recorded()
    await up()
    join('b')
    for (let round = 0; round < 3; round++) {
      say('pull of b', 'pull.failed', { reason: { code: 'UNAVAILABLE', message: 'x' } })
      say('gossip', 'member.failed', { peer: peer('b') })
      join('b')
    }
    const lives = recorder
      .history()
      .records.filter((each): each is StartedRecord | StoppedRecord => each.kind !== 'facts' && 'actor' in each)
      .filter(({ kind, actor }) => kind !== ('transition' as string) && actor === 'supervisor/replicator/b/pull')
      .map(({ kind }) => kind)
    assert.deepEqual(lives, ['started', 'stopped', 'started', 'stopped', 'started', 'stopped', 'started'])
  })

  it('tells whoever listens what happened, whole and in order', async () => {
    const timers: (() => void)[] = []
    const held = { ...clock, setTimeout: (work: () => void) => timers.push(work) as never }
    const recorder = new Recorder({ node: 'a', epoch: 'e0', clock: held })
    const node = actingNode(recorder.inspect)
    const heard: OwnRecord[] = []
    const unsubscribe = recorder.onRecords((records) => heard.push(...records))
    await node.up()
    node.join('b')
    assert.equal(timers.length, 1)
    timers.pop()?.()
    assert.deepEqual(heard, recorder.history().records)
    unsubscribe()
    node.join('c')
    assert.equal(timers.length, 0)
  })

  it('never throws into what it watches, and says once that it failed', async () => {
    const { recorder, failures, up, root } = recorded()
    recorder.inspect({ type: '@xstate.event', actorRef: null } as never)
    recorder.inspect(undefined as never)
    await up()
    assert.equal(failures.length, 1)
    assert.equal(root.getSnapshot().status, 'active')
    assert.ok(recorder.history().records.length > 10)
  })
})

const join_ = (chart: string) => join(import.meta.dirname, '..', '..', 'machines', 'drawings', `${chart}.svg`)
const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
