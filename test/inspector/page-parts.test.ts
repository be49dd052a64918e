/** What the page makes of records, where no browser is needed. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MemberFacts } from '../../src/inspector/facts.ts'
import { actorRows } from '../../src/inspector/page/actor-rows.ts'
import { inTime } from '../../src/inspector/page/in-time.ts'
import { loadsOf } from '../../src/inspector/page/loads.ts'
import { Marks } from '../../src/inspector/page/marks.ts'
import { lanesOf, Messages, messagesOf } from '../../src/inspector/page/messages.ts'
import { Pulses } from '../../src/inspector/page/pulses.ts'
import { alarmsOf, linksOf, standingsOf } from '../../src/inspector/page/standing.ts'
import { Story } from '../../src/inspector/page/story.ts'
import type { TraceRecord, TransitionRecord } from '../../src/inspector/record.ts'
import { epochOf, heardBy, largeCluster, snapshotOf } from './made-trace.ts'

const stamp = (node: string, n: number, sequence: number, atMs: number) => ({ node, epoch: epochOf(n), sequence, atMs })
const startMs = snapshotOf({ node: 'a', n: 1, peers: [] }).atMs

function told(...records: readonly TraceRecord[]): Story {
  const story = new Story()
  for (const record of records) story.add(record)
  return story
}

function members(status: MemberFacts['status'], ...names: string[]): MemberFacts[] {
  return names.map((name) => ({ name, address: '', status, incarnation: 1, rttMs: null, tags: { epoch: 'e' } }))
}

describe('how a node is', () => {
  const [a, b] = ['a', 'b'].map((node, at) =>
    snapshotOf({ node, n: at + 1, peers: [], members: members('alive', 'a', 'b') }),
  ) as [ReturnType<typeof snapshotOf>, ReturnType<typeof snapshotOf>]
  const words = (story: Story) => standingsOf(story.now()).map(({ name, word, up }) => `${name} ${word} ${up}`)

  it('is told by itself, as long as it tells anything', () => {
    assert.deepEqual(words(told(a, b)), ['a serving true', 'b serving true'])
    const doubt = { kind: 'facts', ...stamp('a', 1, 1, startMs), facts: { members: members('failed', 'b') } } as const
    assert.deepEqual(words(told(a, b, doubt)), ['a serving true', 'b serving true'], 'a partition: both are up')
  })

  it('is told by the others, once it tells nothing any more', () => {
    const later = {
      kind: 'facts',
      ...stamp('a', 1, 1, startMs + 60_000),
      facts: { members: members('failed', 'b') },
    } as const
    assert.deepEqual(words(told(a, b, later)), ['a serving true', 'b failed false'])
    const back = { ...b, epoch: epochOf(9), atMs: startMs + 61_000 }
    assert.deepEqual(words(told(a, b, later, back)), ['a serving true', 'b serving true'])
  })

  it('says of a peer that failed before anybody looked that it failed, and of a Serf agent nothing', () => {
    const seen = [...members('failed', 'b'), ...members('failed', 'serf').map((member) => ({ ...member, tags: {} }))]
    assert.deepEqual(words(told(snapshotOf({ node: 'a', n: 1, peers: [], members: seen }))), [
      'a serving true',
      'b failed false',
    ])
  })

  it('has alarms as long as it is up', () => {
    const alarms = [{ what: 'slow', severity: 'warning', text: 'x', sinceMs: 0 }] as const
    const slow = { ...b, facts: { ...b.facts, alarms } }
    const later = {
      kind: 'facts',
      ...stamp('a', 1, 1, startMs + 60_000),
      facts: { members: members('failed', 'b') },
    } as const
    const named = (story: Story) => alarmsOf(standingsOf(story.now())).map(({ node }) => node)
    assert.deepEqual([named(told(a, slow)), named(told(a, slow, later))], [['b'], []])
  })

  it('has a link for each that it copies from, also where no facts were told', () => {
    const simulated = { ...a, facts: {}, actors: snapshotOf({ node: 'a', n: 1, peers: ['b'] }).actors }
    assert.deepEqual(linksOf(standingsOf(told(simulated).now())), [
      { from: 'b', to: 'a', state: 'live', lagRecords: 0 },
    ])
    assert.equal(linksOf(standingsOf(told(...largeCluster(9)).now())).length, 72)
  })
})

describe('what stands out', () => {
  it('is found once, in its order, as long as it is kept', () => {
    const marks = new Marks()
    const story = new Story(1000)
    const note = (sequence: number, about?: 'broken'): TraceRecord => {
      return { kind: 'note', ...stamp('a', 1, sequence, sequence), text: `${sequence}`, ...(about && { about }) }
    }
    for (const record of [note(1), heardBy('a', 1, 2, 'b'), note(3, 'broken')]) story.add(record)
    const found = () => marks.of(story).map(({ kind, text, position }) => `${position} ${kind} ${text}`)
    assert.deepEqual(found(), ['0 other a: 1', '2 broken 3'])
    for (let n = 4; n < 5000; n++) story.add(heardBy('a', 1, n, 'b'))
    story.add(note(5000))
    assert.deepEqual(found(), [`${story.last - 1} other a: 5000`])
    assert.deepEqual(marks.of(new Story()), [])
  })
})

describe('what nodes wrote and copied lately', () => {
  it('are the looks of the last minute, as records a second', () => {
    const look = (sequence: number): TraceRecord => {
      const load = { periodMs: 2000, loopDelayMs: 0, written: 2 * sequence, copied: 10 }
      return { kind: 'facts', ...stamp('a', 1, sequence, startMs + 2000 * sequence), facts: { load } }
    }
    const story = told(a1(), ...Array.from({ length: 50 }, (_, at) => look(at + 1)))
    const bars = loadsOf(story, story.last).get('a')
    assert.deepEqual([bars?.length, bars?.at(-1)?.written, bars?.at(-1)?.copied, bars?.[0]?.written], [31, 50, 5, 20])
    assert.equal(loadsOf(story, 3).get('a')?.length, 2)
  })
  const a1 = () => snapshotOf({ node: 'a', n: 1, peers: [] })
})

describe('pulses', () => {
  it('show each of the transitions of one moment for a while, in their order, and then none', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const seen: string[] = []
    const pulses = new Pulses(() => seen.push(pulses.shown?.event.type ?? 'none'))
    const records = Array.from({ length: 5 }, (_, at) => ({
      ...heardBy('a', 1, at + 1, 'b'),
      event: { type: `${at}` },
    }))
    pulses.add(records as TransitionRecord[])
    assert.equal(pulses.shown?.event.type, '0')
    for (let at = 0; at < 20; at++) t.mock.timers.tick(1000)
    assert.deepEqual(seen, ['1', '2', '3', '4', 'none'])
    t.mock.timers.reset()
  })
})

describe('rows of actors', () => {
  const a = snapshotOf({ node: 'a', n: 1, peers: ['b', 'c'] })
  const wanted = { sought: '', withStopped: true, closed: new Set<string>() }
  const shown = (story: Story, more = {}) =>
    actorRows(story.now(), story, { ...wanted, ...more }).map((row) =>
      'view' in row ? `${row.depth} ${row.view.id}${row.ended ? ` ${row.ended}` : ''}` : row.node,
    )

  it('are a tree, with those that stopped in it, until they live again', () => {
    const path = 'supervisor/replicator/b'
    const ended = { kind: 'stopped', ...stamp('a', 1, 1, startMs), actor: path, status: 'error' } as const
    const all = ['a', '1 supervisor', '2 membership', '2 replicator/b', '2 replicator/c', '2 server']
    assert.deepEqual(shown(told(a)), all)
    assert.deepEqual(
      shown(told(a, ended)),
      all.map((row) => (row === '2 replicator/b' ? `${row} error` : row)),
    )
    assert.deepEqual(
      shown(told(a, ended), { withStopped: false }),
      all.filter((row) => row !== '2 replicator/b'),
    )
    assert.deepEqual(shown(told(a), { closed: new Set(['a']) }), ['a'])
    assert.deepEqual(shown(told(a), { sought: 'replicator/c' }), ['a', '2 replicator/c'])
  })
})

describe('messages', () => {
  it('stand between the lanes of their actors, and say what is missing', () => {
    const gap = { kind: 'gap', node: 'a', epoch: epochOf(1), first: 3, last: 12, why: 'slow' } as const
    const story = told(
      snapshotOf({ node: 'a', n: 1, peers: ['b'] }),
      heardBy('a', 1, 1, 'b'),
      gap,
      heardBy('a', 1, 13, 'b'),
    )
    const sought = { node: '', text: '', onlyTaken: false, actor: undefined }
    const messages = messagesOf(story, story.last, sought)
    assert.deepEqual(
      messages.map((each) => (each.what === 'aside' ? each.text : each.type)),
      ['pull.fellBehind', '10 records of a are missing: this page did not keep up', 'pull.fellBehind'],
    )
    assert.deepEqual(
      lanesOf(messages).map(({ node, short, of }) => `${node} ${short} ${of}`),
      ['a replicator b', 'a pull b'],
    )
    assert.equal(messagesOf(story, story.last, { ...sought, text: 'nothing' }).length, 1, 'only the gap')
  })

  it('of a timer that fires again and again are one row, found at once or as they come', () => {
    const [alive, actor] = [['membership.alive.among'], 'supervisor/membership']
    const timer = (sequence: number, name = 'strangersInterval'): TransitionRecord => ({
      ...heardBy('a', 1, sequence, 'b'),
      ...{ actor, from: actor, event: { type: `xstate.after.${name}.membership.alive` }, before: alive, after: alive },
    })
    const records = [
      snapshotOf({ node: 'a', n: 1, peers: ['b'] }),
      ...[timer(1), timer(2), timer(3, 'other'), timer(4), heardBy('a', 1, 5, 'b'), timer(6), timer(7)],
    ]
    const sought = { node: 'a', text: '', onlyTaken: false, actor: undefined }
    const story = told(...records)
    const all = messagesOf(story, story.last, sought)
    const rows = all.map((each) => each.what === 'message' && [each.position, each.times, each.sinceMs - startMs])
    assert.deepEqual(rows, [
      [3, 1, 60],
      [4, 3, 20],
      [5, 1, 100],
      [7, 2, 120],
    ])
    const growing = new Story()
    const messages = new Messages()
    for (const record of records) {
      growing.add(record)
      assert.deepEqual(messages.of(growing, growing.last, sought, false), messagesOf(growing, growing.last, sought))
    }
    assert.equal(messages.of(growing, growing.last, sought, true), messages.of(growing, growing.last, sought, false))
    assert.deepEqual(messages.of(growing, 3, sought, false), messagesOf(growing, 3, sought), 'back in time')
  })
})

describe('records of several nodes', () => {
  it('are shown in the order of time, each node in its own', () => {
    const note = (node: string, sequence: number, atMs: number): TraceRecord => {
      return { kind: 'note', ...stamp(node, 1, sequence, atMs), text: `${node}${sequence}` }
    }
    const gap: TraceRecord = { kind: 'gap', node: 'b', epoch: epochOf(1), first: 1, last: 1, why: 'slow' }
    const nodeByNode = [note('a', 1, 10), note('a', 2, 5), note('a', 3, 30), gap, note('b', 2, 7), note('b', 3, 20)]
    assert.deepEqual(
      inTime(nodeByNode).map((record) => (record.kind === 'note' ? record.text : record.kind)),
      ['gap', 'b2', 'a1', 'a2', 'b3', 'a3'],
    )
  })
})
