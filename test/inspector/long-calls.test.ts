import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller, OpenCall } from '../../src/env/env.ts'
import { longCalls } from '../../src/inspector/long-calls.ts'

const wallMs = 1_700_000_000_000

function from(host: string, name?: string): Caller {
  const certificate = { uris: name ? [`spiffe://reeve/client/${name}`] : [], dnsNames: [], commonName: undefined }
  return { remote: { host, port: 1 }, ...(name && { certificate: certificate as never }) }
}

function open(method: string, caller: Caller, beganMs: number): OpenCall {
  return { path: `/reeve.v1.Log/${method}`, caller, beganMs }
}

test('calls of one caller to one method are summed up, the oldest first; those of a moment ago are left out', () => {
  const calls = [
    open('Consume', from('10.0.0.1', 'anna'), 40_000),
    open('Consume', from('10.0.0.9', 'anna'), 20_000),
    open('Consume', from('10.0.0.1'), 30_000),
    open('Produce', from('10.0.0.1'), 59_500),
  ]
  assert.deepEqual(longCalls(calls, 60_000, wallMs), [
    { method: 'Consume', from: 'spiffe://reeve/client/anna', calls: 2, sinceMs: wallMs - 40_000 },
    { method: 'Consume', from: '10.0.0.1', calls: 1, sinceMs: wallMs - 30_000 },
  ])
})

test('however many call, those that were there first are told', () => {
  const calls = Array.from({ length: 1000 }, (_, n) => open('Watch', from(`host-${n}`), 1000 - n))
  const told = longCalls(calls, 5000, wallMs)
  assert.equal(told.length, 32)
  assert.equal(told[0]?.from, 'host-999')
})

test('clocks that drift apart by a little change nothing', () => {
  const calls = [open('Watch', from('host'), 0)]
  assert.deepEqual(longCalls(calls, 5000, wallMs + 400), longCalls(calls, 6000, wallMs + 1000))
})
