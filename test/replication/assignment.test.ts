import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LogId } from '../../src/log/log-id.ts'
import { logKey } from '../../src/log/log-id.ts'
import { type Assignment, assignLogs, nothingAssigned, sameLogs } from '../../src/replication/assignment.ts'
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

function decide(directory: Directory, own: Record<string, number> = {}, before: Assignment = nothingAssigned) {
  const assignment = assignLogs({ directory, epoch: epochs.me, endOf: (id) => own[logKey(id)] ?? 0, before })
  return Object.fromEntries([...assignment].map(([peer, logs]) => [peer, [...logs.keys()].sort()]))
}

describe('who pulls what from whom', () => {
  it('pulls a live origin’s log from that origin, even when another peer holds more of it', () => {
    const directory = new Directory()
    directory.update('a', epochs.a, [held(log('a', epochs.a), 5)], true)
    directory.update('b', epochs.b, [held(log('a', epochs.a), 9)], true)
    assert.deepEqual(decide(directory), { a: [logKey(log('a', epochs.a))] })
  })

  it('keeps following a live origin when there is nothing more to copy', () => {
    const id = log('a', epochs.a)
    const directory = new Directory()
    directory.update('a', epochs.a, [held(id, 5)], true)
    assert.deepEqual(decide(directory, { [logKey(id)]: 5 }), { a: [logKey(id)] })
  })

  it('heals the log of a gone origin from the one peer that holds most, once', () => {
    const id = log('gone', epochs.a2)
    const directory = new Directory()
    directory.update('a', epochs.a, [held(id, 5)], true)
    directory.update('b', epochs.b, [held(id, 9)], true)
    directory.update('c', epochs.c, [held(id, 7)], true)
    assert.deepEqual(decide(directory), { b: [logKey(id)] })
    assert.deepEqual(decide(directory, { [logKey(id)]: 9 }), {}, 'nothing to gain, nothing pulled')
  })

  it('gets the tail of its own earlier run back from a peer, and never asks for its present run', () => {
    const earlier = log('me', epochs.a2)
    const present = log('me', epochs.me)
    const directory = new Directory()
    directory.update('a', epochs.a, [held(earlier, 9), held(present, 3)], true)
    assert.deepEqual(decide(directory, { [logKey(earlier)]: 4 }), { a: [logKey(earlier)] })
  })

  it('does not move a copy under way to an equal, but goes on with another when the peer is gone', () => {
    const id = log('gone', epochs.a2)
    const directory = new Directory()
    directory.update('b', epochs.b, [held(id, 9)], true)
    const before: Assignment = new Map([['b', new Map([[logKey(id), id]])]])
    directory.update('a', epochs.a, [held(id, 9)], true)
    directory.update('c', epochs.c, [held(id, 10)], true)
    assert.deepEqual(decide(directory, {}, before), { b: [logKey(id)] })
    directory.forget('b')
    assert.deepEqual(decide(directory, {}, before), { c: [logKey(id)] })
  })

  it('passes over a copy that contradicts ours until that peer runs anew, and one that is trimmed too far', () => {
    const id = log('gone', epochs.a2)
    const directory = new Directory()
    directory.update('b', epochs.b, [held(id, 9)], true)
    directory.exclude('b', epochs.b, logKey(id))
    assert.deepEqual(decide(directory), {})
    directory.update('b', epochs.c, [held(id, 9)], true)
    assert.deepEqual(decide(directory), { b: [logKey(id)] })
    directory.update('b', epochs.c, [held(id, 9, 4)], true)
    assert.deepEqual(decide(directory, { [logKey(id)]: 3 }), {})
    assert.deepEqual(decide(directory, { [logKey(id)]: 4 }), { b: [logKey(id)] })
  })

  it('asks at most one peer for a log, and only one that can help', () => {
    const names = ['a', 'b', 'c'] as const
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(3), fc.nat(20), fc.nat(5)), { maxLength: 30 }),
        fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }),
        (claims, ends) => {
          const ids = [0, 1, 2, 3].map((n) => log('gone', epochs.a2, `topic${n}`))
          const directory = new Directory()
          for (const name of names) {
            const logs = claims
              .filter(([peer]) => peer === name)
              .map(([, n, end, start]) => held(ids[n]!, Math.max(end, start), start))
            directory.update(name, epochs[name], logs, true)
          }
          const endOf = (id: LogId) => ends[ids.findIndex((one) => logKey(one) === logKey(id))]!
          const assignment = assignLogs({ directory, epoch: epochs.me, endOf, before: nothingAssigned })
          const all = [...assignment.values()].flatMap((logs) => [...logs.keys()])
          assert.equal(new Set(all).size, all.length)
          for (const [peer, logs] of assignment) {
            for (const [key, id] of logs) assert.ok(directory.source(peer)!.logs.get(key)!.end > endOf(id))
          }
          const again = assignLogs({ directory, epoch: epochs.me, endOf, before: assignment })
          for (const name of names) assert.ok(sameLogs(assignment.get(name), again.get(name)))
        },
      ),
    )
  })
})
