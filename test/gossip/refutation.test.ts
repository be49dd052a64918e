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

  test('who still says what was refuted missed the refutation, and is told, once a second', () => {
    for (const accused of [us, 'a']) {
      for (const kind of ['suspect', 'dead'] as const) {
        const { swim, awareness, queued, reminders } = start(['a', 'b'])
        const own = { addr: Uint8Array.of(10, 0, 0, accused === us ? 1 : 2), port: accused === us ? 1 : 2 }
        const accuse = (from: string, nowMs: number): void => {
          if (kind === 'suspect') swim.suspect(suspect(accused, from, 2), nowMs)
          else swim.dead(dead(accused, from, 2), nowMs)
        }
        if (accused === us) accuse('b', 0)
        else swim.alive(alive('a', 3, own), 0)
        queued()
        for (const nowMs of [0, 500, 1000]) accuse('b', nowMs)
        assert.deepEqual(reminders, [[alive(accused, 3, own)], [alive(accused, 3, own)]])
        for (const from of [us, accused, 'stranger']) accuse(from, 5000)
        assert.equal(reminders.length, 2, 'nobody who would not hear it, or knows')
        assert.deepEqual(queued(), [])
        assert.equal(awareness.score, accused === us ? 1 : 0, 'the same accusation all along')
        swim.leave(6000, () => undefined)
        queued()
        if (accused === us) accuse('b', 9000)
        assert.equal(reminders.length, 2)
      }
    }
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

  test('who asks us and is not alive to us is told what we hold of it, once a second; who is alive, or nobody, nothing', () => {
    const { swim } = start(['a', 'b', 'c', 'd'])
    swim.dead(dead('a', 'b', 1), 0)
    swim.dead(dead('c', 'c', 4), 0)
    swim.suspect(suspect('d', 'b', 1), 0)
    assert.deepEqual(swim.beliefOf('a', 5000), dead('a', us, 1))
    assert.equal(swim.beliefOf('a', 5500), undefined)
    assert.deepEqual(swim.beliefOf('a', 6000), dead('a', us, 1))
    assert.deepEqual(swim.beliefOf('c', 6000), dead('c', us, 4))
    assert.deepEqual(swim.beliefOf('stranger', 6000), dead('stranger', us, 0), 'which any number contradicts')
    for (const name of ['b', 'd', us, '']) assert.equal(swim.beliefOf(name, 6000), undefined, name)
    swim.leave(7000, () => undefined)
    for (const name of ['a', us, 'stranger']) assert.equal(swim.beliefOf(name, 9000), undefined, name)
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
