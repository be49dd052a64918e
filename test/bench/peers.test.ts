import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { missing } from '../component.ts'
import type { NatsRequest, NatsResult } from './loads/nats.ts'
import type { RedisRequest, RedisResult } from './loads/redis.ts'
import { callByH2load, h2loadVersion } from './peers/h2load.ts'
import { natsVersion, startNats } from './peers/nats.ts'
import { addToRedis, redisVersion, startRedis } from './peers/redis.ts'
import { Stage, type Target } from './stage.ts'

const recordBytes = 100

const without = (version: string | undefined, what: string) => (version ? false : missing(`${what} is not installed`))

/** Where one is missing the benchmark leaves it out. */
describe('the peers of the benchmark', () => {
  let folder = ''
  let stage: Stage
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'reeve-test-'))
    stage = new Stage(folder)
  })
  after(async () => {
    await stage.end()
    rmSync(folder, { recursive: true })
  })

  it('Redis has what was added to it, by its own client and by ours', {
    skip: without(redisVersion(), 'redis-server'),
  }, async () => {
    const port = await startRedis(stage, 'always')
    const client = await stage.load('redis')
    const ask = (request: RedisRequest) => client.ask<RedisResult>(request)
    assert.ok((await addToRedis(stage, { port, records: 3200, recordBytes })) > 0)
    assert.equal((await ask({ port, task: 'add one by one', records: 20, recordBytes })).callMs.length, 20)
    await ask({ port, task: 'read', records: 3220, recordBytes })
    await assert.rejects(ask({ port, task: 'read', records: 3221, recordBytes }), /3220 entries of 3221/)
    await ask({ port, task: 'remove' })
    await assert.rejects(ask({ port, task: 'read', records: 1, recordBytes }), /0 entries of 1/)
  })

  it('JetStream has what was published, one by one and many at a time', {
    skip: without(natsVersion(), 'nats-server'),
  }, async () => {
    const client = await stage.load('nats')
    const port = await startNats(stage, 1, client)
    const ask = (request: NatsRequest) => client.ask<NatsResult>(request)
    const one = await ask({ port, task: 'publish', records: 20, recordBytes, inFlight: 1 })
    assert.equal(one.callMs.length, 20)
    await ask({ port, task: 'publish', records: 9980, recordBytes, inFlight: 1000 })
    await ask({ port, task: 'read', records: 10_000, recordBytes })
    await ask({ port, task: 'purge' })
    await ask({ port, task: 'publish', records: 5, recordBytes, inFlight: 2 })
    await ask({ port, task: 'read', records: 5, recordBytes })
    await assert.rejects(ask({ port, task: 'read', records: 5, recordBytes: 99 }), /something else/)
  })

  it('a client in C calls the bare server', { skip: without(h2loadVersion(), 'h2load') }, async () => {
    const target = await (await stage.load('bare')).ask<Target>({})
    const calls = { path: '/Produce', body: new Uint8Array([0, 0, 0, 0, 1, 0]), count: 50, inFlight: 4 }
    assert.ok((await callByH2load(stage, target, calls)) > 0)
  })
})
