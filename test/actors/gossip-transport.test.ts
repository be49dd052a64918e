import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindGossipTransport } from '../../src/actors/gossip-transport.ts'
import { unsealed } from '../../src/gossip/sealing.ts'
import { createWorld } from '../../src/simulation/world.ts'

test('many attempts to connect at once warn of nothing, and all end when it is closed', async () => {
  const world = createWorld({ seed: 1 })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  world.partition([['a']])
  const transport = await world.complete(
    bindGossipTransport({
      env: a.env,
      bind: { host: a.ip, port: 7946 },
      streamTimeoutMs: 10_000,
      sealing: unsealed,
      packet: () => {},
      stream: () => {},
      problem: () => {},
    }),
  )
  const warnings: string[] = []
  const warned = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', warned)
  try {
    const to = { host: b.ip, port: 7946 }
    const requests = Array.from({ length: 20 }, () => transport.request(new Uint8Array(1), to, 10_000))
    const outcomes = Promise.allSettled(requests)
    await world.run({ untilMs: world.now + 100 })
    transport.close()
    assert.ok((await world.complete(outcomes)).every(({ status }) => status === 'rejected'))
    assert.deepEqual(a.open()?.streams, [])
    // Warnings are told in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(warnings, [])
  } finally {
    process.off('warning', warned)
  }
})
