import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/client/client.ts'
import type { ConsumerOptions } from '../../src/client/consumer-options.ts'
import type { Hole } from '../../src/client/holes.ts'
import { Cluster } from '../replication/cluster.ts'

/** A node with ten records of which six are gone, and a client of it. */
async function trimmed() {
  const cluster = new Cluster({ settings: { segmentMaxBytes: 64 * 1024, maxBatchBytes: 64 * 1024 } })
  const [a] = await cluster.startAll('a')
  const { env, ip } = cluster.host('a')
  const client = connect({ addresses: [{ host: ip, port: 8400 }], env })
  const write = async (count: number) => {
    for (let n = 0; n < count; n++) await cluster.produce('a', 'x'.repeat(30_000))
  }
  const read = async (options: Partial<ConsumerOptions>) => {
    const consumer = client.consumer({ topic: 'orders', ...options })
    const offsets: number[] = []
    const reading = async () => {
      for await (const { offset } of consumer) offsets.push(offset)
    }
    const error = await cluster.world.complete(
      reading().then(
        () => undefined,
        (failure) => failure,
      ),
    )
    return { offsets, error, cursor: consumer.cursor }
  }
  await write(4)
  const before = await read({ maxRecords: 1 })
  await write(6)
  const id = { topic: 'orders', origin: 'a', epoch: a!.epoch }
  await cluster.world.complete(a!.journal!.trim(id, 6, async () => true))
  return { cluster, client, read, cursor: before.cursor, id }
}

test('a reading that goes on before the start of a log ends, and says what is gone', async () => {
  const { cluster, client, read, cursor, id } = await trimmed()
  const { offsets, error } = await read({ from: cursor })
  assert.deepEqual(offsets, [])
  assert.equal(error.code, 'OFFSET_TRIMMED')
  assert.deepEqual(error.facts, { ...id, offset: '1', start: '6', end: '10' })
  client.close()
  await cluster.stopAll()
})

test('one that may skip holes is told of them, and goes on behind: from a cursor, from an offset, from the start', async () => {
  const { cluster, client, read, cursor, id } = await trimmed()
  const holes: Hole[] = []
  const onHole = (hole: Hole) => holes.push(hole)
  const behind = await read({ from: cursor, holes: 'skip', onHole })
  assert.deepEqual([behind.offsets, behind.error], [[6, 7, 8, 9], undefined])
  assert.deepEqual(holes, [{ ...id, from: 1, to: 6 }])
  const named = await read({ from: { origin: 'a', epoch: id.epoch, offset: 2 }, holes: 'skip', onHole })
  assert.deepEqual([named.offsets, named.error], [[6, 7, 8, 9], undefined])
  assert.deepEqual(holes[1], { ...id, from: 2, to: 6 })
  const start = await read({ holes: 'skip', onHole })
  assert.deepEqual([start.offsets, start.error, holes.length], [[6, 7, 8, 9], undefined, 2], 'the start is no hole')
  client.close()
  await cluster.stopAll()
})

test('so is one that goes on at a named cursor, which then stands behind the hole', async () => {
  const { cluster, client, read, cursor, id } = await trimmed()
  await cluster.world.complete(client.cursors.commit('orders', 'mill', cursor))
  assert.equal((await read({ cursorName: 'mill' })).error.code, 'OFFSET_TRIMMED')
  const holes: Hole[] = []
  const { offsets, error } = await read({ cursorName: 'mill', holes: 'skip', onHole: (hole) => holes.push(hole) })
  assert.deepEqual([offsets, error, holes], [[6, 7, 8, 9], undefined, [{ ...id, from: 1, to: 6 }]])
  assert.deepEqual((await read({ cursorName: 'mill' })).offsets, [])
  client.close()
  await cluster.stopAll()
})
