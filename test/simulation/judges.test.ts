import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allJudges } from '../../src/simulation/judges/bench.ts'
import { durableBeforeVisible } from '../../src/simulation/judges/durable-before-visible.ts'
import { durableCopies } from '../../src/simulation/judges/durable-copies.ts'
import { equalCopies } from '../../src/simulation/judges/equal-copies.ts'
import { auditOf, finallyEverywhere } from '../../src/simulation/judges/finally-everywhere.ts'
import { auditorOf, finallyTaking } from '../../src/simulation/judges/finally-taking.ts'
import { honestErrors } from '../../src/simulation/judges/honest-errors.ts'
import { keptCursors, namedAuditOf } from '../../src/simulation/judges/kept-cursors.ts'
import { knownMembers, leftUnheard } from '../../src/simulation/judges/known-members.ts'
import { noStepBack } from '../../src/simulation/judges/no-step-back.ts'
import { nothingDeleted } from '../../src/simulation/judges/nothing-deleted.ts'
import { oneContent } from '../../src/simulation/judges/one-content.ts'
import { readYourWrites } from '../../src/simulation/judges/read-your-writes.ts'
import { storedOnce } from '../../src/simulation/judges/stored-once.ts'
import { timeOrder } from '../../src/simulation/judges/time-order.ts'
import type { GoneHow } from '../../src/simulation/universe/disk-view.ts'
import { epoch, inCourt, logA, madeFrames, only, stored } from './hand-made.ts'

const logB = `orders/b/${epoch}`
const refused = (code: string, facts: Record<string, string> = {}) => ({ ok: false, code, facts }) as const

test('every judge has a name of its own, and a sound history pleases them all', () => {
  const names = allJudges.map((make) => make().name)
  assert.equal(new Set(names).size, names.length)
  for (const make of allJudges) {
    const court = inCourt(make())
    const frames = madeFrames(logA, ['one', 'two,three'])
    court.hold('a', logA, frames)
    court.produced('a', ['one'], stored(0, 1))
    court.hold('b', logA, frames)
    court.produced('a', ['two', 'three'], stored(1, 2, 2), { copies: 2 })
    court.read('b', [[logA, 0, ['one', 'two', 'three']]], { waitsFor: { [logA]: 3 }, byTime: true })
    court.read('b', [[logA, 0, ['one', 'two', 'three']]], { reading: auditOf('b', 1) })
    court.read('a', [[logA, 0, ['one', 'two', 'three']]], { reading: auditOf('a', 1) })
    court.produced('a', ['one'], stored(0, 1), { client: auditorOf(1) })
    court.produced('b', ['one'], stored(0, 1), { client: auditorOf(1) })
    for (const node of ['a', 'b']) {
      const operation = court.history.begin({ kind: 'members', client: 'auditor', node, disk: node })
      court.history.end(operation, { ok: true, alive: ['b', 'a'] } as never)
    }
    const bounds = { [logA]: { end: 3 } }
    assert.deepEqual([...court.found(), ...court.rests({ a: bounds, b: bounds })], [], make().name)
  }
})

test('oneContent sees two contents of one id: on disks, in an acknowledgement, in an answer to a reader', () => {
  const court = inCourt(oneContent())
  court.hold('a', logA, madeFrames(logA, ['one', 'two']))
  court.hold('b', logA, madeFrames(logA, ['one', 'two']))
  assert.deepEqual(court.found(), [])
  court.hold('b', logA, madeFrames(logA, ['one', 'other']).slice(1))
  only(court.found(), /^b: orders.a.*\/1 is something else elsewhere/)
  court.hold('b', logA, madeFrames(logA, ['one,two,three']).slice(0))
  only(court.found(), /^b: .*\/0 is something else elsewhere/)
  court.hold('c', logB, madeFrames(logA, ['one']))
  only(court.found(), /^c: orders.b.*\/0 does not go on from the one before/)
  court.produced('a', ['another'], stored(1, 1))
  only(court.found(), /^a: .*\/1 is not what was sent/)
  court.produced('a', ['one', 'two'], stored(0, 1))
  only(court.found(), /\/0 was answered as 1 of 2 records/)
  court.read('a', [[logA, 0, ['one', 'three']]])
  only(court.found(), /\/1 was read as something else/)
})

