import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createActor, fromCallback, SimulatedClock, setup } from 'xstate'
import type { Peer } from '../../machines/messages.ts'
import { crashLimit } from '../../machines/reconcile.ts'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { orderlyMachine } from '../../src/actors/orderly-machine.ts'

type Says = (event: { type: string; [key: string]: unknown }) => void

const node2: Peer = { name: 'node-2', epoch: 'e1', address: '127.0.0.1:2' }

/** The supervisor with children that only say what they are told to, and write down what becomes of them. */
function start() {
  const diary: string[] = []
  const say = new Map<string, Says>()
  const clock = new SimulatedClock()
  const part = (name: string) =>
    fromCallback<{ type: string }>(({ sendBack, receive }) => {
      diary.push(`${name} begins`)
      say.set(name, sendBack as Says)
      receive(({ type }) => diary.push(`${name} is told to ${type}`))
      return () => void diary.push(`${name} ends`)
    })
  const replicator = orderlyMachine(
    setup({
      types: { input: {} as { peer: Peer } },
      actors: { body: part('replicator') },
      actions: {
        crash: () => {
          throw new Error('a bug')
        },
      },
    }).createMachine({
      invoke: { id: 'body', src: 'body' },
      on: { crash: { actions: 'crash' } },
    }),
  )
  const machine = orderlyMachine(
    supervisorMachine.provide({
      actors: {
        journal: part('journal') as never,
        server: part('server') as never,
        membership: part('membership') as never,
        replicator: replicator as never,
      },
    }),
  )
  const actor = createActor(machine, {
    clock,
    input: { node: 'node-1', epoch: 'e0' },
    logger: () => {},
  })
  actor.subscribe({ error: () => {} })
  actor.start()
  const says = (name: string, type: string, more: object = {}) => say.get(name)!({ type, ...more })
  const up = () => {
    says('journal', 'journal.opened')
    says('server', 'server.listening', { rpcAddress: '127.0.0.1:1', httpAddress: null })
    says('membership', 'membership.joined')
  }
  const crashReplicator = () => actor.getSnapshot().children['replicator/node-2']!.send({ type: 'crash' } as never)
  return { actor, diary, clock, says, up, crashReplicator }
}

