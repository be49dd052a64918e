import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from '../../src/gen/grpc/health/v1/health_pb.ts'
import { caughtUpService, healthRoutes } from '../../src/server/health.ts'
import { createPhase, type NodePhase } from '../../src/server/phase.ts'
import { FakeCall, settled } from './fake-call.ts'
import { errorOf } from './parts.ts'

const request = (service: string) => toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }))

async function check(service: string, phase: NodePhase): Promise<Status | undefined> {
  const route = healthRoutes(createPhase(phase))[0]
  assert.ok(route)
  const call = new FakeCall(route.handle).say(request(service)).end()
  const error = await call.done
  if (error) throw error
  return call.answers(HealthCheckResponseSchema)[0]?.status
}

function watch(service: string, phase = createPhase()) {
  const route = healthRoutes(phase)[1]
  assert.ok(route)
  const call = new FakeCall(route.handle).say(request(service)).end()
  return { call, phase, told: () => call.answers(HealthCheckResponseSchema).map(({ status }) => status) }
}

test('a node serves as soon as it takes requests, and has caught up when it says so', async () => {
  const expected: [NodePhase, Status, Status][] = [
    ['starting', Status.NOT_SERVING, Status.NOT_SERVING],
    ['catchingUp', Status.SERVING, Status.NOT_SERVING],
    ['serving', Status.SERVING, Status.SERVING],
    ['draining', Status.NOT_SERVING, Status.NOT_SERVING],
    ['stopped', Status.NOT_SERVING, Status.NOT_SERVING],
  ]
  for (const [phase, serving, caughtUp] of expected) {
    for (const service of ['', 'reeve.v1.LogService', 'reeve.v1.ReplicationService']) {
      assert.equal(await check(service, phase), serving, `${service} ${phase}`)
    }
    assert.equal(await check(caughtUpService, phase), caughtUp, phase)
  }
})

test('an unknown service is not found', async () => {
  for (const service of ['nothing', '__proto__', 'reeve.v1.logservice']) {
    await assert.rejects(check(service, 'serving'), { code: 'SERVICE_UNKNOWN', grpc: 5 })
  }
})

test('a watcher hears the status now and every change of it, once', () => {
  const { phase, told } = watch('')
  assert.deepEqual(told(), [Status.NOT_SERVING])
  phase.set('catchingUp')
  phase.set('serving')
  phase.set('catchingUp')
  assert.deepEqual(told(), [Status.NOT_SERVING, Status.SERVING])
})

test('a watcher of what is unknown is told so and kept', () => {
  const { call, phase, told } = watch('nothing')
  phase.set('serving')
  assert.deepEqual(told(), [Status.SERVICE_UNKNOWN])
  assert.equal(call.over, false)
})

test('a node that stops tells its watchers and lets them go', async () => {
  const { call, told } = watch('', createPhase('serving'))
  const { phase: other, ...rest } = watch(caughtUpService, createPhase('serving'))
  other.set('draining')
  assert.deepEqual(rest.told(), [Status.SERVING, Status.NOT_SERVING])
  assert.equal((await errorOf(rest.call)).code, 'NODE_STOPPING')
  assert.deepEqual(told(), [Status.SERVING])
  assert.equal(call.over, false)
})

test('a watcher that went away hears nothing', async () => {
  const { call, phase } = watch('', createPhase('serving'))
  call.cancel()
  phase.set('draining')
  await settled()
  assert.equal(call.sent.length, 1)
})