test('durableCopies sees an acknowledgement before the sync, and of copies that are none', () => {
  const court = inCourt(durableCopies())
  const [one, two, three] = madeFrames(logA, ['one', 'two', 'three']) as never[]
  court.hold('a', logA, [one!], false)
  court.produced('a', ['one'], stored(0, 1))
  only(court.found(), /^a: .*\/0 was acknowledged and not durable on the disk of that node/)
  court.produced('a', ['nothing'], stored(7, 1))
  only(court.found(), /\/7 was acknowledged and not durable/)
  court.hold('a', logA, [one!, two!])
  court.hold('b', logA, [one!], true)
  court.hold('b', logA, [two!], false)
  court.produced('a', ['one'], stored(0, 1, 2), { copies: 2 })
  court.produced(
    'a',
    ['two'],
    refused('COPIES_PENDING', { topic: 'orders', origin: 'a', epoch, offset: '1', records: '1', copies: '1' }),
  )
  assert.deepEqual(court.found(), [])
  court.produced('a', ['two'], stored(1, 1, 2), { copies: 2 })
  only(court.found(), /\/1 was acknowledged with 2 copies, and durable on \[a\]/)
  court.produced('a', ['one'], stored(0, 1, 1), { copies: 2 })
  only(court.found(), /with 1 copies, 2 were asked for/)
  court.produced(
    'a',
    ['x'],
    refused('COPIES_PENDING', { topic: 'orders', origin: 'a', epoch, offset: '2', records: '1', copies: '1' }),
  )
  only(court.found(), /\/2 was acknowledged and not durable/)
  court.hold('a', logA, [three!])
  court.produced('b', ['three'], stored(2, 1))
  only(court.found(), /^b: .*\/2 was acknowledged and not durable on the disk of that node/)
})

test('durableBeforeVisible sees a record that a power cut could still take, and one out of thin air', () => {
  const court = inCourt(durableBeforeVisible())
  const frames = madeFrames(logA, ['one', 'two'])
  court.hold('a', logA, frames)
  court.hold('b', logA, frames.slice(0, 1))
  court.hold('b', logA, frames.slice(1), false)
  court.read('a', [[logA, 0, ['one', 'two']]])
  assert.deepEqual(court.found(), [])
  court.read('b', [[logA, 0, ['one', 'two']]])
  only(court.found(), /^b: .*\/1 was read before it was durable there/)
  court.read('b', [[logA, 2, ['three']]])
  only(court.found(), /\/2 was read, and never was on any disk/)
})

test('noStepBack sees a reading that goes back, skips, or is given what it did not ask for', () => {
  const court = inCourt(noStepBack())
  court.hold('a', logA, madeFrames(logA, ['one', 'two', 'three']))
  court.read('a', [[logA, 2, ['three']]], { from: { [logA]: 2 } })
  assert.deepEqual(court.found(), [])
  court.read('a', [[logA, 1, ['two']]], { from: { [logA]: 2 } })
  only(court.found(), /^a: reading stood at .*\/2 and got 1 again/)
  court.read('a', [[logA, 2, ['three']]], { from: { [logA]: 1 } })
  only(court.found(), /stood at .*\/1 and got 2$/)
  court.read('a', [
    [logA, 0, ['one']],
    [logA, 2, ['three']],
  ])
  only(court.found(), /stood at .*\/1 and got 2$/)
  court.read('a', [[logA, 0, ['one']]], { only: { origin: 'b' } })
  only(court.found(), /asked for other logs/)
  court.universe.topics.deleted('orders', 1001n << 16n)
  court.read('a', [[logA, 2, ['three']]])
  assert.deepEqual(court.found(), [], 'what was deleted is a hole that may be')
  court.read('a', [[logA, 3, ['four']]])
  only(court.found(), /stood at .*\/0 and got 3$/)
})

test('timeOrder sees an answer that is merged by time and is not in its order', () => {
  const court = inCourt(timeOrder())
  const runs: [string, number, string[]][] = [
    [logB, 0, ['x']],
    [logA, 0, ['y']],
  ]
  court.read('a', runs)
  assert.deepEqual(court.found(), [])
  court.read('a', runs, { byTime: true })
  only(court.found(), /by time got orders.a.*\/0 behind a later one of orders.b/)
})

test('timeOrder sees a run of a node that begins before its earlier ones ended', () => {
  const court = inCourt(timeOrder())
  const run = (number: number): string => `${logA.slice(0, -1)}${number}`
  const hold = (number: number, timestamp: number, isDurable = true): void =>
    court.hold('a', run(number), madeFrames(run(number), ['x'], { timestamp }), isDurable)
  hold(1, 90_000)
  hold(2, 90_001)
  hold(3, 95_000, false)
  hold(4, 94_000)
  assert.deepEqual(court.found(), [], 'what was never durable is not known')
  hold(5, 93_000)
  only(court.found(), /^a: .*5\/0 is not later than what .*4 has/)
  hold(6, 20_000)
  assert.deepEqual(court.found(), [], 'the clock may have been so wrong')
})

