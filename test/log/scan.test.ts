import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, frameBodyMaxBytes, frameHeaderBytes } from '../../src/log/frame.ts'
import { type ByteSource, frameBehind, scanFrames, sourceOfBytes, sourceOfFile } from '../../src/log/scan.ts'

function frameOf(body: Uint8Array, baseOffset = 0): Uint8Array {
  return encodeFrame({ baseOffset, recordCount: 1, timestamp: 0n, previousChain: 0n, body }).bytes
}

function fileOf(bytes: Uint8Array) {
  return {
    read(target: Uint8Array, position: number) {
      const found = bytes.subarray(position, position + target.length)
      target.set(found)
      return found.length
    },
  }
}

test('a whole frame is found wherever it begins', () => {
  const frame = frameOf(new Uint8Array(20))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (before, after) => {
      const bytes = Buffer.concat([before, frame, after])
      assert.equal(frameBehind(sourceOfBytes(bytes), 0), true)
      assert.equal(frameBehind(sourceOfBytes(bytes), before.length), true)
      assert.equal(frameBehind(sourceOfBytes(bytes.subarray(0, before.length + frame.length - 1)), 0), false)
    }),
  )
})

test('a frame is found across the windows of the search', () => {
  const frame = frameOf(new Uint8Array(20))
  for (let before = 64 * 1024 - 80; before < 64 * 1024 + 4; before++) {
    assert.equal(frameBehind(sourceOfBytes(Buffer.concat([new Uint8Array(before), frame])), 0), true, `${before}`)
  }
})

test('a file full of imitated headers is given up on in bounded work, and kept', () => {
  const size = 4 * 1024 * 1024
  const bytes = new Uint8Array(size)
  const header = frameOf(new Uint8Array(0)).subarray(0, frameHeaderBytes)
  const imitation = header.slice()
  new DataView(imitation.buffer).setUint32(20, 2 * 1024 * 1024)
  for (let at = 0; at + frameHeaderBytes <= size; at += frameHeaderBytes) bytes.set(imitation, at)
  let looked = 0
  const source: ByteSource = {
    size,
    view(position, length) {
      looked += length
      return bytes.subarray(position, position + length)
    },
  }
  assert.equal(frameBehind(source, 0), true)
  assert.ok(looked < 10 * (size + frameBodyMaxBytes), `looked at ${looked} bytes`)
})

test('a file is scanned through its window as it would be in memory', () => {
  const bodies = [10, 1_500_000, 0, 700_000, 300_000, 2_000_000, 5].map((size) => new Uint8Array(size).fill(size))
  const bytes = Buffer.concat(bodies.map((body, n) => frameOf(body, n)))
  const read = (source: ByteSource) => {
    const scan = scanFrames(source, { offset: 0, chain: undefined })
    const first = scan.next()
    return [first.done ? undefined : first.value.bytes, ...[...scan].map((frame) => frame.bytes)]
  }
  // Chains do not follow each other here: one frame at a time.
  for (let n = 0, at = 0; n < bodies.length; n++) {
    const rest = bytes.subarray(at)
    const from = { offset: n, chain: undefined }
    const inMemory = scanFrames(sourceOfBytes(rest), from).next().value
    const inFile = scanFrames(sourceOfFile(fileOf(rest), rest.length), from).next().value
    assert.deepEqual({ ...inFile, frame: undefined }, { ...inMemory, frame: undefined })
    at += frameHeaderBytes + (bodies[n]?.length ?? 0)
  }
  assert.deepEqual(read(sourceOfFile(fileOf(bytes), bytes.length)), read(sourceOfBytes(bytes)))
})

test('a file that became shorter reads as zeros', () => {
  const source = sourceOfFile(fileOf(Uint8Array.of(1, 2, 3)), 10)
  assert.deepEqual([...source.view(0, 10)], [1, 2, 3, 0, 0, 0, 0, 0, 0, 0])
})
