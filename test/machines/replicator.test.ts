import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createActor, fromCallback, SimulatedClock } from 'xstate'
import type { PullFact } from '../../machines/messages.ts'
import { replicatorMachine } from '../../machines/replicator.ts'

const peer = { name: 'node-2', epoch: 'e1', address: '127.0.0.1:2' }
const reason = { code: 'DISK_FULL', message: 'no space' }

/** A replicator whose pull says what it is told to, and how long it waits after each failure. */
function start() {
  let say: (fact: PullFact) => void = () => {}
  const clock = new SimulatedClock()
  const actor = createActor(
    replicatorMachine.provide({
      actors: {
        pull: fromCallback(({ sendBack }) => {
          say = sendBack
        }),
      },
      actions: { tellStreaming: () => {}, tellCaughtUp: () => {}, tellLost: () => {}, tellDiverged: () => {} },
      delays: { backoff: ({ context }) => context.attempts * 1000 },
    }),
    { input: { peer }, clock },
  )
  actor.start()
  return { actor, clock, say: (fact: PullFact) => say(fact) }
}

describe('a replicator', () => {
  it('waits ever longer for a peer that answers but cannot be copied from', () => {
    const { actor, clock, say } = start()
    for (const tries of [1, 2, 3]) {
      say({ type: 'pull.opened' })
      say({ type: 'pull.failed', reason })
      assert.equal(actor.getSnapshot().value, 'backoff')
      assert.equal(actor.getSnapshot().context.attempts, tries)
      clock.increment(tries * 1000)
      assert.deepEqual(actor.getSnapshot().value, { pulling: 'dialing' })
    }
    actor.stop()
  })

  it('begins anew with short pauses once it has caught up', () => {
    const { actor, clock, say } = start()
    for (const _ of [1, 2]) {
      say({ type: 'pull.failed', reason })
      clock.increment(10_000)
    }
    say({ type: 'pull.opened' })
    say({ type: 'pull.caughtUp' })
    assert.deepEqual([actor.getSnapshot().context.attempts, actor.getSnapshot().context.reason], [0, null])
    say({ type: 'pull.failed', reason })
    assert.equal(actor.getSnapshot().context.attempts, 1)
    actor.stop()
  })
})
