import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BroadcastQueue } from '../../src/gossip/broadcast-queue.ts'

const text = (bytes: Uint8Array[]) => bytes.map((one) => new TextDecoder().decode(one))
const bytes = (content: string) => new TextEncoder().encode(content)
const room = 1000
const many = 100

describe('a broadcast queue', () => {
  test('tells of an arrival less often while exchanges of state will, too', () => {
    let isMended = true
    const queue = new BroadcastQueue(undefined, undefined, () => isMended)
    queue.add({ name: 'a', bytes: bytes('a came'), arrival: 'heard', known: ['at a'] })
    queue.add({ bytes: bytes('an intent'), arrival: 'heard' })
    queue.add({ name: 'us', bytes: bytes('we came'), arrival: 'ours' })
    queue.add({ name: 'b', bytes: bytes('b is dead') })
    assert.deepEqual(text(queue.take(room, 2, 8, many, 'at a')).sort(), ['an intent', 'b is dead', 'we came'])
    // What is added first stays as it was.
    isMended = false
    for (let n = 1; n <= 4; n += 1) queue.take(room, 2, 8, many, `at ${n}`)
    assert.deepEqual(text(queue.take(room, 2, 8, many, 'at 5')).sort(), ['a came', 'b is dead', 'we came'])
    assert.deepEqual(text(queue.take(room, 2, 8, many, 'at 6')).sort(), ['b is dead', 'we came'])
  })

  test('costs what it takes, however many arrivals wait that the other one knows', () => {
    const queue = new BroadcastQueue()
    for (let n = 100; n < 300; n++)
      queue.add({ name: `${n}`, bytes: bytes(`${n} came`), arrival: 'heard', known: ['at a'] })
    assert.equal(queue.take(1000, 0, 8, 3, 'at a').length, 3, 'told twice rather than looked through')
    assert.equal(queue.depth, 200)
  })

  test('tells nobody of an arrival that knows it, and nobody twice; it waits for others, but not for ever', () => {
    const queue = new BroadcastQueue()
    queue.add({ name: 'a', bytes: bytes('a came'), arrival: 'heard', known: ['at a'] })
    queue.add({ bytes: bytes('an event') })
    assert.deepEqual(text(queue.take(room, 2, 4, many, 'at a')), ['an event'])
    assert.deepEqual(text(queue.take(room, 2, 4, many, 'at b')), ['a came', 'an event'])
    assert.deepEqual(text(queue.take(room, 2, 4, many, 'at b')), ['an event'])
    assert.deepEqual(text(queue.take(room, 2, 4, many, 'at c')), ['a came', 'an event'])
    assert.equal(queue.depth, 1)
    // The turns of those who know it.
    for (let n = 0; n < 2; n += 1) assert.deepEqual(text(queue.take(room, 2, 4, many, 'at c')), [])
    assert.equal(queue.depth, 0)
    assert.equal(queue.bytes, 0)
  })

  test('sends each message as often as the limit says, then reports it finished', () => {
    const queue = new BroadcastQueue()
    let finished = 0
    queue.add({ bytes: bytes('hello'), finished: () => (finished += 1) })
    assert.deepEqual(text(queue.take(room, 2, 3, many)), ['hello'])
    assert.deepEqual(text(queue.take(room, 2, 3, many)), ['hello'])
    assert.equal(finished, 0)
    assert.deepEqual(text(queue.take(room, 2, 3, many)), ['hello'])
    assert.equal(finished, 1)
    assert.deepEqual(queue.take(room, 2, 3, many), [])
    assert.equal(queue.depth, 0)
    assert.equal(queue.bytes, 0)
  })

  test('the least sent come first, among them the largest that fits, among equals the oldest', () => {
    const queue = new BroadcastQueue()
    queue.add({ bytes: bytes('old') })
    queue.take(room, 2, 9, many)
    queue.add({ bytes: bytes('aa') })
    queue.add({ bytes: bytes('bb') })
    queue.add({ bytes: bytes('a long one') })
    assert.deepEqual(text(queue.take(room, 2, 9, many)), ['a long one', 'aa', 'bb', 'old'])
  })

  test('what does not fit is passed over for smaller ones and waits', () => {
    const queue = new BroadcastQueue()
    queue.add({ bytes: bytes('0123456789') })
    queue.add({ bytes: bytes('small') })
    assert.deepEqual(text(queue.take(9, 2, 9, many)), ['small'])
    assert.deepEqual(text(queue.take(12, 2, 9, many)), ['0123456789'])
    assert.deepEqual(text(queue.take(room, 2, 9, 1)), ['0123456789'], 'never more than asked for')
  })

  test('a name has one message: the newer takes the place of the older, which counts as finished', () => {
    const queue = new BroadcastQueue()
    const finished: string[] = []
    queue.add({ name: 'a', bytes: bytes('a dead'), finished: () => finished.push('dead') })
    queue.add({ name: 'a', bytes: bytes('a alive'), finished: () => finished.push('alive') })
    queue.add({ name: 'b', bytes: bytes('b') })
    assert.deepEqual(finished, ['dead'])
    assert.deepEqual(text(queue.take(room, 2, 9, many)), ['a alive', 'b'])
  })

  test('a full queue lets go of what was sent most', () => {
    const queue = new BroadcastQueue(2)
    let dropped = 0
    queue.add({ bytes: bytes('sent'), finished: () => (dropped += 1) })
    queue.take(room, 2, 9, many)
    queue.add({ bytes: bytes('new 1') })
    queue.add({ bytes: bytes('new 2') })
    assert.equal(dropped, 1)
    assert.deepEqual(text(queue.take(room, 2, 9, many)), ['new 1', 'new 2'])
  })

  test('whatever is queued: a take fits, has no duplicates, and all is sent exactly as often as the limit', () => {
    const message = fc.record({ length: fc.integer({ min: 1, max: 300 }) })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (messages, limit) => {
        const queue = new BroadcastQueue()
        const sent = new Map<Uint8Array, number>()
        for (const { length } of messages) {
          const one = new Uint8Array(length)
          sent.set(one, 0)
          queue.add({ bytes: one })
        }
        for (let taken = queue.take(400, 2, limit, 20); taken.length > 0; taken = queue.take(400, 2, limit, 20)) {
          assert.equal(taken.reduce((sum, one) => sum + one.length + 2, 0) <= 400, true)
          assert.equal(taken.length <= 20, true)
          assert.equal(new Set(taken).size, taken.length)
          for (const one of taken) sent.set(one, (sent.get(one) ?? 0) + 1)
        }
        for (const count of sent.values()) assert.equal(count, limit)
        assert.equal(queue.bytes, 0)
      }),
    )
  })
})
