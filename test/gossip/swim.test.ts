import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mergeNodes, stateOf } from '../../src/gossip/merge.ts'
import { type Alive, NodeState, type PushPullNode } from '../../src/gossip/messages.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { ourVsn } from '../../src/gossip/versions.ts'

import { alive, dead, meta, start, suspect, us } from './lone-swim.ts'

describe('alive', () => {
  test('an unknown node joins and is passed on', () => {
    const { swim, seen, queued } = start()
    swim.alive(alive('a', 7), 0)
    assert.deepEqual(seen, ['a joined'])
    assert.deepEqual(
      queued().map(({ kind }) => kind),
      ['alive'],
    )
    assert.equal(swim.list.get('a')?.incarnation, 7)
  })

  test('the address is kept as it came, and its two forms are the same', () => {
    const { swim, conflicts, seen } = start()
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2)
    swim.alive(alive('a', 1, { addr: mapped }), 0)
    assert.deepEqual(stateOf(swim).find(({ name }) => name === 'a')?.addr, mapped)
    assert.equal(swim.list.get('a')?.host, '10.0.0.2')
    swim.alive(alive('a', 2, { meta: Uint8Array.of(0xff, 0x81) }), 0)
    assert.deepEqual(conflicts, [])
    assert.deepEqual(seen, ['a joined', 'a updated'])
  })

  test('what is not newer changes nothing and is not passed on', () => {
    const { swim, seen, queued } = start(['a'])
    swim.alive(alive('a', 1, { port: 2, meta: Uint8Array.of(0xff) }), 0)
    assert.deepEqual(seen, [])
    assert.deepEqual(queued(), [])
  })

  test('no name, no address, no usable versions, no or absurd incarnation, too much meta: not believed', () => {
    const { swim, seen } = start()
    const flawed: Partial<Alive>[] = [
      { node: '' },
      { node: 'x'.repeat(5000) },
      { addr: new Uint8Array() },
      { addr: new Uint8Array(5) },
      { vsn: new Uint8Array() },
      { vsn: Uint8Array.of(1, 5, 2) },
      { vsn: Uint8Array.of(0, 5, 2, 2, 5, 5) },
      { vsn: Uint8Array.of(5, 1, 2, 2, 5, 5) },
      { incarnation: 0 },
      { incarnation: 0xffff_ffff },
      { meta: new Uint8Array(5000) },
    ]
    for (const flaw of flawed) swim.alive(alive('a', 1, flaw), 0)
    assert.deepEqual(
      seen,
      flawed.map(() => 'incredible'),
    )
    swim.alive(alive('a', 1, { vsn: Uint8Array.of(1, 9, 9, 2, 5, 5) }), 0)
    assert.equal(seen.at(-1), 'incompatible')
    assert.equal(swim.list.size, 1)
  })

  test('another address is a conflict while the name lives, and welcome after it left', () => {
    const { swim, conflicts } = start(['a'])
    swim.alive(alive('a', 9, { port: 99 }), 0)
    assert.deepEqual(conflicts, [{ host: '10.0.0.2', port: 99 }])
    assert.equal(swim.list.get('a')?.port, 2)
    swim.dead(dead('a', 'a'), 0)
    swim.alive(alive('a', 1, { port: 99 }), 0)
    assert.equal(swim.list.get('a')?.port, 99)
  })

  test('a suspect that refutes from another address is there; who says less than that is a conflict', () => {
    const { swim, seen, conflicts, agenda } = start(['a'])
    swim.suspect(suspect('a', us), 0)
    swim.alive(alive('a', 1, { port: 99 }), 10)
    assert.equal(conflicts.length, 1)
    assert.equal(swim.list.get('a')?.state, NodeState.suspect)
    swim.alive(alive('a', 2, { port: 99 }), 20)
    assert.equal(conflicts.length, 1)
    assert.equal(swim.list.get('a')?.state, NodeState.alive)
    assert.equal(swim.list.get('a')?.port, 99)
    agenda.run(200_000)
    assert.deepEqual(seen, ['a updated'], 'no longer to be buried')
  })

  test('a dead name is free for another address after the reclaim time, if there is one', () => {
    for (const [deadNodeReclaimMs, port] of [
      [0, 2],
      [10_000, 99],
    ]) {
      const { swim, conflicts } = start(['a'], { ...profiles.lan, deadNodeReclaimMs: deadNodeReclaimMs as number })
      swim.dead(dead('a', 'b'), 0)
      swim.alive(alive('a', 9, { port: 99 }), 9_000)
      assert.equal(conflicts.length, 1)
      swim.alive(alive('a', 9, { port: 99 }), 11_000)
      assert.equal(swim.list.get('a')?.port, port)
    }
  })

  test('old news of a dead node: it is told, once a second, what it must refute', () => {
    const { swim, reminders } = start(['a'])
    swim.dead(dead('a', 'b', 5), 0)
    for (const nowMs of [100, 200, 300]) swim.alive(alive('a', 1, { port: 2 }), nowMs)
    assert.deepEqual(reminders, [[dead('a', us, 5)]])
    swim.alive(alive('a', 1, { port: 2 }), 1200)
    assert.equal(reminders.length, 2)
  })

  test('of two lives with one incarnation and other tags, the node hears: it knows which of them is over', () => {
    const { swim, reminders, seen } = start(['a'])
    const before = alive('a', 4, { port: 2, meta: Uint8Array.of(255, 1) })
    const after = alive('a', 4, { port: 2, meta: Uint8Array.of(255, 2) })
    swim.alive(before, 0)
    swim.alive(before, 100)
    assert.deepEqual(reminders, [])
    swim.alive(after, 200)
    swim.alive(after, 300)
    assert.deepEqual(reminders, [[before, after]])
    swim.alive(alive('a', 3, { port: 2 }), 2000)
    assert.equal(reminders.length, 1, 'smaller numbers are old news, and many')
    assert.deepEqual(seen, ['a updated'])
  })
})

