import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Agenda } from '../../src/gossip/agenda.ts'
import { Awareness } from '../../src/gossip/awareness.ts'
import { BroadcastQueue } from '../../src/gossip/broadcast-queue.ts'
import type { Endpoint } from '../../src/gossip/ip.ts'
import { decodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { mergeNodes, stateOf } from '../../src/gossip/merge.ts'
import {
  type Alive,
  type Dead,
  type Message,
  NodeState,
  type PushPullNode,
  type Suspect,
} from '../../src/gossip/messages.ts'
import { type Profile, profiles } from '../../src/gossip/profile.ts'
import type { Reminder } from '../../src/gossip/reminders.ts'
import { Swim } from '../../src/gossip/swim.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { seededRandom } from './cluster.ts'

const us = 'us'
const meta = Uint8Array.of(0xff, 0x80)

function alive(node: string, incarnation = 1, more: Partial<Alive> = {}): Alive {
  return { kind: 'alive', node, incarnation, addr: Uint8Array.of(10, 0, 0, 2), port: 1, meta, vsn: ourVsn, ...more }
}
const suspect = (node: string, from: string, incarnation = 1): Suspect => ({ kind: 'suspect', node, from, incarnation })
const dead = (node: string, from: string, incarnation = 1): Dead => ({ kind: 'dead', node, from, incarnation })

/** A node that knows the others, alive, at incarnation 1; what was queued for that is forgotten. */
function start(others: readonly string[] = [], profile: Profile = profiles.lan) {
  const agenda = new Agenda()
  const awareness = new Awareness(8)
  const queue = new BroadcastQueue()
  const seen: string[] = []
  const reminders: Reminder[] = []
  const conflicts: Endpoint[] = []
  const swim = new Swim({
    name: us,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 1,
    profile,
    random: seededRandom(1),
    agenda,
    awareness,
    queue,
    listener: {
      joined: ({ name }) => seen.push(`${name} joined`),
      departed: ({ name }) => seen.push(`${name} departed`),
      updated: ({ name }) => seen.push(`${name} updated`),
      conflict: (_node, claimed) => conflicts.push(claimed),
      contested: () => seen.push('contested'),
      problem: (reason) => seen.push(reason),
      remind: (_node, reminder) => reminders.push(reminder),
    },
  })
  swim.start(meta, 0)
  for (const [i, name] of others.entries()) swim.alive(alive(name, 1, { port: i + 2 }), 0)
  seen.length = 0
  const queued = (): Message[] =>
    queue.take(100_000, 2, 1, 1000).map((bytes) => {
      const message = decodeMessage(bytes)
      assert.ok(message.ok, 'decodes')
      return message.value
    })
  queued()
  const stateOfNode = (name: string) => swim.list.get(name)?.state
  return { swim, agenda, awareness, seen, reminders, conflicts, queued, state: stateOfNode }
}

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

describe('about ourselves', () => {
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
