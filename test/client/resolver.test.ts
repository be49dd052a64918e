import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, parseAddress } from '../../src/address.ts'
import { coolDownMs, nearFirst, pickOrder } from '../../src/client/picker.ts'
import { type KnownServer, resolveServers, type ServerState } from '../../src/client/resolver.ts'

const at = (text: string) => parseAddress(text)!
const server = (rpcAddress: string | undefined, status: ServerState = 'alive', rttMs?: number): KnownServer => ({
  name: 'any',
  rpcAddress,
  gossipAddress: '127.0.0.1:1',
  status,
  tags: new Map(),
  epoch: undefined,
  self: false,
  replicator: '',
  rttMs,
})

test('servers the user named come first, then the other living ones, each once', () => {
  const known = [server('c:3'), server('a:1'), server(undefined), server('d:4', 'failed'), server('not an address')]
  assert.deepEqual(resolveServers([at('b:2'), at('a:1')], known).map(formatAddress), ['b:2', 'a:1', 'c:3'])
})

test('a named server that the cluster has given up is tried last, not never', () => {
  const known = [server('a:1', 'failed'), server('b:2')]
  assert.deepEqual(resolveServers([at('a:1')], known).map(formatAddress), ['b:2', 'a:1'])
})

test('nothing known yet: the named ones', () => {
  assert.deepEqual(resolveServers([at('a:1')], []).map(formatAddress), ['a:1'])
})

test('a server that failed just now is tried after the others, the longest ago first', () => {
  const servers = ['a:1', 'b:2', 'c:3', 'd:4'].map(at)
  const failedAtMs = new Map([
    ['a:1', 900],
    ['b:2', 800],
  ])
  assert.deepEqual(pickOrder(servers, failedAtMs, 1000).map(formatAddress), ['c:3', 'd:4', 'b:2', 'a:1'])
})

test('after the cool-down a failure is forgotten', () => {
  const servers = ['a:1', 'b:2'].map(at)
  assert.deepEqual(pickOrder(servers, new Map([['a:1', 0]]), coolDownMs).map(formatAddress), ['a:1', 'b:2'])
})

test('servers nearer to the one that answered come first, those about as near by lot, those of unknown place last', () => {
  const known = [
    server('far:1', 'alive', 90),
    server('unknown:2'),
    server('near:3', 'alive', 4),
    server('beside:4', 'alive', 0.2),
    server('further:5', 'alive', 12),
  ]
  const order = (...lots: number[]) =>
    nearFirst(known, () => lots.shift() as number).map(({ rpcAddress }) => rpcAddress)
  assert.deepEqual(order(0, 0, 0, 0.5, 0), ['near:3', 'beside:4', 'further:5', 'far:1', 'unknown:2'])
  assert.deepEqual(order(0, 0, 0.5, 0, 0), ['beside:4', 'near:3', 'further:5', 'far:1', 'unknown:2'])
})
