import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { MembershipFact } from '../../src/gossip/effects.ts'
import { maxNodes } from '../../src/gossip/node-list.ts'
import { Snapshot } from '../../src/gossip/snapshot.ts'
import { formatSnapshotRecord, parseSnapshotLine } from '../../src/gossip/snapshot-record.ts'
import { type Memory, noMemory, SnapshotReplay } from '../../src/gossip/snapshot-replay.ts'
import { textFromBytes } from '../../src/gossip/text.ts'
import { fromHex, golden, type Json } from './golden.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

function replay(bytes: Uint8Array | string, { rejoinAfterLeave = false, fromMiddle = false, step = 1 << 20 } = {}) {
  const skipped: string[] = []
  const reader = new SnapshotReplay({ rejoinAfterLeave, fromMiddle, skipped: (line) => skipped.push(line) })
  const all = typeof bytes === 'string' ? bytesOf(bytes) : bytes
  for (let at = 0; at < all.length; at += step) reader.push(all.subarray(at, at + step))
  return { memory: reader.end(), skipped }
}

const placesOf = (memory: Memory) =>
  Object.fromEntries(Array.from(memory.alive, ([name, { host, port }]) => [name, `${host}:${port}`]))

const self = { name: 'us', at: { host: '10.0.0.1', port: 7946 } }
const member = (name: string, port = 1) =>
  ({ name, host: '10.0.0.2', port, status: 'alive', tags: new Map<string, string>(), vsn: new Uint8Array(6) }) as const
const fact = (
  kind: 'joined' | 'updated' | 'failed' | 'left' | 'reaped',
  name: string,
  port?: number,
): MembershipFact => {
  return { kind, member: member(name, port) }
}

describe('what Serf recorded', () => {
  for (const { name, hex, decoded } of golden('snapshot').vectors as Json[]) {
    for (const key of ['replay', 'replayWithRejoin'].filter((each) => decoded[each])) {
      test(`${name}: ${key}`, () => {
        const { aliveNodes, clock, eventClock, queryClock, ignoredLines } = decoded[key]
        for (const step of [1, 7, 1 << 20]) {
          const { memory, skipped } = replay(fromHex(hex), { rejoinAfterLeave: key === 'replayWithRejoin', step })
          assert.deepEqual(placesOf(memory), aliveNodes)
          assert.deepEqual(memory.times, {
            member: BigInt(clock),
            event: BigInt(eventClock),
            query: BigInt(queryClock),
          })
          assert.deepEqual(skipped, ignoredLines)
          assert.equal(memory.failed.size, 0)
        }
      })
    }
  }

  test('replaced by ours it reads the same to Serf: members first, then the three clocks', () => {
    const [{ hex }] = (golden('snapshot').vectors as Json[]).filter(({ name }) => name === 'snapshot-compacted')
    const { memory } = replay(fromHex(hex))
    const at = memory.alive.get('snapper')
    assert.ok(at)
    const lines = textOf(fromHex(hex)).split('\n').sort()
    const ours = textOf(new Snapshot({ name: 'snapper', at }, memory).whole())
    assert.deepEqual(ours.split('\n').sort(), lines)
    assert.match(ours, /^(alive: .*\n){2}clock: 7\nevent-clock: 3\nquery-clock: 2\n$/)
  })
})

describe('records', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((text) => !text.includes('\n'))
  const at = fc
    .tuple(fc.constantFrom('127.0.0.1', '10.1.2.3', '::1', 'fe80::1:2'), fc.integer({ min: 1, max: 65_535 }))
    .map(([host, port]) => ({ host, port }))
  const record = fc.oneof(
    fc.record({ kind: fc.constantFrom('alive' as const, 'failed' as const), name, at }),
    fc.record({ kind: fc.constant('notAlive' as const), name }),
    fc.record({
      kind: fc.constant('time' as const),
      clock: fc.constantFrom('member' as const, 'event' as const, 'query' as const),
      time: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    }),
    fc.constant({ kind: 'leave' as const }),
  )

  test('are read as they were written, whatever the name', () => {
    fc.assert(
      fc.property(record, (one) => {
        const line = formatSnapshotRecord(one)
        assert.ok(line.endsWith('\n') && line.indexOf('\n') === line.length - 1)
        assert.deepEqual({ ...parseSnapshotLine(line.slice(0, -1)) }, { ...one })
      }),
    )
  })

  test('a name with a line end in it is not written: it would forge records', () => {
    assert.equal(formatSnapshotRecord({ kind: 'notAlive', name: 'x\nclock: 99' }), '')
    assert.equal(formatSnapshotRecord({ kind: 'alive', name: 'x\nleave', at: self.at }), '')
  })

  test('a member that was lost is a comment to Serf', () => {
    const line = formatSnapshotRecord({ kind: 'failed', name: 'b', at: { host: '::1', port: 5 } })
    assert.equal(line, '# failed: b [::1]:5\n')
  })

  for (const line of ['alive:  1.2.3.4:5', 'alive: a 1.2.3.4', 'alive: a 1.2.3.4:0', 'alive: a 1.2.3.4:65536']) {
    test(`no record: ${line}`, () => assert.equal(parseSnapshotLine(line), undefined))
  }
})