describe('the supervisor', () => {
  it('opens its parts in order and closes them in reverse', () => {
    const { actor, diary, says, up } = start()
    up()
    assert.equal(actor.getSnapshot().matches({ up: { clustered: { running: 'serving' } } }), true)
    actor.send({ type: 'stop' })
    says('membership', 'membership.left')
    says('server', 'server.closed')
    says('journal', 'journal.closed')
    assert.equal(actor.getSnapshot().matches('stopped'), true)
    assert.deepEqual(diary, [
      'journal begins',
      'server begins',
      'membership begins',
      'membership is told to leave',
      'membership ends',
      'server is told to drain',
      'server ends',
      'journal is told to close',
      'journal ends',
    ])
  })

  it('goes on alone when nobody answers in time', () => {
    const { actor, says, clock } = start()
    says('journal', 'journal.opened')
    says('server', 'server.listening', { rpcAddress: '127.0.0.1:1', httpAddress: null })
    assert.equal(actor.getSnapshot().matches({ up: { clustered: 'joining' } }), true)
    clock.increment(5000)
    assert.equal(actor.getSnapshot().matches({ up: { clustered: 'running' } }), true)
    actor.stop()
  })

  it('is ready only when it has caught up with the peers it knows', () => {
    const { actor, says } = start()
    says('journal', 'journal.opened')
    says('server', 'server.listening', { rpcAddress: '127.0.0.1:1', httpAddress: null })
    says('membership', 'member.joined', { peer: node2 })
    says('membership', 'membership.joined')
    assert.equal(actor.getSnapshot().matches({ up: { clustered: { running: 'catchingUp' } } }), true)
    actor.send({ type: 'replicator.streaming', name: 'node-2' })
    actor.send({ type: 'replicator.caughtUp', name: 'node-2' })
    assert.equal(actor.getSnapshot().matches({ up: { clustered: { running: 'serving' } } }), true)
    actor.stop()
  })

  for (const [who, type] of [
    ['server', 'server.failed'],
    ['membership', 'membership.failed'],
    ['journal', 'journal.failed'],
  ] as const) {
    it(`stops the node when the ${who} fails, and lets everything go`, () => {
      const { actor, diary, says, up } = start()
      up()
      says('membership', 'member.joined', { peer: node2 })
      const reason = { code: 'INTERNAL', message: 'broken' }
      says(who, type, { reason })
      if (who === 'journal') says('server', 'server.closed')
      says('journal', 'journal.closed')
      assert.equal(actor.getSnapshot().matches('failed'), true)
      assert.deepEqual(actor.getSnapshot().context.reason, reason)
      for (const part of ['journal', 'server', 'membership', 'replicator']) {
        assert.equal(diary.filter((line) => line === `${part} ends`).length, 1, part)
      }
    })
  }

  it('lets answers go out when a log fails, but waits for nothing that may never come', () => {
    const { actor, diary, says, up, clock } = start()
    up()
    const reason = { code: 'LOG_FAILED', message: 'EIO' }
    says('journal', 'journal.failed', { reason })
    assert.equal(actor.getSnapshot().matches({ up: 'failing' }), true)
    assert.deepEqual(diary.slice(-2), ['membership ends', 'server is told to drain'])
    says('journal', 'journal.failed', { reason: { code: 'LOG_FAILED', message: 'another one' } })
    clock.increment(1000)
    assert.equal(diary.at(-1), 'journal is told to close')
    clock.increment(1000)
    assert.equal(actor.getSnapshot().matches('failed'), true)
    assert.deepEqual(actor.getSnapshot().context.reason, reason)
  })

  it('starts one replicator a peer, parks it, resumes it and stops it', () => {
    const { actor, diary, says, up } = start()
    up()
    const of = (type: string) => says('membership', type, { peer: node2, name: node2.name })
    of('member.joined')
    of('member.joined')
    of('member.updated')
    assert.deepEqual(
      Object.keys(actor.getSnapshot().children).filter((id) => id.startsWith('replicator/')),
      ['replicator/node-2'],
    )
    assert.equal(diary.filter((line) => line === 'replicator begins').length, 1)
    of('member.failed')
    assert.equal(actor.getSnapshot().context.replicas[0]!.order, 'park')
    of('member.joined')
    assert.equal(actor.getSnapshot().context.replicas[0]!.order, 'run')
    of('member.left')
    assert.deepEqual(actor.getSnapshot().context.replicas, [])
    assert.equal(diary.at(-1), 'replicator ends')
    actor.stop()
  })

  it('is no peer of itself', () => {
    const { actor, says, up } = start()
    up()
    says('membership', 'member.updated', { peer: { ...node2, name: 'node-1' } })
    assert.deepEqual(actor.getSnapshot().context.peers, [])
    actor.stop()
  })

  it('restarts a crashed replicator after a pause, a limited number of times, and never falls itself', () => {
    const { actor, diary, clock, says, up, crashReplicator } = start()
    up()
    says('membership', 'member.joined', { peer: node2 })
    for (let crash = 1; crash <= crashLimit; crash++) {
      crashReplicator()
      assert.equal(diary.filter((line) => line === 'replicator ends').length, crash, 'what it held is released')
      clock.increment(1000)
    }
    assert.equal(actor.getSnapshot().status, 'active')
    assert.equal(diary.filter((line) => line === 'replicator begins').length, crashLimit)
    says('membership', 'member.updated', { peer: { ...node2, epoch: 'e2' } })
    assert.equal(diary.filter((line) => line === 'replicator begins').length, crashLimit + 1)
    actor.stop()
  })
})
