import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agenda } from '../../src/gossip/agenda.ts'

test('appointments run by time, those of one moment in the order in which they were made', () => {
  const agenda = new Agenda()
  const seen: string[] = []
  agenda.at(20, () => seen.push('late'))
  agenda.at(10, () => seen.push('first'))
  agenda.at(10, () => seen.push('second'))
  assert.equal(agenda.nextMs, 10)
  agenda.run(10)
  assert.deepEqual(seen, ['first', 'second'])
  agenda.run(30)
  assert.deepEqual(seen, ['first', 'second', 'late'])
  assert.equal(agenda.nextMs, Number.POSITIVE_INFINITY)
})

test('what is cancelled does not run, also when an appointment of the same moment cancels it', () => {
  const agenda = new Agenda()
  const seen: string[] = []
  agenda.at(10, () => agenda.cancel(second))
  const second = agenda.at(10, () => seen.push('second'))
  agenda.at(10, () => agenda.at(10, () => seen.push('added meanwhile')))
  agenda.run(10)
  assert.deepEqual(seen, ['added meanwhile'])
})

test('a rhythm keeps its beat through small delays, and skips what a long one missed', () => {
  const agenda = new Agenda()
  const beats: number[] = []
  agenda.every(
    100,
    () => 100,
    (nowMs) => beats.push(nowMs),
  )
  for (const nowMs of [100, 230, 300, 1050]) agenda.run(nowMs)
  assert.deepEqual(beats, [100, 230, 300, 1050])
  assert.equal(agenda.nextMs, 1150)
})

test('what is postponed happens later, in the same order, around what is punctual', () => {
  const agenda = new Agenda()
  const done: string[] = []
  agenda.at(10, () => done.push('a'))
  agenda.at(10, () => done.push('b'))
  agenda.at(15, () => done.push('punctual'), true)
  agenda.at(20, () => done.push('c'))
  agenda.postpone(100)
  assert.equal(agenda.nextMs, 15)
  agenda.run(109)
  assert.deepEqual(done, ['punctual'])
  agenda.run(120)
  assert.deepEqual(done, ['punctual', 'a', 'b', 'c'])
})