test('storedOnce sees a record that is stored again under its sequence, and two ids of one record', () => {
  const court = inCourt(storedOnce())
  const mark = { id: new Uint8Array(16).fill(7), sequence: 4 }
  const later = `orders/a/018f0000-0000-7000-8000-000000000002`
  court.hold('a', logA, madeFrames(logA, ['one,two'], { mark }))
  court.hold('b', logB, madeFrames(logB, ['one,two'], { mark }))
  assert.deepEqual(court.found(), [], 'two origins may both have it')
  const lost = { mark: { ...mark, sequence: 6 } }
  court.hold('a', `${logA.slice(0, -1)}7`, madeFrames(`${logA.slice(0, -1)}7`, ['three'], lost), false)
  court.hold('a', `${logA.slice(0, -1)}8`, madeFrames(`${logA.slice(0, -1)}8`, ['three'], lost))
  assert.deepEqual(court.found(), [], 'what was never durable may be written anew')
  court.hold('a', later, madeFrames(later, ['two'], { mark: { ...mark, sequence: 5 } }))
  only(court.found(), /^a: .*0002\/0 is orders.*0001\/1 once more/)
  const place = { place: 'p/5' }
  court.produced('a', ['one'], stored(0, 1), place)
  court.produced('b', ['one'], stored(0, 1, 1, logB), place)
  court.produced('a', ['one'], stored(0, 1), place)
  assert.deepEqual(court.found(), [])
  court.produced('a', ['one'], stored(3, 1), place)
  only(court.found(), /was answered as .*\/0 and as .*\/3/)
  const here = { place: `${'07'.repeat(16)}/4` }
  court.produced('c', ['one', 'two'], stored(0, 2, 1, `orders/c/${epoch}`), here)
  assert.deepEqual(court.found(), [], 'who fails over meets a node that has not heard of it')
  court.produced('b', ['one', 'two'], stored(0, 2, 1, logB), here)
  court.hold('d', logB, madeFrames(logB, ['one,two'], { mark }))
  court.produced('d', ['one', 'two'], { ...stored(0, 2, 1, logB), duplicate: true }, here)
  assert.deepEqual(court.found(), [])
  court.produced('d', ['one', 'two'], stored(0, 2, 1, `orders/d/${epoch}`), here)
  only(court.found(), /^d: orders.d.*\/0 is orders.b.*\/0 once more, which was on its disk before/)
  court.universe.forgot('a')
  court.produced('a', ['one'], stored(4, 1), place)
  assert.deepEqual(court.found(), [], 'whose disk was replaced cannot know')
})

test('readYourWrites sees an answer of a node that does not have, or does not give, what it was to wait for', () => {
  const court = inCourt(readYourWrites())
  const frames = madeFrames(logA, ['one', 'two'])
  court.hold('a', logA, frames)
  court.hold('b', logA, frames.slice(0, 1))
  const waits = { waitsFor: { [logA]: 2 } }
  court.read('a', [[logA, 0, ['one', 'two']]], waits)
  court.read('a', [], { ...waits, from: { [logA]: 2 } })
  court.read('a', [], { ...waits, only: { log: logB } })
  assert.deepEqual(court.found(), [])
  court.read('b', [[logA, 0, ['one']]], waits)
  only(court.found(), /^b: answered without .*\/1, which was to be waited for/)
  court.read('a', [[logA, 0, ['one']]], waits)
  only(court.found(), /^a: said that nothing more is there before .*\/1/)
})

test('keptCursors sees a named cursor that stands before a commit: at once at that node, at the end anywhere', () => {
  const court = inCourt(keptCursors())
  const commit = court.history.begin({
    ...{ kind: 'commit', client: 'c', node: 'a', disk: 'a', topic: 'orders', name: 'mill', positions: { [logA]: 2 } },
  } as never)
  court.history.end(commit, { ok: true } as never)
  const named = { cursorName: 'mill' }
  court.read('a', [[logA, 2, ['three']]], named)
  court.read('b', [[logA, 0, ['one']]], named)
  assert.deepEqual(court.found(), [], 'another node may not have heard of it')
  court.read('a', [[logA, 1, ['two']]], named)
  only(court.found(), /^a: cursor mill was committed at .*\/2, and a reading by it began at 1/)
  court.read('b', [[logA, 0, ['one']]], { ...named, reading: namedAuditOf('b', 'mill') })
  assert.deepEqual(court.found(), [], 'what was committed a moment before may be on its way')
  only(court.rests({}), /^b: cursor mill was committed at .*\/2/)
  court.read('b', [[logA, 2, ['three']]], { ...named, reading: namedAuditOf('b', 'mill') })
  assert.deepEqual(court.rests({}), [], 'it came')
})

