import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Coordinate, distanceNs, initialCoordinate, isUsable } from '../../src/gossip/coordinate.ts'
import { Vivaldi } from '../../src/gossip/vivaldi.ts'
import { seededRandom } from './cluster.ts'
import { golden, type Json } from './golden.ts'

const recorded = golden('vivaldi')
const fromJson = ({ Vec, Error: error, Adjustment, Height }: Json): Coordinate => {
  return { vec: Vec, error, adjustment: Adjustment, height: Height }
}
const others = new Map(Object.entries(recorded.others).map(([name, json]) => [name, fromJson(json)]))
const other = (name: string) => others.get(name) as Coordinate

describe('coordinates', () => {
  test('every recorded step leads to the recorded coordinate, to the last bit', () => {
    const vivaldi = new Vivaldi(seededRandom(1), fromJson(recorded.start))
    for (const { node, rttNs, after, distanceToOtherNs } of recorded.steps) {
      assert.equal(vivaldi.update(node, other(node), rttNs), true)
      assert.deepEqual(vivaldi.coordinate, fromJson(after))
      assert.equal(distanceNs(vivaldi.coordinate, other(node)), distanceToOtherNs)
    }
    assert.equal(recorded.steps.length, 24)
  })

  test('the recorded distances', () => {
    for (const { a, b, distanceNs: recordedNs } of recorded.distances) {
      assert.equal(distanceNs(other(a), other(b)), recordedNs)
      assert.equal(distanceNs(other(b), other(a)), recordedNs)
    }
  })

  test('what is unusable changes nothing', () => {
    const vivaldi = new Vivaldi(seededRandom(1))
    const b = other('b')
    assert.equal(vivaldi.update('b', { ...b, vec: [1, 2, 3] }, 1e6), false)
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.equal(vivaldi.update('b', { ...b, vec: b.vec.with(3, bad) }, 1e6), false)
      assert.equal(vivaldi.update('b', { ...b, error: bad }, 1e6), false)
      assert.equal(vivaldi.update('b', { ...b, height: bad }, 1e6), false)
      assert.equal(vivaldi.update('b', { ...b, adjustment: bad }, 1e6), false)
    }
    for (const rttNs of [-1, 11e9, Number.NaN]) assert.equal(vivaldi.update('b', b, rttNs), false)
    assert.deepEqual(vivaldi.coordinate, initialCoordinate)
    assert.equal(vivaldi.update('b', b, 0), true)
  })

  test('two at the very same place part, in some direction', () => {
    const vivaldi = new Vivaldi(seededRandom(7))
    vivaldi.update('twin', initialCoordinate, 10e6)
    const moved = distanceNs(vivaldi.coordinate, initialCoordinate)
    assert.ok(moved > 1e6 && moved < 10e6, `${moved} ns`)
  })

  test('a freak value among others is filtered out', () => {
    const vivaldi = new Vivaldi(seededRandom(3))
    for (let i = 0; i < 20; i += 1) vivaldi.update('b', other('b'), 12e6)
    const before = vivaldi.coordinate
    vivaldi.update('b', other('b'), 9e9)
    assert.ok(distanceNs(before, vivaldi.coordinate) < 2e6)
    vivaldi.forget('b')
    vivaldi.update('b', other('b'), 9e9)
    assert.ok(distanceNs(before, vivaldi.coordinate) > 100e6, 'nothing is left to compare it with')
  })

  test('members of three sites come to know how far apart they are', () => {
    const random = seededRandom(5)
    const site = [0, 0, 1, 1, 2, 2]
    const msApart = [
      [1, 20, 80],
      [20, 1, 70],
      [80, 70, 1],
    ]
    const nodes = site.map(() => new Vivaldi(random))
    const rttMs = (a: number, b: number) => msApart[site[a] as number]?.[site[b] as number] as number
    for (let round = 0; round < 400; round += 1) {
      for (const [a, node] of nodes.entries()) {
        const b = (a + 1 + Math.floor(random() * 5)) % 6
        node.update(`${b}`, (nodes[b] as Vivaldi).coordinate, Math.round(rttMs(a, b) * (0.95 + 0.1 * random()) * 1e6))
      }
    }
    for (const [a, b] of [
      [0, 2],
      [1, 4],
      [3, 5],
    ] as const) {
      const estimatedMs = distanceNs((nodes[a] as Vivaldi).coordinate, (nodes[b] as Vivaldi).coordinate) / 1e6
      assert.ok(Math.abs(estimatedMs - rttMs(a, b)) < 0.15 * rttMs(a, b), `${a} to ${b}: ${estimatedMs} ms`)
    }
  })

  test('whatever finite is fed to it, it stays usable', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
    const anyCoordinate = fc.record({
      vec: fc.array(finite, { minLength: 8, maxLength: 8 }),
      error: finite,
      adjustment: finite,
      height: finite,
    })
    const anyUpdate = fc.tuple(fc.constantFrom('a', 'b'), anyCoordinate, fc.integer({ min: 0, max: 10e9 }))
    fc.assert(
      fc.property(fc.array(anyUpdate, { maxLength: 40 }), (updates) => {
        const vivaldi = new Vivaldi(seededRandom(9))
        for (const [name, coordinate, rttNs] of updates) {
          vivaldi.update(name, coordinate, rttNs)
          assert.equal(isUsable(vivaldi.coordinate), true)
        }
      }),
    )
  })
})
