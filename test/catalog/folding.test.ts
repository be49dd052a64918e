import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Declarations } from '../../src/catalog/declarations.ts'
import { condense, expand } from '../../src/catalog/folding.ts'
import { type Fold, joined, type Place, type Position } from '../../src/catalog/place.ts'
import { foldOf, type RunEntry } from '../../src/catalog/run-kind.ts'
import { logKey } from '../../src/log/log-id.ts'
import { declaration, runOf } from './runs.ts'

const topic = 'orders'

function knowing(...entries: RunEntry[]): Declarations {
  const declarations = new Declarations()
  for (const entry of entries) declarations.add(entry)
  return declarations
}

/** `['a', 3, 17]`: offset 17 of the run 3 of node a. */
function at(...offsets: [origin: string, run: number, offset: number][]): Place {
  const positions = new Map<string, Position>()
  for (const [origin, run, offset] of offsets) {
    const id = { topic, origin, epoch: runOf(run) }
    positions.set(logKey(id), { id, offset })
  }
  return { positions, folds: [] }
}

const shown = ({ positions, folds }: Place) => [
  ...[...positions.values()].map(
    ({ id, offset }) => `${id.origin}${Number.parseInt(id.epoch.slice(24), 16)}:${offset}`,
  ),
  ...folds.map(({ origin, epoch, number }) => `${origin}${Number.parseInt(epoch.slice(24), 16)}#${number}`),
]

/** Node a: three runs, each declared by the next one. */
const first = declaration({ by: 2, run: 1, ends: { orders: 10, bills: 4 } })
const second = declaration({ by: 3, run: 2, ends: { orders: 20 }, follows: [foldOf(first)] })
const third = declaration({ by: 4, run: 3, ends: { bills: 9 }, follows: [foldOf(second)] })

test('logs that were read as far as declared fold into the last declaration that says something of the topic', () => {
  const declarations = knowing(first, second, third)
  const condensed = condense(declarations, topic, at(['a', 1, 10], ['a', 2, 20], ['a', 4, 3]))
  assert.deepEqual(shown(condensed), ['a4:3', 'a3#1'])
  assert.deepEqual(
    [...expand(declarations, topic, condensed).positions.values()].map(({ offset }) => offset).sort(),
    [10, 20, 3],
  )
})

test('what was not read to its declared end holds back all that follows', () => {
  const declarations = knowing(first, second, third)
  assert.deepEqual(shown(condense(declarations, topic, at(['a', 1, 9], ['a', 2, 20]))), ['a1:9', 'a2:20'])
  assert.deepEqual(shown(condense(declarations, topic, at(['a', 1, 10], ['a', 2, 19]))), ['a2:19', 'a2#1'])
  assert.deepEqual(shown(condense(declarations, topic, at(['a', 2, 20]))), ['a2:20'])
})

test('a log that was read further than declared keeps its position, until that is declared, too', () => {
  const declarations = knowing(first, second)
  const place = at(['a', 1, 12], ['a', 2, 20])
  const condensed = condense(declarations, topic, place)
  assert.deepEqual(shown(condensed), ['a1:12', 'a3#1'])
  declarations.add(declaration({ by: 4, number: 2, run: 1, ends: { orders: 12 }, follows: [foldOf(second)] }))
  assert.deepEqual(shown(condense(declarations, topic, condensed)), ['a4#2'])
  // Who stands at the earlier end does not stand at the later one.
  assert.deepEqual(shown(condense(declarations, topic, at(['a', 1, 10], ['a', 2, 20]))), ['a3#1'])
})

test('a declaration is not known before all that it follows is', () => {
  const declarations = knowing(second, third)
  const heard: string[] = []
  declarations.onKnown((origin) => heard.push(origin))
  const fold = foldOf(second)
  const place: Place = { positions: new Map(), folds: [fold] }
  assert.deepEqual(expand(declarations, topic, place).unknown, [fold])
  assert.deepEqual(declarations.lastOf('a'), [])
  declarations.add(first)
  assert.deepEqual(heard, ['a'])
  assert.deepEqual(expand(declarations, topic, place).unknown, [])
  assert.deepEqual(declarations.lastOf('a'), [foldOf(third)])
})

test('two that follow the same one, as of a folder that was copied, fold side by side and meet in the next', () => {
  const copy = declaration({ by: 7, run: 5, ends: { orders: 5 }, follows: [foldOf(first)] })
  const declarations = knowing(first, second, copy)
  const place = at(['a', 1, 10], ['a', 2, 20], ['a', 5, 5], ['a', 8, 1])
  assert.deepEqual(shown(condense(declarations, topic, place)), ['a8:1', 'a3#1', 'a7#1'])
  assert.deepEqual(shown(condense(declarations, topic, at(['a', 1, 10], ['a', 5, 5]))), ['a7#1'])
  declarations.add(declaration({ by: 9, run: 8, ends: { orders: 1 }, follows: declarations.lastOf('a') }))
  assert.deepEqual(shown(condense(declarations, topic, place)), ['a9#1'])
})