describe('suspicion', () => {
  const others = ['a', 'b', 'c', 'd', 'e']

  test('ends in death when nobody refutes: late alone, early when others confirm', () => {
    const lonely = start(others)
    lonely.swim.suspect(suspect('a', 'b'), 0)
    assert.equal(lonely.agenda.nextMs, 24_000)
    const confirmed = start(others)
    for (const accuser of ['b', 'c', 'd']) confirmed.swim.suspect(suspect('a', accuser), 1000)
    assert.equal(confirmed.agenda.nextMs, 5_000)
    confirmed.agenda.run(5_000)
    assert.equal(confirmed.state('a'), NodeState.dead)
    assert.deepEqual(confirmed.seen, ['a departed'])
    assert.deepEqual(confirmed.queued(), [dead('a', us)])
  })

  test('accusers that are unknown, dead or suspect themselves, or say it twice, do not confirm', () => {
    const { swim, agenda, queued } = start(others)
    swim.dead(dead('d', 'b'), 0)
    swim.suspect(suspect('e', 'b'), 0)
    swim.suspect(suspect('a', 'b'), 0)
    queued()
    for (const accuser of ['b', 'b', 'ghost-1', 'ghost-2', 'd', 'e']) swim.suspect(suspect('a', accuser), 0)
    assert.deepEqual(queued(), [])
    assert.equal(agenda.nextMs, 24_000)
  })

  test('is over when the suspect speaks up with a higher number, not with the same', () => {
    const { swim, agenda, state, seen } = start(others)
    swim.suspect(suspect('a', 'b'), 0)
    swim.alive(alive('a', 1, { port: 2 }), 0)
    assert.equal(state('a'), NodeState.suspect)
    swim.alive(alive('a', 2, { port: 2 }), 0)
    assert.equal(state('a'), NodeState.alive)
    assert.equal(agenda.nextMs, Number.POSITIVE_INFINITY)
    assert.deepEqual(seen, [])
  })

  test('is counted by who raised it and how it ended, once however many confirm it; against ourselves, too', () => {
    const { swim, agenda } = start(others)
    swim.suspect(suspect('a', us), 0)
    for (const accuser of ['b', 'c', 'd', 'e']) swim.suspect(suspect('a', accuser), 0)
    swim.suspect(suspect('b', 'c'), 0)
    swim.alive(alive('b', 2, { port: 3 }), 0)
    swim.alive(alive('c', 2, { port: 4 }), 0)
    agenda.run(24_000)
    swim.dead(dead('d', 'e'), 24_000)
    swim.suspect(suspect(us, 'c'), 24_000)
    swim.dead(dead(us, 'c', swim.self.incarnation), 24_000)
    swim.suspect(suspect(us, 'c'), 24_000)
    assert.deepEqual(swim.census().suspicions, { raised: 1, heard: 1, refuted: 1, confirmed: 1, ofUs: 2 })
  })

  test('old or absurd accusations and those about strangers are ignored', () => {
    const { swim, state, seen } = start(others)
    swim.alive(alive('a', 5, { port: 2 }), 0)
    swim.suspect(suspect('a', 'b', 4), 0)
    swim.dead(dead('a', 'b', 4), 0)
    swim.suspect(suspect('a', 'b', 0xffff_ffff), 0)
    swim.dead(dead('a', 'b', 0xffff_ffff), 0)
    swim.suspect(suspect('nobody', 'b'), 0)
    swim.dead(dead('nobody', 'b'), 0)
    assert.equal(state('a'), NodeState.alive)
    assert.deepEqual(seen, ['incredible', 'incredible'])
  })
})

