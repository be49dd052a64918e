import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Chronicle, type RunStory } from '../../src/simulation/chronicle.ts'
import type { FaultStep } from '../../src/simulation/faults.ts'
import { barsAndMarks } from '../../src/simulation/run-bars.ts'
import { drawRun } from '../../src/simulation/run-picture.ts'
import { drawSwarm } from '../../src/simulation/swarm.ts'
import { runToys } from './toys.ts'

const steps: FaultStep[] = [
  { atMs: 0, kind: 'start', host: 'a' },
  { atMs: 10_000, kind: 'partition', groups: [['a'], ['b']], id: '1' },
  { atMs: 15_000, kind: 'disk', host: 'b', trouble: { kind: 'slow', upToMs: 100 }, id: '2' },
  { atMs: 20_000, kind: 'kill', host: 'a' },
  { atMs: 25_000, kind: 'heal', id: '1' },
]

const story: RunStory = {
  title: 'Seed 1 & its <run>',
  subtitle: 'every "5 s"',
  endMs: 60_000,
  healedMs: 40_000,
  settledMs: 45_000,
  lanes: [
    { host: 'a', spells: [{ life: 'up', fromMs: 0, toMs: 20_000 }] },
    { host: 'b', spells: [{ life: 'paused', fromMs: 0, toMs: 60_000 }] },
  ],
  steps,
  broken: [{ atMs: 30_000, host: 'b', text: 'b: oneContent: two <contents>\u0000' }],
  acknowledged: Array.from({ length: 60 }, (_, second) => second),
}

/** Every element that is opened is closed, in order. */
function checkXml(svg: string): void {
  const open: string[] = []
  for (const [, close, name, rest] of svg.matchAll(/<(\/?)([\w]+)([^<>]*)>/g)) {
    if (close) assert.equal(open.pop(), name)
    else if (!rest!.endsWith('/')) open.push(name!)
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
  assert.doesNotMatch(svg.replace(/<style>[\s\S]*<\/style>/, ''), /&(?!#\d+;)/)
}

describe('a picture of a run', () => {
  test('shows how nodes lived, what went wrong, and in words what broke; no name can do harm in it', () => {
    const svg = drawRun(story)
    checkXml(svg)
    assert.ok(!svg.includes('\u0000') && !svg.includes('<contents>'))
    for (const text of [
      'Seed 1 &#38; its &#60;run&#62;',
      '>kill<',
      '>all healed<',
      '>at rest<',
      '1.  30.0 s  b: oneContent',
    ])
      assert.ok(svg.includes(text), text)
    assert.equal([...svg.matchAll(/class="band" x=/g)].length, 2 + 1, 'a and b, and the legend')
    assert.match(svg, /prefers-color-scheme:dark/)
  })

  test('can be drawn of a run of any swarm, and of one in which nothing ever happened', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const swarm = drawSwarm({ seed, hosts: ['node-1', 'node-2', 'node-3'], durationMs: 120_000 })
      checkXml(drawRun({ ...story, steps: swarm.steps }))
    }
    const nothing = { endMs: 0, healedMs: undefined, settledMs: undefined, lanes: [], steps: [], acknowledged: [] }
    checkXml(drawRun({ ...story, ...nothing, broken: [] }))
  })

  test('ends what lasts where it ended, by its id, or else where all was healed', () => {
    const { bars, marks } = barsAndMarks(steps, 40_000)
    const spans = bars.map(({ label, fromMs, toMs, host, cuts }) => ({ label, fromMs, toMs, host, cuts }))
    assert.deepEqual(spans, [
      { label: 'partition  a | b | rest', fromMs: 10_000, toMs: 25_000, host: undefined, cuts: ['a', 'b'] },
      { label: 'slow disk', fromMs: 15_000, toMs: 40_000, host: 'b', cuts: [] },
    ])
    assert.deepEqual(marks, [{ atMs: 20_000, host: 'a', label: 'kill', text: 'kill a' }])
  })

  test('is of the very run: the same trace, with every life, break and acknowledgement in it', async () => {
    const chronicle = new Chronicle()
    const bug = 'sends once and never again' as const
    const [watched, alone] = [await runToys(3, { bug, observer: chronicle }), await runToys(3, { bug })]
    assert.equal(watched.traceHash, alone.traceHash)
    const told = chronicle.story(watched, 'toys')
    assert.equal(told.broken.length, watched.violations.length)
    assert.equal(
      told.acknowledged.reduce((sum, count) => sum + count),
      watched.acknowledged,
    )
    for (const { spells } of told.lanes) {
      assert.ok(spells.some(({ life }) => life === 'up'))
      assert.equal(spells[0]!.fromMs, 0)
      assert.equal(spells.at(-1)!.toMs, told.endMs)
      for (const [index, spell] of spells.slice(1).entries()) assert.equal(spell.fromMs, spells[index]!.toMs)
    }
    checkXml(drawRun(told))
  })
})
