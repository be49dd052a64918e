import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, frameMessages } from '../../../src/env/rpc/grpc-frame.ts'

function readAll(reader: FrameReader, chunks: readonly Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let message = reader.next(); message !== undefined; message = reader.next()) messages.push(message)
  }
  return messages
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

const sizes = fc.oneof(fc.nat(40), fc.constantFrom(16_384, 16_385, 40_000))

test('what was framed is read back, however the bytes are cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(sizes, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.boolean(),
      (lengths, cuts, trusted) => {
        const messages = lengths.map((length, index) => new Uint8Array(length).fill(index + 1))
        const reader = new FrameReader(50_000, trusted ? 20_000 : 0)
        const read = readAll(reader, split(Buffer.concat(frameMessages(messages)), cuts))
        assert.deepEqual(read, messages)
        assert.ok(reader.atBoundary)
        assert.equal(reader.failure, undefined)
      },
    ),
    { numRuns: 200 },
  )
})

test('one byte at a time is read too', () => {
  const messages = [new Uint8Array(0), new Uint8Array(300).fill(7), new Uint8Array([1])]
  const bytes = Buffer.concat(frameMessages(messages))
  const reader = new FrameReader(1000)
  assert.deepEqual(
    readAll(
      reader,
      Array.from(bytes, (byte) => new Uint8Array([byte])),
    ),
    messages,
  )
})

test('messages are plain byte arrays, whose slice is a copy', () => {
  const reader = new FrameReader(10)
  reader.push(Buffer.from([0, 0, 0, 0, 1, 9]))
  assert.equal(Object.getPrototypeOf(reader.next()), Uint8Array.prototype)
})

test('small messages leave joined, a large one goes uncopied behind its header', () => {
  const large = new Uint8Array(100_000)
  const chunks = frameMessages([new Uint8Array(10), new Uint8Array(20), large, new Uint8Array(30)])
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [15 + 25 + 5, 100_000, 35],
  )
  assert.equal(chunks[1], large)
})

test('a reader who stops in the middle of a chunk finds the rest, and what came after it', () => {
  const messages = [1, 2, 3].map((value) => new Uint8Array([value]))
  const reader = new FrameReader(10)
  reader.push(Buffer.concat(frameMessages(messages)))
  assert.deepEqual(reader.next(), messages[0])
  reader.push(Buffer.concat(frameMessages([new Uint8Array([4])])))
  assert.deepEqual([reader.next(), reader.next(), reader.next()], [messages[1], messages[2], new Uint8Array([4])])
  assert.equal(reader.next(), undefined)
})

test('a message over the limit fails by its header, before any of it arrived', () => {
  const reader = new FrameReader(1000)
  reader.push(new Uint8Array([0, 0xff, 0xff, 0xff, 0xff]))
  assert.equal(reader.next(), undefined)
  assert.equal(reader.failure, 'tooLarge')
  assert.equal(reader.refusedBytes, 0xffffffff)
  const atLimit = new FrameReader(1000)
  atLimit.push(Buffer.concat(frameMessages([new Uint8Array(1000)])))
  assert.equal(atLimit.next()?.length, 1000)
})

test('flags other than none fail, and nothing is read afterwards', () => {
  for (const [flags, failure] of [
    [1, 'compressed'],
    [2, 'flagsUnknown'],
    [0x80, 'flagsUnknown'],
  ] as const) {
    const reader = new FrameReader(1000)
    reader.push(new Uint8Array([flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    assert.equal(reader.next(), undefined)
    assert.equal(reader.failure, failure)
    assert.equal(reader.next(), undefined)
  }
})

test('the end of a stream is clean only between messages', () => {
  for (const length of [1, 4, 5, 7]) {
    const reader = new FrameReader(1000)
    reader.push(new Uint8Array([0, 0, 0, 0, 3, 1, 1, 1]).subarray(0, length))
    assert.equal(reader.next(), undefined)
    assert.equal(reader.atBoundary, false, `${length} bytes`)
  }
})

test('no bytes make the reader throw or read beyond its limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (chunks) => {
      for (const message of readAll(new FrameReader(64), chunks)) assert.ok(message.length <= 64)
    }),
  )
})

test('what is announced costs no memory before it comes', () => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 200 }, () => {
    const reader = new FrameReader(1024 * 1024)
    reader.push(new Uint8Array([0, 0, 16, 0, 0, 7]))
    assert.equal(reader.next(), undefined)
    return reader
  })
  const bytes = process.memoryUsage().arrayBuffers - before
  assert.ok(bytes < 1024 * 1024, `${readers.length} beginnings take ${bytes} bytes`)
})
