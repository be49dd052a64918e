import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { pino } from 'pino'
import { type Disk, DiskError, type DiskFile } from '../../src/env/env.ts'
import { type Client, connect, createNode, createRealEnv, type ReeveError, type ReeveNode } from '../../src/index.ts'
import { hasCode } from '../log/scenery.ts'
import { inTime } from './agent.ts'

type Operation = 'read' | 'write' | 'sync'

/** The machine's disk, whose operations on the files of some topics fail, or take until they are let go. */
class Trouble {
  readonly env = { ...createRealEnv(), disk: this.#around(createRealEnv().disk) }
  #fails: { operation: Operation; topic: string; code: string } | undefined
  #slow: { topic: string; waiting: (() => void)[] } | undefined

  fail(operation: Operation, topic: string, code = 'EIO'): void {
    this.#fails = { operation, topic, code }
  }

  over(): void {
    this.#fails = undefined
    for (const go of this.#slow?.waiting ?? []) go()
    this.#slow = undefined
  }

  slow(topic: string): void {
    this.#slow = { topic, waiting: [] }
  }

  #check(operation: Operation, path: string): void {
    const fails = this.#fails
    if (fails?.operation === operation && isOf(path, fails.topic)) throw new DiskError(fails.code, path)
  }

  #around(disk: Disk): Disk {
    return { ...disk, open: (path, mode) => this.#file(disk.open(path, mode)) }
  }

  #file(file: DiskFile): DiskFile {
    const { path } = file
    return {
      ...file,
      read: (target, position) => {
        this.#check('read', path)
        return file.read(target, position)
      },
      write: (source, position) => {
        this.#check('write', path)
        file.write(source, position)
      },
      sync: async () => {
        const slow = this.#slow
        if (slow && isOf(path, slow.topic)) await new Promise<void>((resolve) => slow.waiting.push(resolve))
        this.#check('sync', path)
        await file.sync()
      },
    }
  }
}

function isOf(path: string, topic: string): boolean {
  return path.includes(`/topics/${topic}/`) && path.endsWith('.log')
}

describe('a node whose disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-trouble-'))
  const nodes: ReeveNode[] = []
  const clients: Client[] = []
  after(async () => {
    for (const client of clients) client.close()
    await Promise.all(nodes.map((node) => node.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(dataDir: string, trouble?: Trouble) {
    const settings = { nodeName: 'a', dataDir: join(folder, dataDir), bindAddr: '127.0.0.1:0', rpcPort: 0 }
    const node = createNode(settings, { log: pino({ level: 'silent' }), ...(trouble && { env: trouble.env }) })
    nodes.push(node)
    await node.start()
    const client = connect({ addresses: [node.status().rpcAddress as string], discovery: false })
    clients.push(client)
    return { node, client }
  }

  async function valuesOf(client: Client, topic: string): Promise<string[]> {
    const values: string[] = []
    for await (const { value } of client.consumer({ topic })) values.push(new TextDecoder().decode(value))
    return values
  }

  for (const operation of ['sync', 'write'] as const) {
    test(`fails a ${operation}: the record is refused, the node ends and says why, and what it acknowledged is there`, async () => {
      const trouble = new Trouble()
      const { node, client } = await start(operation, trouble)
      await client.producer({ topic: 'orders' }).send({ value: 'one' })
      await client.producer({ topic: 'payments' }).send({ value: 'two' })
      trouble.fail(operation, 'orders')
      // Not that nobody answered: what was to be written was not, and the node says so before it ends.
      await assert.rejects(client.producer({ topic: 'orders' }).send({ value: 'three' }), hasCode('DISK_FAILED'))
      const failure = (await inTime('the end of the node', node.done)) as ReeveError
      assert.equal(failure.code, 'LOG_FAILED')
      assert.match(failure.message, /orders\/a\/.*EIO/)

      const again = await start(operation)
      const orders = await valuesOf(again.client, 'orders')
      assert.deepEqual(orders.slice(0, 1), ['one'])
      assert.deepEqual(await valuesOf(again.client, 'payments'), ['two'])
    })
  }

  test('fails reads: they are refused, writes go on, and later the same records are read', async () => {
    const trouble = new Trouble()
    const { client, node } = await start('read', trouble)
    await client.producer({ topic: 'orders' }).send({ value: 'one' })
    trouble.fail('read', 'orders')
    const log = node.journal?.topicLogs('orders')[0]
    assert.throws(() => log?.read(0, 1000), hasCode('DISK_FAILED'))
    await client.producer({ topic: 'orders' }).send({ value: 'two' })
    trouble.over()
    assert.deepEqual(await valuesOf(client, 'orders'), ['one', 'two'])
  })

  test('is slow for one topic: who writes to it waits, and nobody else', async () => {
    const trouble = new Trouble()
    const { client } = await start('slow', trouble)
    const producer = client.producer({ topic: 'orders' })
    await producer.send({ value: 'one' })
    trouble.slow('orders')
    let answered = false
    const waiting = producer.send({ value: 'two' }).then(() => {
      answered = true
    })
    for (const value of ['a', 'b', 'c']) await client.producer({ topic: 'payments' }).send({ value })
    assert.deepEqual(await valuesOf(client, 'payments'), ['a', 'b', 'c'])
    assert.deepEqual(await valuesOf(client, 'orders'), ['one'])
    assert.equal(answered, false)
    trouble.over()
    await waiting
    assert.deepEqual(await valuesOf(client, 'orders'), ['one', 'two'])
  })
})