describe('hostile files', () => {
  test('any bytes in any pieces give some memory, within bounds', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc
        .constantFrom('alive: ', 'not-alive: ', 'clock: ', 'leave\n', '# failed: ', ' 1.2.3.4:5\n', '\n', 'a')
        .map(bytesOf),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (pieces, step) => {
        const bytes = new Uint8Array(Buffer.concat(pieces))
        const whole = replay(bytes)
        assert.deepEqual(replay(bytes, { step }), whole, 'however it is cut')
        assert.ok(whole.memory.alive.size + whole.memory.failed.size <= 60)
      }),
    )
  })

  test('a line without an end is passed over in little memory, and what follows counts', () => {
    const reader = new SnapshotReplay({ rejoinAfterLeave: false, skipped: (line) => lengths.push(line.length) })
    const lengths: number[] = []
    const block = new Uint8Array(1 << 20).fill(97)
    for (let megabytes = 0; megabytes < 64; megabytes += 1) reader.push(block)
    reader.push(bytesOf('\nclock: 5\n'))
    assert.equal(reader.end().times.member, 5n)
    assert.deepEqual(lengths, [4096])
  })

  test('more members than we would ever list are passed over', () => {
    const lines = Array.from({ length: maxNodes + 10 }, (_, index) => `alive: n${index} 10.0.0.1:1\n`)
    const { memory, skipped } = replay(lines.join(''))
    assert.equal(memory.alive.size, maxNodes)
    assert.equal(skipped.length, 10)
  })

  test('times that no clock reaches would poison the cluster, and are not believed', () => {
    const { memory, skipped } = replay('clock: 7\nclock: 18446744073709551615\nevent-clock: 9223372036854775807\n')
    assert.deepEqual(memory.times, { member: 7n, event: 0n, query: 0n })
    assert.equal(skipped.length, 2)
  })

  test('read from somewhere in the middle, the first line is only a part of one', () => {
    const { memory } = replay('7 10.0.0.1:1\nalive: b 10.0.0.2:1\n', { fromMiddle: true })
    assert.deepEqual(placesOf(memory), { b: '10.0.0.2:1' })
  })
})

