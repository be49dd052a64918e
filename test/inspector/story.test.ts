import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Story } from '../../src/inspector/page/story.ts'
import type { SnapshotRecord, TraceRecord } from '../../src/inspector/record.ts'

const epoch = '018cc251-f745-7b5a-875d-364ec89f06dd'

function snapshot(node: string): SnapshotRecord {
  const actor = { actor: 'supervisor', parent: null, id: 'supervisor', chart: 'supervisor', logic: 'supervisor' }
  const view = { ...actor, states: ['supervisor.opening'], context: {}, startedAt: 0, startedMs: 0, handled: 0 }
  return { kind: 'snapshot', node, epoch, sequence: 0, atMs: 0, actors: [view], facts: {} }
}

/** The n-th of a node leads to the state `n`. */
function transition(node: string, n: number): TraceRecord {
  return {
    kind: 'transition',
    ...{ node, epoch, sequence: n, atMs: n },
    actor: 'supervisor',
    event: { type: 'tick' },
    from: null,
    ...{ before: [`supervisor.${n - 1}`], after: [`supervisor.${n}`], taken: [], sent: [] },
  }
}

function told(story: Story, position: number, node: string): string | undefined {
  return story.at(position).nodes.get(node)?.actors.get('supervisor')?.states[0]
}

describe('the story of a cluster', () => {
  it('shows where everything stood after any of its records, forwards, backwards and anew', () => {
    const story = new Story()
    for (const node of ['a', 'b']) story.add(snapshot(node))
    for (let n = 1; n <= 2000; n++) for (const node of ['a', 'b']) story.add(transition(node, n))
    assert.equal(story.last, 4002)
    // Positions 2 + 2k: both have done k steps; one more record: a has done one more.
    for (const k of [0, 1, 700, 699, 1999, 3, 1200, 1200]) {
      assert.equal(told(story, 2 + 2 * k, 'a'), k === 0 ? 'supervisor.opening' : `supervisor.${k}`)
      assert.equal(told(story, 3 + 2 * k, 'b'), k === 0 ? 'supervisor.opening' : `supervisor.${k}`)
      assert.equal(told(story, 3 + 2 * k, 'a'), `supervisor.${k + 1}`)
    }
    assert.equal(told(story, Number.POSITIVE_INFINITY, 'b'), 'supervisor.2000')
  })

  it('keeps so many records and not many more, and still knows where everything stood before them', () => {
    const story = new Story(1000)
    story.add(snapshot('a'))
    for (let n = 1; n <= 10_000; n++) story.add(transition('a', n))
    assert.ok(story.last - story.first <= 1500, `${story.last - story.first} are kept`)
    assert.ok(story.last - story.first >= 1000)
    assert.equal(told(story, story.first, 'a'), `supervisor.${story.first - 1}`)
    assert.equal(told(story, 0, 'a'), `supervisor.${story.first - 1}`)
    assert.equal(told(story, story.last - 1, 'a'), 'supervisor.9999')
    assert.equal(story.record(story.first - 1), undefined)
    assert.equal(story.between(story.last - 2, story.last).length, 2)
  })

  it('begins a node anew with its next run', () => {
    const story = new Story()
    story.add(snapshot('a'))
    story.add(transition('a', 1))
    const next = { ...snapshot('a'), epoch: '018cc251-f745-7b5a-875d-364ec89f06de' }
    story.add(next)
    assert.equal(told(story, 2, 'a'), 'supervisor.1')
    assert.equal(told(story, 3, 'a'), 'supervisor.opening')
  })
})
