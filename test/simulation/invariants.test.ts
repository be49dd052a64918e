import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CopySnapshot,
  checkCaughtUp,
  checkGrowth,
  checkLagging,
  checkNothingOpen,
  checkPeers,
  checkPlaces,
  checkRecords,
  checkReplicators,
  describeViolation,
  type HeldFrames,
  type NodeSnapshot,
} from '../../src/simulation/invariants.ts'
import { KnownFrames } from '../../src/simulation/known-frames.ts'

/** A copy whose last frame ends at the last of these offsets. */
function copy(log: string, ends: readonly number[]): CopySnapshot {
  return { log, start: 0, end: ends.at(-1) ?? 0 }
}

/** Frames that end at these offsets, the first of them at `from`; a chain is all content up to there, as a number. */
function frames(log: string, ends: readonly number[], from = 0, differsFrom = Number.POSITIVE_INFINITY): HeldFrames {
  const held = ends.map((end, index) => {
    return { base: ends[index - 1] ?? 0, end, chain: BigInt(end) * 10n + (end >= differsFrom ? 1n : 0n) }
  })
  return { log, frames: held.filter(({ end }) => end > from) }
}

function node(name: string, facts: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return { name, copies: [], records: [], places: [], wanted: [], running: [], ...facts }
}

const texts = (violations: Parameters<typeof describeViolation>[0][]): string[] => violations.map(describeViolation)

test('prefixes of one log never differ, whatever their lengths, how much of the beginning is trimmed, and in which pieces they are seen', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { minLength: 1, maxLength: 9 }),
      (sizes, cuts) => {
        const ends = sizes.map((_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0))
        const known = new KnownFrames()
        for (const [index, [length, trimmed]] of cuts.entries()) {
          const held = ends.slice(0, length)
          const start = held[Math.min(trimmed, held.length) - 1] ?? 0
          assert.deepEqual(known.learn(`n${index}`, [frames('log', held, start)]), [])
        }
      },
    ),
  )
})

test('copies that part are found, in whichever order they are seen: other content, and a frame across the end of another', () => {
  const learn = (...seen: [string, HeldFrames][]): string[] => {
    const known = new KnownFrames()
    return texts(seen.flatMap(([name, held]) => known.learn(name, [held])))
  }
  const longest: [string, HeldFrames] = ['a', frames('log', [2, 4, 6])]
  const other: [string, HeldFrames] = ['b', frames('log', [2, 4], 0, 4)]
  assert.deepEqual(learn(longest, other), ['copies of log differ up to offset 4: a against b'])
  assert.deepEqual(learn(other, longest), ['copies of log differ up to offset 4: b against a'])
  const across: [string, HeldFrames] = ['b', frames('log', [2, 5])]
  assert.deepEqual(learn(longest, across), ['copies of log differ up to offset 5: a against b'])
  assert.deepEqual(learn(across, longest), ['copies of log differ up to offset 4: b against a'])
  assert.deepEqual(learn(['a', frames('log', [2, 4, 6], 4)], ['b', frames('log', [1, 5])]), [
    'copies of log differ up to offset 5: a against b',
  ])
  assert.deepEqual(learn(longest, ['b', frames('another', [1, 5])]), [])
})

test('a copy that shrinks or vanishes is found; growth is not', () => {
  const before = node('a', { copies: [copy('x', [2, 4]), copy('y', [3])] })
  assert.deepEqual(texts(checkGrowth(before, node('a', { copies: [copy('x', [2])] }))), [
    'a: its copy of x shrank from 4 to 2',
    'a: its copy of y shrank from 3 to 0',
  ])
  assert.deepEqual(
    checkGrowth(before, node('a', { copies: [copy('x', [2, 4, 9]), copy('y', [3]), copy('z', [1])] })),
    [],
  )
})

test('at rest every node has all of every log', () => {
  const nodes = [node('a', { copies: [copy('x', [2, 4])] }), node('b', { copies: [copy('x', [2])] }), node('c')]
  assert.deepEqual(texts(checkCaughtUp(nodes)), [
    'b: its copy of x ends at 2, the longest at 4',
    'c: its copy of x ends at 0, the longest at 4',
  ])
})

test('acknowledged records are everywhere, and nowhere twice', () => {
  const nodes = [node('a', { records: ['r1', 'r2', 'r3'] }), node('b', { records: ['r3', 'r3'] })]
  assert.deepEqual(texts(checkRecords(new Set(['r1', 'r2']), nodes)), [
    'b: record r3 can be read twice',
    'b: 2 acknowledged records are missing, the first is r1',
  ])
})

test('what a node has trimmed need not be there, nor what everybody has trimmed be known to a new one', () => {
  const trimmed = { ...copy('x', [4]), start: 2 }
  const nodes = [node('a', { copies: [trimmed], records: ['x/2', 'x/3'] }), node('b', { copies: [copy('x', [4])] })]
  assert.deepEqual(texts(checkRecords(['x/1', 'x/2', 'x/3'], nodes)), [
    'b: 3 acknowledged records are missing, the first is x/1',
  ])
  const bound = { ...copy('x', []), start: 4, end: 4 }
  assert.deepEqual(checkCaughtUp([node('a', { copies: [bound] }), node('b')]), [])
  assert.deepEqual(
    texts(checkCaughtUp([node('a', { copies: [trimmed] }), node('b', { copies: [bound] }), node('c')])),
    ['c: its copy of x ends at 0, the longest at 4'],
  )
})

test('what was sent again is there once', () => {
  const nodes = [node('a', { places: ['p/1', 'p/2'] }), node('b', { places: ['p/1', 'p/2', 'p/1'] })]
  assert.deepEqual(texts(checkPlaces(nodes)), ['b: what was sent again is stored again: p/1'])
  assert.deepEqual(
    checkPlaces(nodes, (place) => place === 'p/1'),
    [],
  )
  const others = [node('a', { places: ['p/1', 'p/1', 'p/2', 'p/2'] })]
  assert.deepEqual(texts(checkPlaces(others, (place) => place === 'p/1')), [
    'a: what was sent again is stored again: p/2',
  ])
})

test('replicators are the wanted ones, each once, and wanted is who is alive', () => {
  const nodes = [node('a', { wanted: ['b'], running: ['b', 'b'] }), node('b', { wanted: ['a'], running: ['a'] })]
  assert.deepEqual(texts(checkReplicators(nodes)), ['a: wants replicators of [b], runs [b b]'])
  const lagging = nodes.map((node) => ({ ...node, lagging: node.name === 'a' ? ['b'] : [] }))
  assert.deepEqual(texts(checkLagging(lagging)), ['a: its replicators of [b] have not caught up'])
  assert.deepEqual(checkPeers(nodes), [])
  assert.deepEqual(texts(checkPeers([...nodes, node('c', { wanted: ['b', 'a'] })])), [
    'a: wants [b], alive are [b c]',
    'b: wants [a], alive are [a c]',
  ])
})

test('what is open after a stop is named', () => {
  const nothing = { timers: [], sockets: [], listeners: [], streams: [], channels: [], calls: [], files: [], locks: [] }
  assert.deepEqual(checkNothingOpen('a', nothing), [])
  assert.deepEqual(checkNothingOpen('a', undefined), [])
  assert.deepEqual(texts(checkNothingOpen('a', { ...nothing, files: ['/data/x'], timers: ['in 5 ms'] })), [
    'a: still open after stop: timers in 5 ms, files /data/x',
  ])
})
