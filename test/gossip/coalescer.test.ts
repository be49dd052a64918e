import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LatestEvents, LatestOfMembers } from '../../src/gossip/coalesced-facts.ts'
import { agentTiming, Coalescer } from '../../src/gossip/coalescer.ts'
import type { Fact } from '../../src/gossip/effects.ts'
import { ourVsn } from '../../src/gossip/versions.ts'

type Kind = 'joined' | 'updated' | 'failed' | 'left' | 'reaped'

function about(name: string, kind: Kind): Fact {
  const member = { name, host: '10.0.0.1', port: 1, status: 'alive', tags: new Map(), vsn: ourVsn } as const
  return { kind, member }
}

function event(name: string, lTime: bigint, payload = 0, coalesce = true): Fact {
  return { kind: 'userEvent', event: { name, lTime, payload: Uint8Array.of(payload), coalesce } }
}

const members = () => {
  const coalescer = new Coalescer(new LatestOfMembers())
  const take = (nowMs: number) =>
    coalescer.take(nowMs).map(({ kind, members }) => `${kind} ${members.map(({ name }) => name).join(' ')}`)
  return { coalescer, take }
}

describe('when', () => {
  test('a second after the last fact, and three after the first at the latest', () => {
    const { coalescer, take } = members()
    assert.equal(coalescer.nextMs, Number.POSITIVE_INFINITY)
    coalescer.put(about('a', 'joined'), 100)
    assert.equal(coalescer.nextMs, 1100)
    coalescer.put(about('b', 'joined'), 900)
    assert.deepEqual(take(1899), [])
    assert.deepEqual(take(1900), ['joined a b'])
    for (let nowMs = 2000; nowMs <= 4900; nowMs += 100) coalescer.put(about(`c${nowMs}`, 'joined'), nowMs)
    assert.equal(coalescer.nextMs, 5000)
    assert.equal(take(5000)[0]?.split(' ').length, 31)
    assert.equal(coalescer.nextMs, Number.POSITIVE_INFINITY)
    assert.deepEqual(agentTiming, { periodMs: 3000, quietMs: 1000 })
  })
})

describe('members', () => {
  test('only what each came to is told, by kind', () => {
    const { coalescer, take } = members()
    for (const [name, kind] of [
      ['a', 'joined'],
      ['b', 'joined'],
      ['a', 'failed'],
      ['c', 'joined'],
      ['b', 'updated'],
    ] as const) {
      coalescer.put(about(name, kind), 0)
    }
    assert.deepEqual(take(1000).sort(), ['failed a', 'joined c', 'updated b'])
  })

  test('what was told last is not told again, except a change', () => {
    const { coalescer, take } = members()
    coalescer.put(about('a', 'joined'), 0)
    assert.deepEqual(take(1000), ['joined a'])
    for (const kind of ['failed', 'joined'] as const) coalescer.put(about('a', kind), 2000)
    assert.deepEqual(take(3000), [])
    for (let i = 1; i <= 2; i += 1) {
      coalescer.put(about('a', 'updated'), 4000 * i)
      assert.deepEqual(take(4000 * i + 1000), ['updated a'])
    }
  })

  test('a change is told once, however often something else is told later', () => {
    const { coalescer, take } = members()
    coalescer.put(about('a', 'updated'), 0)
    assert.deepEqual(take(1000), ['updated a'])
    coalescer.put(about('b', 'joined'), 2000)
    assert.deepEqual(take(3000), ['joined b'])
  })

  test('who was reaped may be reaped again', () => {
    const { coalescer, take } = members()
    for (const nowMs of [0, 2000]) {
      coalescer.put(about('a', 'reaped'), nowMs)
      assert.deepEqual(take(nowMs + 1000), ['reaped a'])
    }
  })

  test('for any story each flush names a member at most once, with the last of its kinds', () => {
    const fact = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom<Kind>('joined', 'updated', 'failed', 'left'))
    fc.assert(
      fc.property(fc.array(fc.array(fact, { minLength: 1 })), (bursts) => {
        const { coalescer, take } = members()
        let nowMs = 0
        for (const burst of bursts) {
          for (const [name, kind] of burst) assert.equal(coalescer.put(about(name, kind), nowMs), true)
          nowMs += 1000
          const told = take(nowMs).flatMap((line) => {
            const [kind, ...names] = line.split(' ')
            return names.map((name) => [name, kind] as const)
          })
          assert.equal(new Set(told.map(([name]) => name)).size, told.length)
          const last = new Map<string, Kind>(burst)
          for (const [name, kind] of told) assert.equal(last.get(name), kind)
        }
      }),
    )
  })
})

describe('user events', () => {
  test('the newest of each name, all of them when they are of one time; others pass', () => {
    const coalescer = new Coalescer(new LatestEvents())
    const facts = [event('a', 1n), event('a', 3n, 1), event('a', 2n), event('a', 3n, 2), event('b', 1n)]
    for (const fact of facts) assert.equal(coalescer.put(fact, 0), true)
    assert.equal(coalescer.put(event('a', 9n, 0, false), 0), false)
    assert.equal(coalescer.put(about('a', 'joined'), 0), false)
    assert.deepEqual(
      coalescer.take(1000).map(({ name, lTime, payload }) => [name, lTime, payload[0]]),
      [
        ['a', 3n, 1],
        ['a', 3n, 2],
        ['b', 1n, 0],
      ],
    )
    assert.deepEqual(coalescer.take(5000), [])
  })
})
