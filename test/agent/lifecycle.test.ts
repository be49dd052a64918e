import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../src/gen/grpc/health/v1/health_pb.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { RecordId } from '../../src/index.ts'
import { reeve } from '../cli/capture.ts'
import { until } from './agent.ts'
import { ask, watch } from './calls.ts'
import { OpenCall } from './open-call.ts'
import { Stage } from './stage.ts'

/** Whatever ends although a node has this much time for it was told to end. */
const patient = ['--drain-timeout-ms', '600000']

describe('the life of an agent', () => {
  const stage = new Stage()
  after(() => stage.end())

  test('SIGTERM: it says so to watchers and readers, leaves its cluster, and ends with 0', async () => {
    const [a, b] = await Promise.all([stage.start('a', { words: patient }), stage.start('b')])
    const other = await stage.start('c', { join: [a, b] })
    await stage.together([a, b, other])
    const producer = stage.client([a]).producer({ topic: 't' })
    await producer.send({ value: 'before' })
    const health = watch(a, Health.method.watch, {})
    await health.seen(({ status }) => status === Status.SERVING)
    const reading = watch(a, LogService.method.consumeStream, { topic: 't', follow: true })
    await reading.seen(({ batches }) => batches.length > 0)

    a.signal('SIGTERM')
    assert.equal((await reading.ended())?.code, 'NODE_STOPPING')
    assert.equal((await health.ended())?.code, 'NODE_STOPPING')
    assert.deepEqual(
      health.messages.map(({ status }) => status),
      [Status.SERVING, Status.NOT_SERVING],
    )
    const { code, stderr } = await a.ended()
    assert.equal(code, 0, stderr)
    const said = a.lines.map(({ msg }) => msg)
    assert.ok(said.indexOf('stopping') < said.indexOf('stopped'), 'it tells of its end in order')
    const observer = stage.client([b])
    await until(
      'b knows that a left',
      () => observer.servers(),
      (servers) => servers.some(({ name, status }) => name === 'a' && status === 'left'),
      [b],
    )
  })

  test('what was acknowledged up to SIGTERM is there after a restart, nothing twice, nothing else', async () => {
    const agent = await stage.start('writer')
    const producer = stage.client([agent], { timeoutMs: 0 }).producer({ topic: 't' })
    const acknowledged: RecordId[] = []
    let sent = 0
    let enough = () => {}
    const plenty = new Promise<void>((resolve) => {
      enough = resolve
    })
    const writing = (async () => {
      for (;;) {
        try {
          acknowledged.push(await producer.send({ value: `${sent}` }))
        } catch {
          return
        }
        sent += 1
        if (sent === 50) enough()
      }
    })()
    await plenty
    await agent.stop()
    await writing
    assert.ok(acknowledged.length >= 50)

    const again = await stage.start('writer', { dataDir: agent.dataDir })
    const values: string[] = []
    for await (const record of stage.client([again]).consumer({ topic: 't' })) {
      assert.equal(record.epoch, agent.epoch)
      assert.equal(record.offset, values.length)
      values.push(new TextDecoder().decode(record.value))
    }
    for (const [index, { offset }] of acknowledged.entries()) assert.equal(values[offset], `${index}`)
    // One more may have been stored whose acknowledgement nobody heard.
    assert.ok(values.length - acknowledged.length <= 1, `${values.length} stored, ${acknowledged.length} acknowledged`)
    await again.stop()
  })

  test('a call under way when SIGTERM comes is answered, and only then it ends', async () => {
    const agent = await stage.start('drainer', { words: patient })
    const call = await OpenCall.begin(agent)
    const health = watch(agent, Health.method.watch, {})
    await health.seen(({ status }) => status === Status.SERVING)
    agent.signal('SIGTERM')
    assert.equal((await health.ended())?.code, 'NODE_STOPPING')
    await assert.rejects(ask(agent, LogService.method.getServers, {}, { timeoutMs: 5000 }), 'no new calls')
    assert.equal(await call.finish('t', 'just in time'), '0')
    assert.equal((await agent.ended()).code, 0)

    const again = await stage.start('drainer', { dataDir: agent.dataDir })
    const values: string[] = []
    for await (const { value } of stage.client([again]).consumer({ topic: 't' })) values.push(`${Buffer.from(value)}`)
    assert.deepEqual(values, ['just in time'])
    await again.stop()
  })

  test('a call that does not end is cut when its time is over', async () => {
    const agent = await stage.start('cutter', { words: ['--drain-timeout-ms', '200'] })
    const call = await OpenCall.begin(agent)
    agent.signal('SIGTERM')
    assert.equal((await agent.ended()).code, 0)
    assert.notEqual(await call.finish('t', 'too late'), '0')
  })

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`a second ${signal} ends it at once, with ${code}`, async () => {
      const agent = await stage.start(`twice-${code}`, { words: patient })
      const call = await OpenCall.begin(agent)
      agent.signal(signal)
      await agent.logged('stopping')
      agent.signal(signal)
      const exit = await agent.ended()
      assert.equal(exit.code, code, exit.stderr)
      assert.ok(!agent.lines.some(({ msg }) => msg === 'stopped'), 'it did not wait for the call')
      call.abandon()
    })
  }

  test('reeve leave ends it as SIGTERM does', async () => {
    const agent = await stage.start('leaver')
    const left = await reeve('leave', '--addr', agent.rpcAddress)
    assert.deepEqual(left, { code: 0, stdout: `${agent.rpcAddress} is leaving\n`, stderr: '' })
    const { code, stderr } = await agent.ended()
    assert.equal(code, 0, stderr)
    assert.ok(agent.lines.some(({ msg }) => msg === 'stopped'))
  })

  test('SIGHUP does not end it', async () => {
    const agent = await stage.start('hangup')
    agent.signal('SIGHUP')
    const client = stage.client([agent])
    assert.equal((await client.servers()).length, 1)
    await client.producer({ topic: 't' }).send({ value: 'still here' })
    await agent.stop()
  })
})
