import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  chainSeed,
  encodeFrame,
  frameBodyMaxBytes,
  frameHeaderBytes,
  framesIn,
  readHeader,
  verifies,
} from '../../src/log/frame.ts'
import type { LogId } from '../../src/log/log-id.ts'
import { type ScanEnd, type ScannedFrame, scanFrames, sourceOfBytes } from '../../src/log/scan.ts'

interface Golden {
  log: LogId
  seed: string
  frames: { baseOffset: number; recordCount: number; timestamp: string; chain: string; hex: string }[]
}
const golden = JSON.parse(readFileSync(new URL('../vectors/log/frame-v1.json', import.meta.url), 'utf8')) as Golden
const goldenBytes = Buffer.from(golden.frames.map((frame) => frame.hex).join(''), 'hex')

function scanned(bytes: Uint8Array, from: { offset: number; chain: bigint | undefined }) {
  const frames: ScannedFrame[] = []
  const scan = scanFrames(sourceOfBytes(bytes), from)
  for (let step = scan.next(); ; step = scan.next()) {
    if (step.done) return { frames, end: step.value as ScanEnd }
    frames.push(step.value)
  }
}

describe('the format of version 1', () => {
  test('what was written once is read for ever', () => {
    assert.equal(chainSeed(golden.log).toString(16), golden.seed)
    const { frames, end } = scanned(goldenBytes, { offset: 0, chain: chainSeed(golden.log) })
    assert.equal(end.fault, undefined)
    assert.deepEqual(
      frames.map((frame) => [frame.baseOffset, frame.recordCount, frame.chain.toString(16)]),
      golden.frames.map((frame) => [frame.baseOffset, frame.recordCount, frame.chain]),
    )
    assert.deepEqual(
      [...framesIn(goldenBytes)].map((frame) => [frame.timestamp, frame.bytes.join()]),
      golden.frames.map((frame) => [BigInt(frame.timestamp), Buffer.from(frame.hex, 'hex').join()]),
    )
  })

  test('the same frames are written today', () => {
    let previousChain = chainSeed(golden.log)
    for (const { baseOffset, recordCount, timestamp, hex } of golden.frames) {
      const body = Buffer.from(hex, 'hex').subarray(frameHeaderBytes)
      const frame = encodeFrame({ baseOffset, recordCount, timestamp: BigInt(timestamp), previousChain, body })
      assert.equal(Buffer.from(frame.bytes).toString('hex'), hex)
      previousChain = frame.chain
    }
  })
})

const anyMark = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((id) => id.some((byte) => byte !== 0)),
  sequence: fc.nat({ max: Number.MAX_SAFE_INTEGER - 0xffff_ffff }),
})

const anyFrame = fc.record({
  baseOffset: fc.nat(),
  producer: fc.option(anyMark, { nil: undefined }),
  recordCount: fc.integer({ min: 1, max: 0xffff_ffff }),
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  previousChain: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  body: fc.uint8Array({ maxLength: 300 }),
})

describe('a frame', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(anyFrame, (given) => {
        const { bytes, chain } = encodeFrame(given)
        const [frame] = framesIn(bytes)
        assert.ok(frame)
        const { baseOffset, recordCount, timestamp, producer } = frame
        assert.deepEqual(
          { baseOffset, recordCount, timestamp, producer, chain: frame.chain },
          {
            baseOffset: given.baseOffset,
            recordCount: given.recordCount,
            timestamp: given.timestamp,
            producer: given.producer && { ...given.producer },
            chain,
          },
        )
        assert.deepEqual(frame.body, given.body)
        assert.deepEqual(frame.bytes, bytes)
        assert.ok(verifies(bytes))
        assert.equal(scanned(bytes, { offset: given.baseOffset, chain: given.previousChain }).end.fault, undefined)
      }),
    )
  })

  test('with any bit flipped is no longer taken', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), (given, somewhere) => {
        const { bytes } = encodeFrame(given)
        const bit = somewhere % (bytes.length * 8)
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
        const { frames, end } = scanned(bytes, { offset: given.baseOffset, chain: undefined })
        assert.deepEqual([frames.length, end.position], [0, 0])
        assert.notEqual(end.fault, undefined)
      }),
    )
  })

  test('cut anywhere is short', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), (given, somewhere) => {
        const { bytes } = encodeFrame(given)
        const cut = bytes.subarray(0, somewhere % bytes.length)
        const { end } = scanned(cut, { offset: given.baseOffset, chain: undefined })
        assert.equal(end.fault, cut.length === 0 ? undefined : 'cutShort')
      }),
    )
  })

  test('fits behind its own predecessor only, and in its own log only', () => {
    const [, second] = golden.frames
    const bytes = Buffer.from(second?.hex ?? '', 'hex')
    const chain = BigInt(`0x${golden.frames[0]?.chain}`)
    assert.equal(scanned(bytes, { offset: 1, chain }).end.fault, undefined)
    assert.equal(scanned(bytes, { offset: 1, chain: chain + 1n }).end.fault, 'chain')
    assert.equal(scanned(bytes, { offset: 2, chain }).end.fault, 'offset')
    const elsewhere = chainSeed({ ...golden.log, topic: 'payments' })
    assert.equal(scanned(goldenBytes, { offset: 0, chain: elsewhere }).end.fault, 'chain')
  })

  test('that claims what no frame can be is no header', () => {
    const change = (at: number, ...to: number[]) => {
      const bytes = Buffer.from(golden.frames[0]?.hex ?? '', 'hex')
      bytes.set(to, at)
      return readHeader(bytes, 0)
    }
    assert.ok(change(0))
    assert.equal(change(16, 2), undefined, 'version')
    assert.equal(change(20, 0xff, 0xff, 0xff, 0xff), undefined, 'body length')
    assert.equal(change(24, 0, 0, 0, 0), undefined, 'no records')
    assert.equal(change(28, 1), undefined, 'reserved')
    assert.equal(change(32, 0xff), undefined, 'offset')
    assert.equal(change(32, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), undefined, 'end offset')
    assert.equal(change(64, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), undefined, 'sequence')
    assert.ok(frameBodyMaxBytes < 2 ** 31)
  })
})

test('any bytes are scanned to a verdict', () => {
  const noise = fc.uint8Array({ maxLength: 400 })
  const spiced = fc.tuple(noise, noise).map(([a, b]) => Buffer.concat([a, goldenBytes.subarray(0, 170), b]))
  fc.assert(
    fc.property(fc.oneof(noise, spiced), (bytes) => {
      const { frames, end } = scanned(bytes, { offset: 0, chain: undefined })
      assert.equal(
        end.position,
        frames.reduce((sum, frame) => sum + frame.bytes, 0),
      )
      assert.equal(end.fault === undefined, end.position === bytes.length)
    }),
  )
})
