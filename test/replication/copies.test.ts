import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
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

test('a replica whose copy began anew counts for nothing that lies before', () => {
  const copies = new Copies()
  const told: number[] = []
  for (const end of [3, 5, 7]) copies.when('log', end, 2, () => told.push(end))
  copies.note('b', 'log', 7, 5)
  assert.deepEqual(told, [7])
  assert.deepEqual(
    [3, 5, 6, 7].map((end) => copies.count('log', end)),
    [1, 1, 2, 2],
  )
  copies.note('c', 'log', 4)
  assert.deepEqual(told, [7, 3])
  assert.equal(copies.waiting, 1)
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

test('each wait ends when it may, whatever was waited for before it and in whatever order', () => {
  const waits = fc.array(fc.record({ end: fc.nat(20), copies: fc.integer({ min: 1, max: 4 }) }), { maxLength: 20 })
  const notes = fc.array(fc.record({ node: fc.constantFrom('b', 'c', 'd'), end: fc.nat(20), start: fc.nat(10) }), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(waits, notes, fc.nat(3), (all, statements, every) => {
      const copies = new Copies()
      const open = new Map<number, { end: number; copies: number }>()
      const cancels = all.map((wait, n) => {
        open.set(n, wait)
        return copies.when('log', wait.end, wait.copies, (count) => {
          assert.ok(count >= wait.copies && open.delete(n))
        })
      })
      cancels.forEach((cancel, n) => {
        if (every === 0 || n % every > 0) return
        cancel()
        open.delete(n)
      })
      const held = new Map<string, { start: number; end: number }>()
      for (const { node, end, start } of statements) {
        held.set(node, { start, end })
        copies.note(node, 'log', end, start)
        for (const wait of open.values()) {
          const count =
            1 +
            [...held.values()].filter(({ start, end }) => end >= wait.end && (start === 0 || start < wait.end)).length
          assert.ok(count < wait.copies, 'one that could end waits on')
        }
      }
      assert.equal(copies.waiting, open.size)
    }),
  )
})