test('nothingDeleted sees what is gone and may not be, and what nobody may ever cut', () => {
  const court = inCourt(nothingDeleted())
  const frames = madeFrames(logA, ['one', 'two', 'three', 'four'])
  court.hold('a', logA, frames)
  const gone = (index: number, how: GoneHow, wasDurable = true): void =>
    court.universe.gone('a', logA, frames[index]!.frame, how, wasDurable)
  gone(3, 'cut', false)
  assert.deepEqual(court.found(), [], 'a torn tail was never there')
  gone(0, 'removed')
  only(court.found(), /^a: .*\/0 was removed with its file/)
  gone(0, 'setAside')
  only(court.found(), /was set aside/)
  court.universe.topics.deleted('orders', frames[1]!.frame.timestamp)
  gone(1, 'removed')
  assert.deepEqual(court.found(), [])
  gone(2, 'removed')
  only(court.found(), /\/2 was removed/)
  gone(1, 'cut')
  only(court.found(), /\/1 was cut off or written over/)
  gone(1, 'behindDamage')
  assert.deepEqual(court.found(), [], 'it is set aside, and comes back')
  court.universe.topics.limited('orders', { retentionMs: 5, retentionBytes: 0, retentionRecords: 0 })
  gone(2, 'removed')
  assert.deepEqual(court.found(), [])
  gone(2, 'crash')
  only(court.found(), /\/2 did not survive a crash/)
  court.universe.lost('a')
  gone(2, 'crash')
  assert.deepEqual(court.found(), [], 'a disk that lies is not the fault of who uses it')
  const other = inCourt(nothingDeleted())
  other.hold('a', logA, frames)
  other.universe.lost('a')
  other.universe.gone('a', logA, frames[2]!.frame, 'thrownAway', true)
  only(other.found(), /\/2 was thrown away behind damage/)
})

test('nothingDeleted sees what retention takes of a topic that is within its limits', () => {
  const court = inCourt(nothingDeleted())
  const frames = madeFrames(logA, ['one', 'two'])
  court.hold('a', logA, frames)
  const gone = (disk: string, frame: number, topicBytes?: number): void =>
    court.universe.gone(disk, logA, frames[frame]!.frame, 'removed', true, topicBytes)
  court.universe.topics.limited('orders', { retentionMs: 0, retentionBytes: 1000, retentionRecords: 0 })
  gone('a', 0, 1001)
  gone('a', 0)
  assert.deepEqual(court.found(), [])
  gone('b', 0, 1000)
  assert.deepEqual(court.found(), [], 'a copy that begins anew behind what was trimmed elsewhere')
  gone('a', 1, 1000)
  only(court.found(), /^a: .*\/1 was trimmed, and its topic is within its limits/)
  court.universe.topics.limited('orders', { retentionMs: 1, retentionBytes: 0, retentionRecords: 0 })
  gone('a', 1, 1000)
  assert.deepEqual(court.found(), [], 'it may have been too old')
})

test('finallyEverywhere sees an acknowledged record that a node does not give in the end', () => {
  const court = inCourt(finallyEverywhere())
  court.hold('a', logA, madeFrames(logA, ['one', 'two,three']))
  court.produced('a', ['one'], stored(0, 1))
  court.produced(
    'a',
    ['two', 'three'],
    refused('COPIES_PENDING', { topic: 'orders', origin: 'a', epoch, offset: '1', records: '2', copies: '1' }),
  )
  court.read('a', [[logA, 0, ['one', 'two', 'three']]], { reading: auditOf('a', 1) })
  court.read('b', [[logA, 0, ['one', 'two']]], { reading: auditOf('b', 1) })
  court.read('b', [[logA, 2, ['three']]], { reading: auditOf('b', 2) })
  only(court.rests({ a: {}, b: {} }), /^b: 1 acknowledged records cannot be read, the first is .*\/2/)
  court.universe.lost('a')
  // It is still there.
  only(court.rests({ a: {}, b: {} }), /^b: 1 acknowledged records cannot be read/)
  court.universe.withoutDisk('a')
  assert.deepEqual(court.rests({ a: {}, b: {} }), [], 'the only disk that had it was lost')
})

