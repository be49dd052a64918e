import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LogId } from '../../src/log/log-id.ts'
import { logKey } from '../../src/log/log-id.ts'
import { Assignment } from '../../src/replication/assignment.ts'
import { Directory } from '../../src/replication/directory.ts'

const epochs = {
  a: '018f0000-0000-7000-8000-00000000000a',
  a2: '018f0000-0000-7000-8000-0000000000a2',
  b: '018f0000-0000-7000-8000-00000000000b',
  c: '018f0000-0000-7000-8000-00000000000c',
  me: '018f0000-0000-7000-8000-0000000000ee',
}
const log = (origin: string, epoch: string, topic = 'orders'): LogId => ({ topic, origin, epoch })
const held = (id: LogId, end: number, start = 0) => ({ id, start, end })
const names = ['a', 'b', 'c'] as const

/** Peers a, b and c are connected; `own` is how far we have which log. */
function scene(own: Record<string, number> = {}) {
  const directory = new Directory(epochs.me, (id) => own[logKey(id)] ?? 0)
  for (const name of names) directory.open(name, epochs[name])
  const assignment = new Assignment(directory)
  const decide = () => {
    assignment.decide()
    const shares = names.map((name) => [name, [...assignment.share(name).keys()].sort()] as const)
    return Object.fromEntries(shares.filter(([, keys]) => keys.length > 0))
  }
  return { directory, assignment, decide, own }
}