test('the dead and the left leave the list in time, we never', () => {
  const { swim } = start(['a', 'b', 'c'])
  swim.dead(dead('a', 'b'), 0)
  swim.dead(dead('b', 'b'), 0)
  swim.leave(0, () => {})
  swim.expire(30_000)
  assert.equal(swim.list.size, 4)
  swim.expire(30_001)
  assert.deepEqual([...swim.list].map(({ name }) => name).sort(), ['c', us])
})

describe('merging the state of another member', () => {
  const entry = (name: string, state: number, more: Partial<PushPullNode> = {}): PushPullNode => {
    return { name, state, incarnation: 1, addr: Uint8Array.of(10, 0, 0, 2), port: 50, meta, vsn: ourVsn, ...more }
  }

  test('the alive join, the left have left, the dead are only suspected', () => {
    const { swim, state, queued } = start(['a', 'b', 'c'])
    const problem = mergeNodes(
      swim,
      [entry('new', 0), entry('a', 1), entry('b', 2), entry('c', 3), entry('unknown', 2), entry('odd', 77)],
      0,
    )
    assert.equal(problem, undefined)
    // However many tell us, it is one accuser: ourselves.
    const accusers = queued().flatMap((message) => (message.kind === 'suspect' ? [message.from] : []))
    assert.deepEqual(accusers, [us, us])
    assert.deepEqual(['new', 'a', 'b', 'c', 'unknown', 'odd'].map(state), [0, 1, 1, 3, undefined, undefined])
  })

  test('one node that speaks another protocol: nothing is merged, and the text is that of Serf', () => {
    const { swim, state } = start()
    const p9 = entry('p9', 0, { vsn: Uint8Array.of(1, 9, 9, 2, 5, 5) })
    const d6 = entry('d6', 3, { vsn: Uint8Array.of(1, 5, 2, 2, 6, 6) })
    assert.equal(mergeNodes(swim, [entry('a', 0), p9], 0), "Node 'p9' protocol version (9) is incompatible: [1, 5]")
    assert.equal(
      mergeNodes(swim, [entry('a', 0), d6], 0),
      "Node 'd6' delegate protocol version (6) is incompatible: [2, 5]",
    )
    assert.equal(state('a'), undefined)
  })

  test('an entry without usable versions is left out and separates nobody', () => {
    const { swim, state } = start()
    const ghosts = [new Uint8Array(), Uint8Array.of(1, 5), new Uint8Array(6)].map((vsn, i) =>
      entry(`g${i}`, 0, { vsn }),
    )
    assert.equal(mergeNodes(swim, [...ghosts, entry('a', 0)], 0), undefined)
    assert.equal(state('a'), NodeState.alive)
    assert.equal(swim.list.size, 2)
  })
})
