/**
 * Makes a data folder as the present version leaves it: `node .tools/run.mjs --file test/upgrade/make-folder.ts PATH`.
 * What lies in test/vectors/folders was made so by the versions named there, and is never made anew: a change of formats adds
 * another one.
 */

import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { pino } from 'pino'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { connect, createNode } from '../../src/index.ts'
import { batchOf, epochA, openOn } from '../log/scenery.ts'
import { valuesOfTopic } from './values.ts'

const dataDir = resolve(process.argv[2] as string)
const settings = { segmentMaxBytes: 3000, indexIntervalBytes: 500 }

// An earlier run, with many segments and a producer that said who it is.
const { journal } = await openOn(createRealDisk(), { dataDir, epoch: epochA, settings })
const claim = { id: new Uint8Array(16).fill(7), sequence: 0, skips: false }
for (const [sequence, value] of valuesOfTopic('many').entries()) {
  await journal.append('many', batchOf(value), 1, sequence % 2 === 0 ? undefined : { ...claim, sequence, skips: true })
}
// What was trimmed: the beginning of a log, and all of another one.
for (const topic of ['trimmed', 'gone'] as const) {
  for (const value of valuesOfTopic('many')) await journal.append(topic, batchOf(value), 1)
  const id = { topic, origin: journal.node, epoch: journal.epoch }
  await journal.trim(id, topic === 'gone' ? 40 : 25, async () => true)
}
await journal.close()

// A whole node, with a topic that was declared, a cursor under a name, and members of its cluster.
const node = createNode(
  { nodeName: 'a', dataDir, bindAddr: '127.0.0.1:0', rpcPort: 0, gossipKey: Buffer.alloc(32, 7).toString('base64') },
  { log: pino({ level: 'silent' }) },
)
await node.start()
const client = connect({ addresses: [node.status().rpcAddress as string], discovery: false })
await client.setTopic('few', { retentionMs: 0, maxRecordBytes: 4096 })
const producer = client.producer({ topic: 'few' })
for (const value of valuesOfTopic('few')) await producer.send({ key: 'k', value })
await producer.close()
await client.cursors.reset('few', 'half', 'end')
client.close()
await node.stop()
rmSync(`${dataDir}/.lock`, { recursive: true, force: true })
process.exit(0)