describe('who pulls what from whom', () => {
  it('pulls a live origin’s log from that origin, even when another peer holds more of it', () => {
    const { directory, decide } = scene()
    directory.learn('a', held(log('a', epochs.a), 5))
    directory.learn('b', held(log('a', epochs.a), 9))
    assert.deepEqual(decide(), { a: [logKey(log('a', epochs.a))] })
  })

  it('keeps following a live origin when there is nothing more to copy', () => {
    const id = log('a', epochs.a)
    const { directory, decide } = scene({ [logKey(id)]: 5 })
    directory.learn('a', held(id, 5))
    assert.deepEqual(decide(), { a: [logKey(id)] })
  })

  it('heals the log of a gone origin from the one peer that holds most, once', () => {
    const id = log('gone', epochs.a2)
    const { directory, decide, own } = scene()
    directory.learn('a', held(id, 5))
    directory.learn('b', held(id, 9))
    directory.learn('c', held(id, 7))
    assert.deepEqual(decide(), { b: [logKey(id)] })
    own[logKey(id)] = 9
    directory.grown('b', id, 9)
    assert.deepEqual(decide(), {}, 'nothing to gain, nothing pulled')
    assert.equal(directory.offer(logKey(id)), undefined, 'and nothing remembered')
  })

  it('gets the tail of its own earlier run back from a peer, and never asks for its present run', () => {
    const earlier = log('me', epochs.a2)
    const { directory, decide } = scene({ [logKey(earlier)]: 4 })
    directory.learn('a', held(earlier, 9))
    directory.learn('a', held(log('me', epochs.me), 3))
    assert.deepEqual(decide(), { a: [logKey(earlier)] })
  })

  it('does not move a copy under way to an equal, but goes on with another when the peer is gone', () => {
    const id = log('gone', epochs.a2)
    const { directory, decide } = scene()
    directory.learn('b', held(id, 9))
    assert.deepEqual(decide(), { b: [logKey(id)] })
    directory.learn('a', held(id, 9))
    directory.learn('c', held(id, 10))
    assert.deepEqual(decide(), { b: [logKey(id)] })
    directory.forget('b')
    assert.deepEqual(decide(), { c: [logKey(id)] })
  })

  it('passes over a copy that contradicts ours until that peer runs anew', () => {
    const id = log('gone', epochs.a2)
    const { directory, decide } = scene()
    directory.learn('b', held(id, 9))
    directory.exclude('b', logKey(id), 'whileItRuns')
    directory.learn('b', held(id, 10))
    assert.deepEqual(decide(), {})
    directory.open('b', epochs.c)
    directory.learn('b', held(id, 9))
    assert.deepEqual(decide(), { b: [logKey(id)] })
  })

  it('asks who has trimmed what would come next for us only where nobody else has it, and of those who begins first', () => {
    const [id, live] = [log('gone', epochs.a2), log('a', epochs.a)]
    const { directory, decide, own } = scene({ [logKey(id)]: 3, [logKey(live)]: 3 })
    directory.learn('a', held(id, 12, 6))
    directory.learn('b', held(id, 9, 5))
    assert.deepEqual(decide(), { b: [logKey(id)] })
    assert.equal(directory.lateStart('b', logKey(id)), 5)
    directory.learn('c', held(id, 8))
    assert.deepEqual(decide(), { c: [logKey(id)] })
    assert.equal(directory.lateStart('c', logKey(id)), undefined)
    own[logKey(id)] = 8
    directory.grown('c', id, 8)
    assert.deepEqual(decide(), { a: [logKey(id)] }, 'now it has what comes next')
    directory.forget('b')
    directory.learn('a', held(live, 9, 4))
    directory.learn('c', held(live, 5))
    assert.deepEqual(decide(), { a: [logKey(id)], c: [logKey(live)] }, 'a live origin that has trimmed it, too')
    own[logKey(live)] = 5
    directory.grown('c', live, 5)
    assert.deepEqual(decide(), { a: [logKey(id), logKey(live)].sort() })
  })

  it('passes over a copy that is damaged until its holder has news of it', () => {
    const id = log('gone', epochs.a2)
    const { directory, decide } = scene()
    directory.learn('a', held(id, 9))
    directory.learn('b', held(id, 8))
    assert.deepEqual(decide(), { a: [logKey(id)] })
    directory.exclude('a', logKey(id), 'untilNews')
    assert.deepEqual(decide(), { b: [logKey(id)] })
    directory.forget('b')
    directory.learn('a', held(id, 9))
    assert.deepEqual(decide(), { a: [logKey(id)] })
  })

  it('no longer relies on a run for its own logs while one of them is of no use there', () => {
    const id = log('a', epochs.a)
    const { directory } = scene()
    const heard: [string, boolean][] = []
    directory.onRun(({ origin }, followed) => heard.push([origin, followed]))
    directory.learn('a', held(id, 9))
    directory.exclude('a', logKey(id), 'untilNews')
    assert.deepEqual(
      directory.runs().map(({ origin }) => origin),
      ['b', 'c'],
    )
    directory.learn('a', held(id, 9))
    directory.forget('b')
    assert.deepEqual(heard, [
      ['a', false],
      ['a', true],
      ['b', false],
    ])
  })

  it('tells a peer whose share changed, once, and what came or went', () => {
    const [one, two] = [log('gone', epochs.a2, 'one'), log('gone', epochs.a2, 'two')]
    const { directory, assignment } = scene()
    directory.learn('a', held(one, 9))
    directory.learn('a', held(two, 9))
    const changed = assignment.decide()
    assert.deepEqual(names.filter(changed), ['a'])
    assert.deepEqual([...assignment.takeChanges('a')].sort(), [logKey(one), logKey(two)])
    assert.deepEqual(names.filter(assignment.decide()), [])
    directory.exclude('a', logKey(two), 'untilNews')
    assert.deepEqual(names.filter(assignment.decide()), ['a'])
    assert.deepEqual([...assignment.takeChanges('a')], [logKey(two)])
  })

  it('asks at most one peer for a log, and only one that can help', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(3), fc.nat(20), fc.nat(5)), { maxLength: 30 }),
        fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }),
        (claims, ends) => {
          const ids = [0, 1, 2, 3].map((n) => log('gone', epochs.a2, `topic${n}`))
          const own = Object.fromEntries(ids.map((id, n) => [logKey(id), ends[n] as number]))
          const { directory, assignment, decide } = scene(own)
          for (const [peer, n, end, start] of claims) {
            directory.learn(peer, held(ids[n] as LogId, Math.max(end, start), start))
            if (n === 0) decide()
          }
          const shares = decide()
          const all = Object.values(shares).flat()
          assert.equal(new Set(all).size, all.length)
          for (const peer of names) {
            for (const [key, id] of assignment.share(peer)) {
              assert.ok(directory.endAt(peer, key) > (own[logKey(id)] ?? 0))
            }
          }
          for (const id of ids) assert.equal(all.includes(logKey(id)), directory.offer(logKey(id)) !== undefined)
          assert.deepEqual(decide(), shares)
        },
      ),
    )
  })
})
