/** A reader that asks another node each time, while nodes restart, lose their disks and cannot reach each other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { decodeCursor } from '../../src/server/cursor.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { Cluster, wipe } from './cluster.ts'

const topic = 'orders'
const names = ['a', 'b', 'c']

/** What the node has for who stands at the cursor, now. */
function consume(cluster: Cluster, name: string, cursor: Uint8Array) {
  const { input, output } = LogService.method.consume
  const host = cluster.host(name)
  const channel = host.env.rpc.dial({ to: { host: host.ip, port: 8400 } })
  const answer = new Promise<{ values: string[]; cursor: Uint8Array; atEnd: boolean }>((resolve, reject) => {
    const call = channel.call(
      '/reeve.v1.LogService/Consume',
      { timeoutMs: 5000 },
      {
        message: (bytes) => {
          const { batches, cursor: next, atEnd } = fromBinary(output, bytes)
          const records = batches.flatMap(({ batch }) => batch?.records ?? [])
          resolve({ values: records.map(({ value }) => new TextDecoder().decode(value)), cursor: next, atEnd })
        },
        closed: (error) => {
          // A node that has lost its disk knows nothing at first.
          if (error?.code === 'TOPIC_UNKNOWN') resolve({ values: [], cursor, atEnd: false })
          else if (error) reject(error)
        },
      },
    )
    call.send(toBinary(input, create(input, { topic, cursor })))
    call.end()
  })
  return cluster.world.complete(answer).finally(() => channel.close())
}

for (const seed of [1, 2, 3, 4]) {
  test(`it gets every record once, whatever node it asks (seed ${seed})`, async () => {
    const cluster = new Cluster({ seed })
    const random = new SeededRandom(seed, 'roaming')
    const any = () => names[Math.floor(random.fraction() * names.length)] as string
    await cluster.startAll(...names)
    const written: string[] = []
    const read: string[] = []
    let cursor: Uint8Array = new Uint8Array()
    let folded = 0
    const write = async () => {
      const value = String(written.length)
      await cluster.produce(any(), value, { copies: 3 })
      written.push(value)
    }
    const ask = async () => {
      const answer = await consume(cluster, any(), cursor)
      read.push(...answer.values)
      cursor = answer.cursor
      if (cursor.length > 0) folded = Math.max(folded, decodeCursor(cursor, topic).folds.length)
      return answer.atEnd
    }
    const restart = async (lost: boolean) => {
      const name = any()
      await cluster.world.complete(cluster.node(name).stop())
      if (lost) wipe(cluster.host(name).env.disk, '/data')
      await cluster.start(name)
      await cluster.until(() => names.every((each) => cluster.node(each).status().members.length === names.length))
    }
    await write()
    for (let round = 0; round < 25; round++) {
      const chance = random.fraction()
      if (chance < 0.4) await write()
      else if (chance < 0.6) await restart(false)
      else if (chance < 0.7) {
        // What only this node has would be lost with its disk, as nobody promised otherwise.
        await cluster.world.run({ untilMs: cluster.world.now + 5_000 })
        await restart(true)
      } else {
        const alone = any()
        cluster.world.partition([[alone], names.filter((name) => name !== alone)])
        await ask()
        cluster.world.heal()
      }
      await ask()
    }
    for (let tries = 0; tries < 100 && !((await ask()) && read.length >= written.length); tries++) {
      await cluster.world.run({ untilMs: cluster.world.now + 1_000 })
    }
    assert.deepEqual(read.toSorted(), written.toSorted())
    assert.ok(folded > 0)
    await cluster.stopAll()
  })
}
