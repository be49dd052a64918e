/** Readers that go from node to node, and are killed. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import type { Client, ConsumedRecord, RecordId } from '../../src/index.ts'
import { decodeCursor } from '../../src/server/cursor.ts'
import { type Agent, inTime, runReeve as reeve, until } from './agent.ts'
import { Stage } from './stage.ts'

const root = join(import.meta.dirname, '..', '..')
const topic = 'orders'
const name = 'mill'

describe('readers of real agents', () => {
  const stage = new Stage()
  let a: Agent
  let b: Agent
  after(() => stage.end())

  const send = async (to: Agent, from: number, count: number): Promise<RecordId[]> => {
    const producer = stage.client([to]).producer({ topic })
    const sent = Array.from({ length: count }, (_, n) => producer.send({ value: String(from + n) }))
    return Promise.all(sent)
  }

  const restart = async (agent: Agent): Promise<Agent> => {
    await agent.stop()
    const again = await stage.start(agent.name, { join: [agent === a ? b : a] })
    if (agent === a) a = again
    else b = again
    await stage.together([a, b])
    return again
  }

  test('what was written to one node is read at another as soon as that may answer', async () => {
    a = await stage.start('a')
    b = await stage.start('b', { join: [a] })
    await stage.together([a, b])
    const ids = await send(a, 0, 100)
    const read = await taken(stage.client([b]).consumer({ topic, waitFor: ids }))
    assert.equal(read.length, 100)
    const missing = { ...ids[0]!, offset: 100 }
    const { origin, epoch } = missing
    const words = ['--addr', b.rpcAddress, '--wait-for', `${origin}/${epoch}/98`, '--wait-for', `${origin}/${epoch}/99`]
    const { code, stdout } = await reeve('consume', topic, ...words)
    assert.deepEqual([code, stdout.trim().split('\n').length], [0, 100])
    const impatient = stage.client([b], { timeoutMs: 500 }).consumer({ topic, waitFor: [missing] })
    await assert.rejects(taken(impatient), { code: 'NOT_CAUGHT_UP' })
  })

  test('a reader that is killed goes on at another node: nothing is lost, and nothing comes twice that was committed', async () => {
    const reader = readerProcess(a, '--cursor', name, '--follow')
    try {
      await reader.printed(100)
      const atB = stage.client([b])
      await until(
        'the other node has heard of a commit',
        () => atB.cursors.list(topic),
        (cursors) => cursors.some((cursor) => cursor.name === name && cursor.lag === 0),
        [a, b],
      )
      await send(a, 100, 500)
      await send(b, 600, 500)
      await reader.printed(1100)
    } finally {
      await reader.kill()
    }
    const all = Array.from({ length: 1100 }, (_, n) => String(n))
    await taken(stage.client([b]).consumer({ topic, waitFor: await lastIds(stage.client([a])) }))
    await a.kill()

    const client = stage.client([b])
    const rest = (await taken(client.consumer({ topic, from: await client.cursors.get(topic, name) }))).map(textOf)
    const before = all.filter((value) => !rest.includes(value))
    assert.ok(before.length >= 100)
    for (const value of before) assert.ok(reader.lines.includes(value), value)
    const { code, stdout } = await reeve('consume', topic, '--cursor', name, '--addr', b.rpcAddress)
    assert.equal(code, 0)
    assert.deepEqual(sorted(stdout.trim().split('\n').filter(Boolean)), sorted(rest))
    const again = await reeve('consume', topic, '--cursor', name, '--addr', b.rpcAddress)
    assert.equal(again.stdout, '')
    a = await stage.start('a', { join: [b] })
    await stage.together([a, b])
  })

  test('Ctrl-C commits what was printed', async () => {
    await send(a, 1100, 50)
    await until(
      'the node that came back knows where the cursor stands',
      () => stage.client([a]).cursors.list(topic),
      ([cursor]) => cursor?.lag === 50,
      [a, b],
    )
    const reader = readerProcess(a, '--cursor', name, '--follow')
    await reader.printed(50)
    assert.equal(await reader.interrupt(), 130)
    const [cursor] = await stage.client([a]).cursors.list(topic)
    assert.deepEqual([cursor?.name, cursor?.lag], [name, 0])
  })

  test('logs of runs that are over fold, and any node goes on from such a cursor', async () => {
    for (let n = 0; n < 3; n++) {
      await send(a, 1200 + n, 1)
      await restart(a)
    }
    const clientOfA = stage.client([a])
    // A node says how far its earlier runs reach soon after it is ready.
    const { cursor } = await until(
      'the earlier runs of the node are folded, and only those',
      async () => {
        const consumer = clientOfA.consumer({ topic, waitFor: await lastIds(stage.client([b])) })
        assert.equal((await taken(consumer)).length, 1153)
        const { positions, folds } = decodeCursor(consumer.cursor, topic)
        const origins = (of: Iterable<{ id: { origin: string } }>) => [...of].map(({ id }) => id.origin)
        return { cursor: consumer.cursor, open: origins(positions.values()), folded: folds.map(({ origin }) => origin) }
      },
      ({ open, folded }) => `${folded} ${open}` === 'a b',
      [a, b],
    )
    await send(b, 1300, 1)
    const second = await taken(stage.client([b]).consumer({ topic, from: cursor, waitFor: cursor }))
    assert.deepEqual(second.map(textOf), ['1300'])
  })

  test('the command line lists cursors, moves them and forgets them', async () => {
    const at = ['--addr', b.rpcAddress]
    const listed = async () => JSON.parse((await reeve('cursors', topic, '--json', ...at)).stdout)
    assert.match((await reeve('cursors', topic, ...at)).stdout, /^cursor +lag +moved\nmill +\d+ +\d{4}-.*Z\n$/)
    const reset = await reeve('cursor', 'reset', topic, 'oven', '--to', 'start', ...at)
    assert.deepEqual([reset.code, reset.stdout], [0, 'oven is reset\n'])
    const [mill, oven] = await listed()
    assert.deepEqual([mill.name, oven.name, oven.lag], [name, 'oven', 1154])
    const commit = await reeve('cursor', 'commit', topic, 'oven', '--at', mill.cursor, ...at)
    assert.equal(commit.stdout.trim(), mill.cursor)
    await reeve('cursor', 'reset', topic, 'oven', '--to', 'end', ...at)
    assert.equal((await listed())[1].lag, 0)
    assert.equal((await reeve('cursor', 'delete', topic, 'oven', ...at)).stdout, 'oven is deleted\n')
    const twice = await reeve('cursor', 'delete', topic, 'oven', ...at)
    assert.equal(twice.code, 1)
    assert.match(twice.stderr, /^reeve: topic orders has no cursor oven/)
  })

  /** The last record of each log, as this server has them. */
  async function lastIds(client: Client): Promise<RecordId[]> {
    const [found] = await client.topics(topic)
    return found!.logs.map(({ origin, epoch, end }) => ({ origin, epoch, offset: end - 1 }))
  }
})

const textOf = ({ value }: ConsumedRecord) => new TextDecoder().decode(value)
const sorted = (values: readonly string[]) => [...values].sort()

async function taken(records: AsyncIterable<ConsumedRecord>): Promise<ConsumedRecord[]> {
  const all: ConsumedRecord[] = []
  for await (const record of records) all.push(record)
  return all
}

/** `reeve consume`, watched line by line. */
function readerProcess(agent: Agent, ...words: string[]) {
  const command = [join(root, '.tools', 'run.mjs'), 'consume', topic, '--addr', agent.rpcAddress, ...words]
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  const lines: string[] = []
  const looks: (() => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const look of looks.splice(0)) look()
  })
  return {
    lines,
    printed: (count: number) =>
      inTime(
        `${count} lines`,
        (async () => {
          while (lines.length < count) await new Promise<void>((resolve) => looks.push(resolve))
        })(),
      ),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    interrupt: async () => {
      child.kill('SIGINT')
      return (await exited)[0] as number
    },
  }
}
