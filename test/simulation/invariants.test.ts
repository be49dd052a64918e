import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CopySnapshot,
  checkCaughtUp,
  checkGrowth,
  checkNothingOpen,
  checkPeers,
  checkPlaces,
  checkPrefixes,
  checkRecords,
  checkReplicators,
  describeViolation,
  type NodeSnapshot,
} from '../../src/simulation/invariants.ts'

/** A copy whose frames end at these offsets; a chain is all content up to there, as a number. */
function copy(log: string, ends: readonly number[], from = 0, differsFrom = Number.POSITIVE_INFINITY): CopySnapshot {
  const kept = ends.filter((end) => end > from)
  const chains = new Map(kept.map((end) => [end, BigInt(end) * 10n + (end >= differsFrom ? 1n : 0n)]))
  return { log, start: from, end: ends.at(-1) ?? from, chains }
}

function node(name: string, facts: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return { name, copies: [], records: [], places: [], wanted: [], running: [], ...facts }
}

const texts = (violations: Parameters<typeof describeViolation>[0][]): string[] => violations.map(describeViolation)

test('prefixes of one log never differ, whatever their lengths and however much of the beginning is trimmed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { minLength: 1, maxLength: 5 }),
      (sizes, cuts) => {
        const ends = sizes.map((_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0))
        const nodes = cuts.map(([length, trimmed], index) => {
          const held = ends.slice(0, length)
          const start = held[Math.min(trimmed, held.length) - 1] ?? 0
          return node(`n${index}`, { copies: [copy('log', held, start)] })
        })
        assert.deepEqual(checkPrefixes(nodes), [])
      },
    ),
  )
})

test('copies that part are found: other content, and an end where the longest has no frame end', () => {
  const longest = node('a', { copies: [copy('log', [2, 4, 6])] })
  assert.deepEqual(texts(checkPrefixes([longest, node('b', { copies: [copy('log', [2, 4], 0, 4)] })])), [
    'copies of log differ up to offset 4: a against b',
  ])
  assert.deepEqual(texts(checkPrefixes([node('b', { copies: [copy('log', [2, 5])] }), longest])), [
    'copies of log differ up to offset 5: a against b',
  ])
  assert.deepEqual(checkPrefixes([longest, node('b', { copies: [copy('another', [1, 5])] })]), [])
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
})

test('replicators are the wanted ones, each once, and wanted is who is alive', () => {
  const nodes = [node('a', { wanted: ['b'], running: ['b', 'b'] }), node('b', { wanted: ['a'], running: ['a'] })]
  assert.deepEqual(texts(checkReplicators(nodes)), ['a: wants replicators of [b], runs [b b]'])
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