describe('what is written when', () => {
  const take = (snapshot: Snapshot) => textOf(snapshot.take().bytes)

  function begin(memory = noMemory) {
    const snapshot = new Snapshot(self, memory)
    return { snapshot, first: textOf(snapshot.whole()) }
  }

  test('members as they come and go, each as it stands', () => {
    const { snapshot, first } = begin()
    assert.equal(first, 'alive: us 10.0.0.1:7946\n')
    assert.equal(snapshot.isDue, false)
    snapshot.note(fact('joined', 'a'))
    assert.equal(take(snapshot), 'alive: a 10.0.0.2:1\n')
    snapshot.note(fact('failed', 'a'))
    assert.equal(take(snapshot), 'not-alive: a\n# failed: a 10.0.0.2:1\n')
    snapshot.note(fact('joined', 'a', 2))
    assert.equal(take(snapshot), 'alive: a 10.0.0.2:2\n')
    snapshot.note(fact('left', 'a'))
    assert.equal(take(snapshot), 'not-alive: a\n')
    assert.equal(snapshot.isDue, false)
  })

  test('a name that is no UTF-8 comes back as it was', () => {
    const name = textFromBytes(Uint8Array.of(0x61, 0xff, 0x62))
    const snapshot = new Snapshot(self, noMemory)
    snapshot.note(fact('joined', name))
    assert.deepEqual([...replay(snapshot.take().bytes).memory.alive.keys()], [name])
    assert.equal(replay(snapshot.whole()).memory.alive.has(name), true)
  })

  test('a storm of news about one member is one line', () => {
    const { snapshot } = begin()
    for (let round = 0; round < 1000; round += 1) {
      for (const kind of ['joined', 'failed', 'left', 'joined'] as const) snapshot.note(fact(kind, 'a'))
    }
    assert.equal(take(snapshot), 'alive: a 10.0.0.2:1\n')
  })

  test('new tags alone are none of its business, a new address is', () => {
    const { snapshot } = begin()
    snapshot.note(fact('joined', 'a'))
    snapshot.take()
    snapshot.note(fact('updated', 'a'))
    assert.equal(snapshot.isDue, false)
    snapshot.note(fact('updated', 'a', 9))
    assert.equal(take(snapshot), 'alive: a 10.0.0.2:9\n')
  })

  test('times only when they are newer', () => {
    const { snapshot } = begin({ ...noMemory, times: { member: 5n, event: 0n, query: 2n } })
    snapshot.witness({ member: 5n, event: 0n, query: 1n })
    assert.equal(snapshot.isDue, false)
    snapshot.witness({ member: 6n, event: 1n, query: 2n })
    const { bytes, shouldLast } = snapshot.take()
    assert.equal(textOf(bytes), 'clock: 6\nevent-clock: 1\n')
    assert.equal(shouldLast, false)
  })

  test('after a leave, which is once, nothing more: the others are where they were', () => {
    const { snapshot } = begin()
    snapshot.note(fact('joined', 'a'))
    snapshot.leave()
    snapshot.leave()
    snapshot.note(fact('left', 'a'))
    snapshot.witness({ member: 9n, event: 9n, query: 9n })
    assert.equal(take(snapshot), 'alive: a 10.0.0.2:1\nleave\n')
    assert.equal(snapshot.isDue, false)
    assert.match(textOf(snapshot.whole()), /leave\n$/)
  })

  test('ourselves of before, under our name or at our address, are not among the others', () => {
    const memory = replay('alive: us 10.0.0.9:1\nalive: was 10.0.0.1:7946\n# failed: us 10.0.0.8:1\n').memory
    assert.equal(begin(memory).first, 'alive: us 10.0.0.1:7946\n')
  })

  test('a file is too long at twice its members, at 128 KiB, or at twice what it would be', () => {
    const { snapshot } = begin()
    assert.equal(snapshot.limitBytes, 128 * 1024)
    for (let index = 0; index < 1000; index += 1) snapshot.note(fact('joined', `n${index}`))
    assert.equal(snapshot.limitBytes, 256 * 1001)
    for (let index = 0; index < 1000; index += 1) snapshot.note(fact('joined', `n${index}${'x'.repeat(900)}`))
    const { length } = snapshot.whole()
    assert.equal(snapshot.limitBytes, 2 * length)
  })

  test('more news than a list should hold make a new file instead', () => {
    const { snapshot } = begin()
    for (let index = 0; index <= 2 * maxNodes; index += 1) {
      snapshot.note(fact('joined', `n${index}`))
      snapshot.note(fact('reaped', `n${index}`))
    }
    snapshot.note(fact('joined', 'last'))
    assert.equal(snapshot.limitBytes, 0)
    assert.equal(textOf(snapshot.whole()), 'alive: us 10.0.0.1:7946\nalive: last 10.0.0.2:1\n')
    assert.equal(snapshot.isDue, false)
  })

  test('whatever happens, in whichever pieces it is written: read again it is what was', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom(
          'joined' as const,
          'updated' as const,
          'failed' as const,
          'left' as const,
          'reaped' as const,
        ),
        name: fc.constantFrom('a', 'b', 'c c'),
        port: fc.integer({ min: 1, max: 3 }),
      }),
      fc.constantFrom('take' as const, 'whole' as const),
      fc.record({ member: fc.bigInt(0n, 9n), event: fc.bigInt(0n, 9n), query: fc.bigInt(0n, 9n) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const snapshot = new Snapshot(self, noMemory)
        let file = textOf(snapshot.whole())
        for (const one of steps) {
          if (one === 'take') file += take(snapshot)
          else if (one === 'whole') file = textOf(snapshot.whole())
          else if ('kind' in one) snapshot.note(fact(one.kind, one.name, one.port))
          else snapshot.witness(one)
        }
        file += take(snapshot)
        const { memory, skipped } = replay(file)
        assert.deepEqual(skipped, [])
        const again = replay(snapshot.whole()).memory
        const sorted = (places: Memory['alive']) => [...places].sort()
        assert.deepEqual(sorted(memory.alive), sorted(again.alive))
        assert.deepEqual(sorted(memory.failed), sorted(again.failed))
        assert.deepEqual(memory.times, again.times)
      }),
    )
  })
})
