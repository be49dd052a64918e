import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createWorld, type SimulatedWorld } from '../../src/simulation.ts'

const root = join(import.meta.dirname, '..', '..')
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The code of a page that uses the library. */
function example(page: string): string {
  const code = [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block!)
  const found = code.filter((block) => block.includes("from 'reeve/simulation'"))
  assert.equal(found.length, 1, page)
  return found[0]!
}

test('the example of the documentation is a test that passes, as it stands there', async () => {
  const code = example('src/simulation/README.md')
  assert.equal(example('README.md'), code)
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'reeve-example-'))
  try {
    const file = join(folder, 'example.test.mts')
    writeFileSync(file, code.replace('reeve/simulation', pathToFileURL(join(root, 'src', 'simulation.ts')).href))
    const loader = process.execArgv.filter((flag, at, flags) => flag === '--import' || flags[at - 1] === '--import')
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, [...loader, '--test-reporter=tap', file], { cwd: root, env })
    let said = ''
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (piece) => {
        said += piece
      })
    const [exitCode] = await once(child, 'close')
    assert.equal(exitCode, 0, said)
    assert.match(said, /^ok 1 - my consumer gets every order/m)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('a simulated world', () => {
  const send = async (world: SimulatedWorld, count: number): Promise<void> => {
    const client = world.connect()
    const producer = client.producer({ topic: 'orders' })
    for (let order = 0; order < count; order++) {
      await producer.send({ value: `order ${order}` })
      await world.sleep(100)
    }
    await producer.close()
    client.close()
  }

  test('is the same for the same seed, through churn that it draws', async () => {
    const once = async (seed: number) => {
      const world = createWorld({ seed })
      const count = await world.run(async () => {
        const plan = world.churn({ forMs: 10_000, gapMs: 1_500, faults: ['kill', 'partition', 'weather', 'disk-slow'] })
        await send(world, 20)
        await world.settle()
        const seen: string[] = []
        for await (const { value } of world.connect({ nodes: ['c'] }).consumer({ topic: 'orders' }))
          seen.push(text(value))
        assert.equal(new Set(seen).size, 20)
        return plan.length
      })
      assert.ok(count > 3)
      return world.traceHash
    }
    const [first, again, other] = [await once(5), await once(5), await once(6)]
    assert.equal(first, again)
    assert.notEqual(first, other)
  })

  test('lets nodes be stopped, killed and paused, cut off and hit by faults, and shows clients what they would see', async () => {
    const world = createWorld({ nodes: ['a', 'b'], settings: { clusterName: 'mine' } })
    await world.run(async () => {
      assert.deepEqual([world.state('a'), world.state('b')], ['up', 'up'])
      world.stop('b')
      await world.until(() => world.state('b') === 'down')
      world.start('b')
      await world.until(() => world.state('b') === 'up')
      world.pause('b')
      assert.equal(world.state('b'), 'paused')
      world.resume('b')
      world.kill('b')
      assert.equal(world.state('b'), 'down')
      const alone = world.connect({ nodes: ['a'], discovery: false, timeoutMs: 2_000 })
      await alone.producer({ topic: 'orders' }).send({ value: 'one' })
      world.partition(['a'], ['client'])
      await assert.rejects(alone.topics(), { code: 'UNAVAILABLE' })
      world.heal()
      world.fault({ kind: 'disk', host: 'a', trouble: { kind: 'full', freeBytes: 0 } })
      await assert.rejects(alone.producer({ topic: 'orders' }).send({ value: 'x'.repeat(100_000) }), {
        code: 'DISK_FULL',
      })
      await world.settle()
      assert.deepEqual([world.state('a'), world.state('b')], ['up', 'up'])
      const there = world.connect({ nodes: ['b'], discovery: false })
      const [topic] = await there.topics('orders')
      assert.equal(topic?.logs.length, 1)
    })
  })

  test('rejects with what was thrown in it, with what did not come true in time, and what it does not have', async () => {
    const world = createWorld({ nodes: ['a'] })
    await assert.rejects(
      world.run(() => Promise.reject(new Error('mine'))),
      /mine/,
    )
    await assert.rejects(
      world.run(() => world.until(() => world.now < 0, { limitMs: 1_000 })),
      /does not hold after 1000 simulated ms: .*world\.now ?< ?0/,
    )
    await assert.rejects(
      world.run(() => new Promise(() => {}), { limitMs: 1_000 }),
      /still waiting after 1000 simulated ms/,
    )
    assert.throws(() => world.kill('z'), { code: 'CONFIG_INVALID', message: 'there is no node z in this world' })
    assert.throws(() => world.env('a'), { code: 'CONFIG_INVALID' })
    assert.throws(() => world.churn({ forMs: 1, faults: ['keys'] }), { code: 'CONFIG_INVALID' })
    assert.throws(() => world.churn({ forMs: 1, faults: ['gremlins'] }), { code: 'CONFIG_INVALID' })
    assert.throws(() => createWorld({ settings: { clustername: 'a' } as object }), { code: 'CONFIG_INVALID' })
  })
})
