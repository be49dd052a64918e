import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mergeNodes } from '../../src/gossip/merge.ts'
import { NodeState } from '../../src/gossip/messages.ts'
import type { Swim } from '../../src/gossip/swim.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { alive, dead, meta, start, suspect, us } from './lone-swim.ts'

describe('what is said of ourselves, or is outlived', () => {
  for (const [what, accuse] of [
    ['a suspicion', (swim: Swim) => swim.suspect(suspect(us, 'a', 4), 0)],
    ['a death notice', (swim: Swim) => swim.dead(dead(us, 'a', 4), 0)],
    ['a farewell we did not say', (swim: Swim) => swim.dead(dead(us, us, 4), 0)],
    ['a later life', (swim: Swim) => swim.alive(alive(us, 4, { addr: Uint8Array.of(10, 0, 0, 1) }), 0)],
  ] as const) {
    test(`${what} is refuted one higher, at the cost of some health`, () => {
      const { swim, awareness, queued } = start(['a'])
      accuse(swim)
      assert.equal(swim.self.incarnation, 5)
      assert.equal(swim.self.state, NodeState.alive)
      assert.deepEqual(
        queued().map((message) => 'incarnation' in message && message.incarnation),
        [5],
      )
      assert.equal(awareness.score, 1)
    })
  }

  test('who still says what we have refuted missed the refutation: it is said once more, as it was', () => {
    for (const accuse of [
      (swim: Swim) => swim.suspect(suspect(us, 'a', 4), 0),
      (swim: Swim) => swim.dead(dead(us, 'a', 4), 0),
    ]) {
      const { swim, awareness, queued } = start(['a'])
      accuse(swim)
      accuse(swim)
      const [refutation, ...others] = queued()
      assert.deepEqual(others, [], 'not once more while it is being said')
      accuse(swim)
      accuse(swim)
      assert.deepEqual(queued(), [refutation])
      assert.equal(awareness.score, 1, 'the same accusation all along')
      swim.leave(0, () => undefined)
      queued()
      accuse(swim)
      assert.deepEqual(queued(), [])
    }
  })

  test('the same for another member that has refuted it', () => {
    const { swim, seen, queued } = start(['a', 'b'])
    swim.alive(alive('a', 3, { port: 2 }), 0)
    const [refutation] = queued()
    for (const accusation of [suspect('a', 'b', 2), suspect('a', 'b', 2)]) swim.suspect(accusation, 0)
    assert.deepEqual(queued(), [refutation])
    swim.dead(dead('a', 'b', 2), 0)
    assert.deepEqual(queued(), [refutation])
    swim.dead(dead('a', 'b', 3), 0)
    queued()
    swim.suspect(suspect('a', 'b', 2), 0)
    assert.deepEqual(queued(), [], 'no longer true')
    assert.deepEqual(seen, ['a departed'])
  })

  test('our own words come back: nothing to say; with other tags: refuted', () => {
    const { swim, queued } = start()
    const own = { addr: Uint8Array.of(10, 0, 0, 1) }
    swim.alive(alive(us, 1, own), 0)
    assert.deepEqual(queued(), [])
    swim.alive(alive(us, 1, { ...own, meta: Uint8Array.of(0xff, 0x81) }), 0)
    assert.equal(swim.self.incarnation, 2)
    assert.deepEqual(swim.self.meta, meta)
  })

  test('so is one that left and may have come back without a word of its goodbye', () => {
    const { swim, reminders } = start(['a'])
    swim.dead(dead('a', 'a', 5), 0)
    swim.alive(alive('a', 5, { port: 2 }), 10_000)
    assert.deepEqual(reminders, [[dead('a', us, 5)]])
  })

  test('our name at another address is contested, whether they hold us for alive there or dead', () => {
    const elsewhere = { name: us, incarnation: 3, addr: Uint8Array.of(10, 0, 0, 9), port: 1, meta, vsn: ourVsn }
    for (const state of [NodeState.alive, NodeState.dead]) {
      const { swim, seen, conflicts } = start()
      mergeNodes(swim, [{ ...elsewhere, state }], 0)
      assert.equal(seen.includes('contested'), true)
      assert.equal(conflicts.length, state === NodeState.alive ? 1 : 0)
      assert.equal(swim.self.host, '10.0.0.1')
    }
  })

  test('after leaving nothing makes us alive again', () => {
    const { swim, seen } = start(['a'])
    let finished = 0
    swim.leave(0, () => {
      finished += 1
    })
    swim.alive(alive(us, 9, { addr: Uint8Array.of(10, 0, 0, 1) }), 0)
    swim.suspect(suspect(us, 'a', 9), 0)
    swim.dead(dead(us, 'a', 9), 0)
    assert.equal(swim.self.state, NodeState.left)
    assert.deepEqual(seen, ['us departed'])
    assert.equal(finished, 0, 'only when it was sent often enough')
  })
})
