import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Copies } from '../../src/replication/copies.ts'

test('a log has one copy, its writer, until replicas say what they have', () => {
  const copies = new Copies()
  assert.equal(copies.count('log', 5), 1)
  copies.note('b', 'log', 5)
  copies.note('c', 'log', 4)
  copies.note('d', 'other', 9)
  assert.equal(copies.count('log', 5), 2)
  assert.equal(copies.count('log', 4), 3)
})

test('a replica that comes back with less counts for less', () => {
  const copies = new Copies()
  copies.note('b', 'log', 5)
  copies.note('b', 'log', 2)
  assert.equal(copies.count('log', 5), 1)
  assert.equal(copies.count('log', 2), 2)
})

test('a replica that is gone for good no longer counts', () => {
  const copies = new Copies()
  copies.note('b', 'log', 5)
  copies.note('c', 'log', 5)
  copies.forget('b')
  assert.equal(copies.count('log', 5), 2)
})

test('a wait is over as soon as enough replicas have reached its end, and only once', () => {
  const copies = new Copies()
  const told: number[] = []
  copies.when('log', 5, 3, (count) => told.push(count))
  copies.note('b', 'log', 5)
  copies.note('b', 'log', 6)
  copies.note('c', 'log', 4)
  assert.deepEqual(told, [])
  copies.note('c', 'log', 7)
  copies.note('d', 'log', 7)
  assert.deepEqual(told, [3])
  assert.equal(copies.waiting, 0)
})

test('a wait that is fulfilled already is over at once', () => {
  const copies = new Copies()
  copies.note('b', 'log', 5)
  const told: number[] = []
  copies.when('log', 5, 2, (count) => told.push(count))
  assert.deepEqual(told, [2])
  assert.equal(copies.waiting, 0)
})

test('one statement ends all waits it reaches and no other', () => {
  const copies = new Copies()
  const told: number[] = []
  for (const end of [1, 2, 3]) copies.when('log', end, 2, () => told.push(end))
  copies.note('b', 'log', 2)
  assert.deepEqual(told, [1, 2])
  assert.equal(copies.waiting, 1)
})

test('a cancelled wait is never told', () => {
  const copies = new Copies()
  const cancel = copies.when('log', 5, 2, () => assert.fail('it was cancelled'))
  cancel()
  copies.note('b', 'log', 5)
  assert.equal(copies.waiting, 0)
})
