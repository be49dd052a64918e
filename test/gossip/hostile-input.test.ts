import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GossipCore } from '../../src/gossip/core.ts'
import { createGossipCore } from '../../src/gossip/gossip.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { createStreamReader } from '../../src/gossip/stream-codec.ts'
import { seededRandom } from './cluster.ts'
import { fromHex, golden, plainVectors } from './golden.ts'

const recorded = [...plainVectors('udp'), ...golden('robustness').cases]
  .filter(({ hex, transport }) => hex && transport === 'udp')
  .map(({ hex }) => fromHex(hex))
const streams = [...plainVectors('tcp'), ...golden('robustness').cases]
  .filter(({ hex, transport }) => hex && transport === 'tcp')
  .map(({ hex }) => fromHex(hex))

function start(): GossipCore {
  const advertise = { host: '127.0.0.1', port: 21061 }
  const config = { name: 'alpha', advertise, tags: new Map(), profile: profiles.lan, compression: true }
  return createGossipCore(config, seededRandom(1), 0)
}

/** One of the recordings, somewhat damaged. */
const damaged = (recordings: Uint8Array[]) =>
  fc
    .record({
      bytes: fc.constantFrom(...recordings),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      cut: fc.option(fc.nat()),
    })
    .map(({ bytes, flips, cut }) => {
      const copy = bytes.slice()
      for (const [at, value] of flips) copy[at % copy.length] = value
      return cut === null ? copy : copy.subarray(0, cut % copy.length)
    })

/** Nothing it sends may harm others, whatever it heard. */
function checkEffects(core: GossipCore): void {
  for (const effect of core.take()) {
    if (effect.kind !== 'packet') continue
    assert.ok(effect.bytes.length > 0 && effect.bytes.length <= 1500, `${effect.bytes.length} bytes`)
  }
  assert.equal(core.nextWakeMs() < Number.POSITIVE_INFINITY, true)
}

test('packets of any kind, for minutes on end, are survived', () => {
  const packet = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged(recorded))
  fc.assert(
    fc.property(fc.array(fc.tuple(packet, fc.nat({ max: 3000 })), { maxLength: 60 }), (packets) => {
      const core = start()
      let nowMs = 0
      for (const [bytes, pauseMs] of packets) {
        core.receivePacket(bytes, { host: '127.0.0.1', port: 21290 }, nowMs)
        checkEffects(core)
        nowMs += pauseMs
        core.wake(nowMs)
        checkEffects(core)
      }
      const self = core.members().find(({ name }) => name === 'alpha')
      assert.equal(self?.status, 'alive')
      assert.equal(core.stats().incarnation <= 0x7fff_ffff, true)
    }),
    { numRuns: 60 },
  )
})

test('streams of any kind are survived, opened to us or as an answer', () => {
  fc.assert(
    fc.property(fc.array(damaged(streams), { maxLength: 12 }), (inputs) => {
      const core = start()
      for (const bytes of inputs) {
        const reader = createStreamReader()
        const outcome = reader.push(bytes) ?? reader.end()
        if (!outcome.ok) continue
        core.receiveStream(outcome.value, { host: '127.0.0.1', port: 21290 }, 0, () => {})
        core.join([{ host: '127.0.0.1', port: 21290 }], { replay: true }, 0)
        for (const effect of core.take()) if (effect.kind === 'stream') core.streamAnswered(effect.id, outcome.value, 0)
        checkEffects(core)
      }
      core.wake(60_000)
      checkEffects(core)
    }),
    { numRuns: 60 },
  )
})

test('problems are all counted, but not told without end', () => {
  const core = start()
  for (let i = 0; i < 1000; i += 1) core.receivePacket(Uint8Array.of(99), { host: '127.0.0.1', port: 1 }, 0)
  assert.equal(core.stats().problems.get('malformed'), 1000)
  assert.equal(core.take().length < 100, true)
})
