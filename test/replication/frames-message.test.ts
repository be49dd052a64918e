import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeFrames, decodeSynced, encodeFrames, encodeSynced } from '../../src/replication/frames-message.ts'
import {
  decodePullRequest,
  decodePullResponse,
  encodePullRequest,
  encodePullResponse,
} from '../../src/replication/pull-messages.ts'

const ref = fc.integer({ min: 1, max: 0xffff_ffff })
const end = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

test('frames are encoded and decoded by hand exactly as by the generated code', () => {
  fc.assert(
    fc.property(ref, fc.uint8Array({ minLength: 1, maxLength: 70_000, size: 'max' }), (n, frames) => {
      const generated = encodePullResponse({ case: 'frames', value: { ref: n, frames } })
      assert.deepEqual(Buffer.from(encodeFrames(n, frames)), Buffer.from(generated))
      const decoded = decodeFrames(generated)
      assert.equal(decoded?.ref, n)
      assert.equal(Buffer.compare(decoded.frames, frames), 0)
    }),
    { numRuns: 50 },
  )
})

test('what was synced is encoded and decoded by hand exactly as by the generated code', () => {
  fc.assert(
    fc.property(ref, end, (n, to) => {
      const generated = encodePullRequest({ case: 'synced', value: { logs: [{ ref: n, end: BigInt(to) }] } })
      assert.deepEqual(Buffer.from(encodeSynced(n, to)), Buffer.from(generated))
      assert.deepEqual(decodeSynced(generated), { ref: n, end: to })
    }),
  )
})

test('what is not such a message, or not a plain one, is left to the generated code', () => {
  const two = [1, 2].map((n) => ({ ref: n, end: 5n }))
  assert.equal(decodeSynced(encodePullRequest({ case: 'synced', value: { logs: two } })), undefined)
  assert.equal(decodeSynced(encodePullRequest({ case: 'unwant', value: { ref: 1 } })), undefined)
  assert.equal(decodeFrames(encodePullResponse({ case: 'holdings', value: { groups: [] } })), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(0x1a, 0x22, 0), (noise, first) => {
      const bytes = Uint8Array.from([first, noise.length, ...noise])
      const frames = decodeFrames(bytes)
      if (frames) {
        const generated = decodePullResponse(bytes)
        assert.ok(generated.case === 'frames')
        assert.deepEqual([generated.value.ref, generated.value.frames], [frames.ref, frames.frames])
      }
      const synced = decodeSynced(bytes)
      if (!synced) return
      const generated = decodePullRequest(bytes)
      assert.ok(generated.case === 'synced' && generated.value.logs[0])
      assert.deepEqual([generated.value.logs[0].ref, Number(generated.value.logs[0].end)], [synced.ref, synced.end])
    }),
    { numRuns: 2000 },
  )
})