test('declarations that follow each other in a circle are never known, and cost nothing more', () => {
  const one = { origin: 'a', epoch: runOf(1), number: 1 }
  const other = { origin: 'a', epoch: runOf(2), number: 1 }
  const declarations = knowing(
    declaration({ by: 1, run: 0, ends: { orders: 1 }, follows: [other] }),
    declaration({ by: 2, run: 0, ends: { orders: 1 }, follows: [one] }),
    declaration({ by: 3, run: 0, ends: { orders: 1 }, follows: [{ origin: 'a', epoch: runOf(3), number: 1 }] }),
  )
  assert.deepEqual([declarations.knows(one), declarations.knows(other)], [false, false])
})

/** What an origin may declare in the course of its life: forks, repetitions with later ends, topics that come and go. */
const anyHistory = fc
  .array(
    fc.record({
      origin: fc.constantFrom('a', 'b'),
      run: fc.nat(4),
      ends: fc.dictionary(fc.constantFrom('orders', 'bills'), fc.integer({ min: 1, max: 5 })),
      follows: fc.array(fc.nat(7), { maxLength: 2 }),
    }),
    { maxLength: 8 },
  )
  .map((drafts) => {
    const entries: RunEntry[] = []
    for (const [index, { follows, ...draft }] of drafts.entries()) {
      const before = entries.filter((entry, at) => entry.origin === draft.origin && follows.includes(at))
      entries.push(declaration({ ...draft, by: 10 + index, follows: before.map(foldOf) }))
    }
    return entries
  })

const anyPlace = fc
  .array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(4), fc.integer({ min: 1, max: 6 })), { maxLength: 8 })
  .map((offsets) => at(...offsets))

const offsetsOf = (positions: ReadonlyMap<string, Position>) =>
  [...positions].map(([key, { offset }]) => `${key} ${offset}`).sort()

test('whoever knows the declarations reads the same positions out of a folded cursor, however it was put together', () => {
  fc.assert(
    fc.property(anyHistory, anyPlace, anyPlace, (entries, one, other) => {
      const all = knowing(...entries)
      const folded = [one, other].map((place) => condense(all, topic, place)) as [Place, Place]
      assert.deepEqual(offsetsOf(expand(all, topic, folded[0]).positions), offsetsOf(one.positions))
      const both = joined(one, other).positions
      assert.deepEqual(offsetsOf(expand(all, topic, joined(...folded)).positions), offsetsOf(both))
      assert.deepEqual(
        shown(condense(all, topic, joined(...folded))).sort(),
        shown(condense(all, topic, joined(one, other))).sort(),
      )
    }),
    { numRuns: 1000 },
  )
})

test('who knows fewer declarations reads the same, or sees of which origins it cannot tell', () => {
  fc.assert(
    fc.property(
      anyHistory,
      anyPlace,
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      (entries, place, kept) => {
        const all = knowing(...entries)
        const some = knowing(...entries.filter((_, index) => kept[index]))
        const folded = condense(all, topic, place)
        // Also after it was put together anew by somebody who could not understand all of it.
        for (const cursor of [folded, condense(some, topic, folded)]) {
          const { positions, unknown } = expand(some, topic, cursor)
          const unsure = new Set(unknown.map(({ origin }) => origin))
          const sure = (from: ReadonlyMap<string, Position>) =>
            offsetsOf(new Map([...from].filter(([, { id }]) => !unsure.has(id.origin))))
          assert.deepEqual(sure(positions), sure(place.positions))
          assert.deepEqual(offsetsOf(expand(all, topic, cursor).positions), offsetsOf(place.positions))
        }
      },
    ),
    { numRuns: 1000 },
  )
})

test('in which order declarations arrive, and how often, makes no difference', () => {
  const byName = (folds: readonly Fold[]) => folds.map(({ epoch }) => epoch).sort()
  fc.assert(
    fc.property(anyHistory, anyPlace, fc.infiniteStream(fc.nat()), (entries, place, chance) => {
      const shuffled = [...entries, ...entries]
        .map((entry) => ({ entry, at: chance.next().value as number }))
        .sort((one, other) => one.at - other.at)
        .map(({ entry }) => entry)
      const [one, other] = [knowing(...entries), knowing(...shuffled)]
      for (const origin of ['a', 'b']) assert.deepEqual(byName(other.lastOf(origin)), byName(one.lastOf(origin)))
      assert.deepEqual(shown(condense(other, topic, place)).sort(), shown(condense(one, topic, place)).sort())
    }),
  )
})
