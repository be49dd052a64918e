import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { connect, createNode } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-library-'))
after(() => rmSync(folder, { recursive: true }))

test('a program runs a node, writes to it and reads from it', async () => {
  const node = createNode(
    { nodeName: 'a', dataDir: folder, bindAddr: '127.0.0.1:0', rpcPort: 0 },
    { log: pino({ level: 'silent' }) },
  )
  await node.start()
  const client = connect({ addresses: [node.status().rpcAddress!] })
  const id = await client.producer({ topic: 'orders' }).send({ key: 'anna', value: 'two apples' })
  assert.deepEqual(id, { origin: 'a', epoch: node.epoch, offset: 0 })
  for await (const record of client.consumer({ topic: 'orders' })) {
    assert.equal(new TextDecoder().decode(record.value), 'two apples')
    assert.equal(record.epoch, node.epoch)
  }
  client.close()
  await node.stop()
  assert.equal(await node.done, undefined)
})

test('what is misspelt is refused before anything runs', () => {
  assert.throws(() => createNode({ nodename: 'a' } as object), {
    code: 'CONFIG_INVALID',
    message: /did you mean nodeName/,
  })
  assert.throws(() => connect({ addresses: ['nowhere'] }), { code: 'CONFIG_INVALID', message: /"nowhere"/ })
  assert.throws(() => connect({ addresses: [] }), { code: 'CONFIG_INVALID' })
})
