import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SerfPushPull } from '../../src/gossip/messages.ts'
import { mayPassOn, Rumours } from '../../src/gossip/rumours.ts'

const payload = Uint8Array.of(1)
const event = (lTime: bigint, name = 'deploy') => ({ lTime, name, payload, coalesce: true })
const query = (id: number, more = {}) => {
  const asker = { addr: Uint8Array.of(10, 0, 0, 1), port: 1, sourceNode: 'x', relayFactor: 0, timeoutNs: 1n }
  return { kind: 'query', lTime: 5n, id, filters: [], flags: 0, name: 'q', payload, ...asker, ...more } as const
}
const start = () => {
  const told: string[] = []
  return { rumours: new Rumours(({ lTime, name }) => told.push(`${name} ${lTime}`)), told }
}
const stateOf = (rumours: Rumours): SerfPushPull => {
  return { kind: 'serfPushPull', lTime: 0n, statusLTimes: new Map(), leftMembers: [], ...rumours.state() }
}

describe('events', () => {
  test('one is news once, and not when it is far older than the newest', () => {
    const { rumours, told } = start()
    assert.equal(rumours.hearEvent(event(5n)), true)
    assert.equal(rumours.hearEvent(event(5n)), false)
    assert.equal(rumours.hearEvent(event(5n, 'other')), true)
    assert.equal(rumours.hearEvent(event(2000n)), true)
    assert.equal(rumours.hearEvent(event(1n)), false)
    assert.equal(rumours.hearEvent(event((1n << 64n) - 1n)), false)
    assert.equal(rumours.eventClock.time(), 2001n)
    assert.deepEqual(told, ['deploy 5', 'other 5', 'deploy 2000'])
  })

  test('recent ones are handed on with the state, and not told again when they come back', () => {
    const { rumours } = start()
    rumours.hearEvent(event(5n))
    const other = start()
    other.rumours.merge(stateOf(rumours))
    assert.equal(other.rumours.hearEvent(event(5n)), false)
    assert.equal(other.rumours.eventClock.time(), 6n)
    assert.deepEqual(other.told, ['deploy 5'])
  })

  test('who joins without a replay hears nothing of before, however it comes, but all of after', () => {
    const { rumours } = start()
    for (const lTime of [3n, 4n, 5n]) rumours.hearEvent(event(lTime))
    const late = start()
    late.rumours.merge(stateOf(rumours), true)
    assert.equal(late.rumours.hearEvent(event(4n, 'belated')), false)
    assert.deepEqual(late.told, [])
    late.rumours.merge(stateOf(start().rumours), true)
    assert.equal(late.rumours.hearEvent(event(5n)), false, 'a younger member does not make it forget')
    assert.equal(late.rumours.hearEvent(event(6n)), true)
    assert.deepEqual(late.told, ['deploy 6'])
  })

  test('an incredible clock of the other side does not make us deaf', () => {
    const { rumours, told } = start()
    rumours.merge({ ...stateOf(rumours), eventLTime: (1n << 64n) - 1n }, true)
    rumours.hearEvent(event(1n))
    assert.deepEqual(told, ['deploy 1'])
  })

  test('those of one time cannot fill the memory', () => {
    const { rumours } = start()
    const payload = new Uint8Array(1000)
    for (let i = 0; i < 1000; i += 1) rumours.hearEvent({ lTime: 1n, name: `e${i}`, payload, coalesce: false })
    const kept = rumours.state().events[0]?.events.length ?? 0
    assert.ok(kept > 5 && kept < 20, `${kept}`)
  })
})

describe('queries', () => {
  test('one is news once, and not when it is far older than the newest or from a future that nobody knows', () => {
    const { rumours } = start()
    assert.equal(rumours.hearQuery(query(1)), true)
    assert.equal(rumours.hearQuery(query(1)), false)
    assert.equal(rumours.hearQuery(query(2)), true)
    assert.equal(rumours.hearQuery(query(3, { lTime: 600n })), true)
    assert.equal(rumours.hearQuery(query(4)), false)
    assert.equal(rumours.hearQuery(query(5, { lTime: (1n << 64n) - 1n })), false)
    assert.equal(rumours.queryClock.time(), 601n)
  })

  test('those from before a time that we were told to begin at are none', () => {
    const { rumours, told } = start()
    rumours.ignoreBefore({ events: 7n, queries: 6n })
    rumours.ignoreBefore({ events: 1n, queries: 1n })
    assert.equal(rumours.hearQuery(query(1)), false)
    assert.equal(rumours.hearQuery(query(1, { lTime: 6n })), true)
    rumours.hearEvent(event(6n))
    rumours.hearEvent(event(7n))
    assert.deepEqual(told, ['deploy 7'])
  })

  test('one is passed on unless it does not want to be, or would kill members elsewhere', () => {
    assert.equal(mayPassOn(query(1)), true)
    assert.equal(mayPassOn(query(1, { flags: 1 })), true)
    assert.equal(mayPassOn(query(1, { flags: 3 })), false)
    assert.equal(mayPassOn(query(1, { filters: [new Uint8Array()] })), false)
    assert.equal(mayPassOn(query(2, { name: '_serf_install-key', payload: new Uint8Array() })), false)
    assert.equal(mayPassOn(query(3, { name: '_serf_list-keys', payload: new Uint8Array() })), true)
  })
})
