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

test('a node that comes second to a name ends and says whose name it is; the first one stays', async () => {
  const log = pino({ level: 'silent' })
  const start = async (nodeName: string, dataDir: string, seed?: string) => {
    const startJoinAddrs = seed === undefined ? [] : [seed]
    const settings = { nodeName, dataDir: join(folder, dataDir), startJoinAddrs, profile: 'local' } as const
    const node = createNode({ ...settings, bindAddr: '127.0.0.1:0', rpcPort: 0 }, { log })
    await node.start()
    return node
  }
  const first = await start('twin', 'first')
  const witness = await start('witness', 'witness', first.status().gossipAddress)
  const second = await start('twin', 'second', witness.status().gossipAddress)
  const failure = await second.done
  assert.equal(failure?.code, 'NAME_TAKEN')
  assert.match(failure?.message ?? '', new RegExp(`twin .* ${first.status().gossipAddress}`))
  assert.equal(first.status().phase, 'serving')
  await Promise.all([first.stop(), witness.stop()])
})

test('what is misspelt is refused before anything runs', () => {
  assert.throws(() => createNode({ nodename: 'a' } as object), {
    code: 'CONFIG_INVALID',
    message: /did you mean nodeName/,
  })
  assert.throws(() => connect({ addresses: ['nowhere'] }), { code: 'CONFIG_INVALID', message: /"nowhere"/ })
  assert.throws(() => connect({ addresses: [] }), { code: 'CONFIG_INVALID' })
})
