import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { reeve } from '../cli/capture.ts'
import { type Agent, until } from './agent.ts'
import { assertHolds, converge, readAll, segmentsIn } from './copies.ts'
import { Stage } from './stage.ts'
import { Writer } from './writer.ts'

const smallSegments = ['--segment-max-bytes', '64KiB', '--max-batch-bytes', '32KiB']

describe('copies of real agents', () => {
  const stage = new Stage()
  const agents = new Map<string, Agent>()
  const agent = (name: string) => agents.get(name) as Agent
  const nodes = () => [...agents.values()].map((each) => ({ agent: each, client: stage.client([each]) }))
  const dataDirs = () => [...agents.values()].map(({ dataDir }) => dataDir)

  /** A first start, or another one at the same place in the cluster. */
  async function start(name: string, words: readonly string[] = []): Promise<Agent> {
    const bind = agents.get(name)?.gossipAddress ?? '127.0.0.1:0'
    const others = [...agents.values()].filter((other) => other.name !== name)
    const started = await stage.start(name, { bind, join: others, words: [...smallSegments, ...words] })
    agents.set(name, started)
    return started
  }

  before(async () => {
    for (const name of ['a', 'b', 'c']) await start(name)
    await stage.together([...agents.values()])
  })
  after(() => stage.end())

  test('whatever was acknowledged is everywhere, once, although nodes are killed while all of them write', async () => {
    const writers = ['a', 'b', 'c'].map((name) => new Writer(stage, agent(name), 'churn'))
    const epochs = new Set([...agents.values()].map(({ epoch }) => epoch))
    for (const name of ['c', 'c', 'b', 'c']) {
      const writer = writers.find((each) => each.name === name) as Writer
      await writer.until(40, agent(name).epoch)
      await agent(name).kill()
      const again = await start(name)
      assert.ok(!epochs.has(again.epoch))
      epochs.add(again.epoch)
      writer.moveTo(again)
    }
    for (const writer of writers) await writer.until(400, agent(writer.name).epoch)
    await Promise.all(writers.map((writer) => writer.stop()))

    await converge('churn', nodes())
    const acknowledged = writers.flatMap((writer) => writer.acknowledged)
    const doubtful = new Set(writers.flatMap((writer) => [...writer.doubtful]))
    assert.ok(acknowledged.length >= 1300)
    assert.deepEqual(new Set(acknowledged.map(({ epoch }) => epoch)), epochs, 'every run wrote')
    const [first, ...others] = await Promise.all(nodes().map(({ client }) => readAll(client, 'churn')))
    assert.ok(first)
    assertHolds(first, acknowledged, doubtful)
    for (const other of others) assert.deepEqual(new Map([...other].sort()), new Map([...first].sort()))
    await stage.together([...agents.values()])
  })

  test('a record acknowledged with three copies survives two nodes, disks and all, and spreads again', async () => {
    const producer = stage.client([agent('a')]).producer({ topic: 'precious', copies: 3 })
    const sent = Array.from({ length: 50 }, (_, n) => `precious ${n}`)
    const acknowledged = await Promise.all(sent.map(async (value) => ({ ...(await producer.send({ value })), value })))
    for (const name of ['a', 'b']) {
      await agent(name).kill()
      rmSync(agent(name).dataDir, { recursive: true })
    }
    assertHolds(await readAll(stage.client([agent('c')]), 'precious'), acknowledged, new Set())

    for (const name of ['a', 'b']) await start(name)
    await converge('precious', nodes())
    await converge('churn', nodes())
    for (const { client } of nodes()) assertHolds(await readAll(client, 'precious'), acknowledged, new Set())
  })

  test('the files of all copies are equal, byte for byte, and verify says so', async () => {
    for (const each of agents.values()) await each.stop()
    const [first, ...others] = dataDirs().map(segmentsIn)
    assert.ok(
      first && [...first.keys()].some((path) => !path.endsWith('/00000000000000000000.log')),
      'one segment each',
    )
    for (const other of others) assert.deepEqual(other, first)

    const { code, stdout } = await reeve('verify', ...dataDirs(), '--json')
    assert.equal(code, 0, stdout)
    const findings = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; log: string; end: number; chain: string })
    for (const log of new Set(findings.map((finding) => finding.log))) {
      const copies = findings.filter((finding) => finding.log === log)
      assert.deepEqual(
        copies.map(({ kind }) => kind),
        ['log', 'log', 'log'],
        log,
      )
      assert.equal(new Set(copies.map(({ end, chain }) => `${end} ${chain}`)).size, 1, log)
    }
  })

  test('verify does notice a single bit', async () => {
    const [, folder] = dataDirs() as [string, string]
    const path = [...segmentsIn(folder).keys()].find((name) => name.startsWith('churn/')) as string
    const file = join(folder, 'topics', path)
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(file, bytes)
    const { code, stdout } = await reeve('verify', ...dataDirs())
    assert.equal(code, 5, stdout)
    assert.match(stdout, /^DAMAGE: /m)
    assert.ok(stdout.includes(path))
  })

  test('a node that meets the damage serves nothing of it, heals it while it runs, and its reader goes on', async () => {
    for (const name of ['a', 'c']) await start(name)
    // Nobody looks before the reader does.
    await start('b', ['--scrub-bytes-per-second', '0'])
    await stage.together([...agents.values()])
    const [whole, healed] = await Promise.all(['a', 'b'].map((name) => readAll(stage.client([agent(name)]), 'churn')))
    assert.deepEqual(new Map([...(healed ?? [])].sort()), new Map([...(whole ?? [])].sort()))
    await agent('b').logged('damaged data found; it is not served')
    await agent('b').logged('damaged data was replaced from a peer')
    const [files, others] = dataDirs().map(segmentsIn)
    assert.deepEqual(others, files)
  })

  test('damage that nobody reads is found by the scrub and healed: bits, a file cut short, a file gone', async () => {
    const { dataDir } = agent('b')
    const sound = segmentsIn(agent('a').dataDir)
    const closed = [...sound.keys()].filter((path, n, all) => {
      const next = all[n + 1]
      return next !== undefined && dirname(next) === dirname(path)
    })
    assert.ok(closed.length >= 3)
    await agent('b').stop()
    const [bits, short, gone] = closed.slice(-3).map((path) => join(dataDir, 'topics', path)) as [
      string,
      string,
      string,
    ]
    const bytes = readFileSync(bits)
    for (const at of [3, 1000, bytes.length - 1]) bytes[at]! ^= 4
    writeFileSync(bits, bytes)
    await start('b')
    // The index still says all is well: only who reads everything can tell.
    await agent('b').logged('damaged data was replaced from a peer')
    truncateSync(short, 1000)
    rmSync(gone)
    await assert.doesNotReject(readAll(stage.client([agent('b')]), 'churn'))
    await agent('b').stop()
    await start('b')
    await until(
      'all files of b are whole again',
      async () => segmentsIn(dataDir),
      (files) => JSON.stringify([...files]) === JSON.stringify([...sound]),
      [agent('b')],
    )
  })
})
