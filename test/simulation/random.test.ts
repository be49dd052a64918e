import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../src/simulation/random.ts'

const draw = (random: SeededRandom, count = 8): number[] => Array.from({ length: count }, () => random.u32())

test('the same seed and name give the same numbers, on every machine', () => {
  assert.deepEqual(draw(new SeededRandom(42, 'network/a>b')), draw(new SeededRandom(42, 'network/a>b')))
  assert.deepEqual(draw(new SeededRandom(42, 'golden'), 4), [1552160814, 1060442138, 3872710103, 3434542127])
})

test('another seed or another name gives other numbers', () => {
  const others = [new SeededRandom(43, 'x'), new SeededRandom(42 + 2 ** 32, 'x'), new SeededRandom(42, 'y')]
  for (const other of others) assert.notDeepEqual(draw(other), draw(new SeededRandom(42, 'x')))
})

test('fractions, integers and bytes stay in range and spread evenly', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (seed) => {
      const random = new SeededRandom(seed, 'spread')
      const tenths = new Array<number>(10).fill(0)
      for (let index = 0; index < 2000; index++) {
        const fraction = random.fraction()
        assert.ok(fraction >= 0 && fraction < 1)
        tenths[Math.floor(fraction * 10)]!++
        const integer = random.integer(3, 5)
        assert.ok(integer >= 3 && integer <= 5)
      }
      // 200 expected; eight standard deviations away is no chance.
      for (const count of tenths) assert.ok(count > 90 && count < 310, `seed ${seed}: ${tenths}`)
      assert.equal(random.bytes(7).length, 7)
      assert.deepEqual(random.shuffle([1, 2, 3, 4]).sort(), [1, 2, 3, 4])
    }),
    { numRuns: 50 },
  )
})