test('finallyEverywhere excuses what only a disk that lied was said to have, and not what another one had', () => {
  const court = inCourt(finallyEverywhere())
  court.produced('a', ['one'], stored(0, 1))
  court.read('b', [], { reading: auditOf('b', 1) })
  only(court.rests({ b: {} }), /^b: 1 acknowledged records cannot be read/)
  court.universe.lost('a')
  assert.deepEqual(court.rests({ b: {} }), [])
  court.hold('c', logA, madeFrames(logA, ['one']))
  only(court.rests({ b: {} }), /^b: 1 acknowledged records cannot be read/)
})

test('finallyTaking sees a node that takes no record in the end, or does not get it to all', () => {
  const court = inCourt(finallyTaking())
  const nodes = { a: {}, b: {}, c: {} }
  court.produced('a', ['x'], stored(0, 1, 3), { client: auditorOf(1) })
  court.produced('b', ['x'], refused('OVERLOADED'), { client: auditorOf(1) })
  court.produced('c', ['x'], stored(0, 1, 3), { client: auditorOf(0) })
  assert.deepEqual(court.rests(nodes), [
    'b: a record that was to be on all disks ended with OVERLOADED',
    'c: a record that was to be on all disks ended with no answer',
  ])
  court.universe.lost('b')
  only(court.rests(nodes), /^c: /)
})

test('equalCopies sees a copy that is behind, has a gap, or begins late, unless that may be', () => {
  const court = inCourt(equalCopies())
  court.hold('a', logA, madeFrames(logA, ['one', 'two', 'three']))
  const full = { [logA]: { end: 3 } }
  only(court.rests({ a: full, b: { [logA]: { end: 2 } } }), /^b: .* ends at 2, another at 3/)
  only(court.rests({ a: full, b: {} }), /^b: .* ends at 0, another at 3/)
  only(court.rests({ a: full, b: { [logA]: { end: 3, gapAt: 2 } } }), /^b: .* has a gap before 2/)
  only(court.rests({ a: full, b: { [logA]: { start: 1, end: 3 } } }), /^b: .* begins at 1/)
  court.universe.topics.deleted('orders', 1_000_000n << 16n)
  assert.deepEqual(court.rests({ a: full, b: {} }), [])
})

test('knownMembers sees who is taken for dead, or for alive, once all is quiet', () => {
  const court = inCourt(knownMembers())
  const said = (node: string, answer: object): void => {
    const operation = court.history.begin({ kind: 'members', client: 'auditor', node, disk: node })
    court.history.end(operation, answer as never)
  }
  said('a', { ok: true, alive: ['a'] })
  said('a', { ok: true, alive: ['b', 'a'] })
  said('b', { ok: true, alive: ['a', 'b', 'c'] })
  only(court.rests({ a: {}, b: {} }), /^b: says of its members \[a b c\], alive are \[a b\]/)
  said('b', refused('UNAVAILABLE'))
  only(court.rests({ a: {}, b: {} }), /^b: says of its members UNAVAILABLE/)
})

test('who has said goodbye has left, to everybody', () => {
  const court = inCourt(knownMembers())
  for (const [node, left] of [
    ['a', ['c']],
    ['b', []],
  ] as const) {
    const operation = court.history.begin({ kind: 'members', client: 'auditor', node, disk: node })
    court.history.end(operation, { ok: true, alive: ['a', 'b'], left } as never)
  }
  const live = ['a', 'b'].map((node) => ({ node, name: node, disk: node, bounds: () => undefined }))
  assert.deepEqual(leftUnheard('c', { history: court.history, live }), [
    { node: 'b', reason: 'does not say that c has left' },
  ])
})

test('honestErrors sees an error that means a bug', () => {
  const court = inCourt(honestErrors())
  court.produced('a', ['one'], refused('UNAVAILABLE'))
  assert.deepEqual(court.found(), [])
  court.produced('a', ['one'], refused('INTERNAL'))
  only(court.found(), /^a: produce ended with INTERNAL/)
  court.produced('a', ['one'], refused('PRODUCER_OUT_OF_ORDER'))
  only(court.found(), /^a: produce ended with PRODUCER_OUT_OF_ORDER/)
  court.universe.lost('b')
  court.produced('a', ['one'], refused('PRODUCER_OUT_OF_ORDER'))
  assert.deepEqual(court.found(), [], 'what was lost with a disk cannot be known')
})
