import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retransmitLimit } from '../../src/gossip/broadcast-queue.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { pushPullDelayMs } from '../../src/gossip/push-pull-delay.ts'
import { remainingSuspicionMs, Suspicion, suspicionBounds, suspicionTimeoutMs } from '../../src/gossip/suspicion.ts'
import { golden } from './golden.ts'

const formulas = golden('formulas')

test('timeouts and limits by cluster size are those of memberlist', () => {
  for (const row of formulas.byClusterSize) {
    const { n } = row
    assert.equal(retransmitLimit(2, n), row.retransmitLimit_mult2, `mult 2, n ${n}`)
    assert.equal(retransmitLimit(4, n), row.retransmitLimit_mult4, `mult 4, n ${n}`)
    assert.equal(suspicionTimeoutMs(4, n, 1000), row.suspicionTimeoutMs_lan_mult4_1s, `lan, n ${n}`)
    assert.equal(suspicionTimeoutMs(3, n, 1000), row.suspicionTimeoutMs_local_mult3_1s, `local, n ${n}`)
    assert.equal(suspicionTimeoutMs(6, n, 5000), row.suspicionTimeoutMs_wan_mult6_5s, `wan, n ${n}`)
  }
})

test('exchanges of state become rarer as memberlist makes them', () => {
  for (const { n, scaledSeconds_30s } of formulas.pushPullScale) {
    assert.equal(pushPullDelayMs(30_000, n), scaledSeconds_30s * 1000, `n ${n}`)
  }
})

test('confirmations shorten a suspicion as memberlist does', () => {
  for (const { confirmations, k, elapsedMs, minMs, maxMs, remainingMs } of formulas.remainingSuspicionTime) {
    assert.equal(remainingSuspicionMs(confirmations, k, elapsedMs, minMs, maxMs), remainingMs)
  }
})

test('six members on a LAN: two others bring the deadline from 24 s to 4 s, more change nothing', () => {
  const bounds = suspicionBounds(6, profiles.lan)
  assert.deepEqual(bounds, { k: 2, minMs: 4000, maxMs: 24_000 })
  const suspicion = new Suspicion('a', bounds, 1000)
  assert.equal(suspicion.deadlineMs, 25_000)
  assert.equal(suspicion.confirm('a'), false, 'the first accuser does not confirm himself')
  assert.equal(suspicion.confirm('b'), true)
  assert.equal(suspicion.deadlineMs, 1000 + 11_381)
  assert.equal(suspicion.confirm('b'), false)
  assert.equal(suspicion.confirm('c'), true)
  assert.equal(suspicion.deadlineMs, 5000)
  assert.equal(suspicion.confirm('d'), false)
})

test('three members: nobody could confirm, so the shortest time counts from the start', () => {
  const suspicion = new Suspicion('a', suspicionBounds(3, profiles.lan), 0)
  assert.equal(suspicion.deadlineMs, 4000)
  assert.equal(suspicion.confirm('b'), false)
})
