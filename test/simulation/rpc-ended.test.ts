import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerCall } from '../../src/env/env.ts'
import { type GrpcCode, grpcCodeName, ReeveError } from '../../src/errors.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm } from './calm.ts'

test('a route is told of the end of each call, once, with its status and the time it took', async () => {
  const world = createWorld({ seed: 1, network: calm })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const calls: ServerCall[] = []
  const ends: { status: string; tookMs: number }[] = []
  const route = {
    method: LogService.method.produce,
    hot: true,
    handle: (call: ServerCall) => {
      calls.push(call)
      return { message() {} }
    },
    ended: (status: GrpcCode, tookMs: number) => ends.push({ status: grpcCodeName(status), tookMs }),
  }
  const at = { host: '0.0.0.0', port: 8400 }
  const server = await world.complete(b.env.rpc.serve({ at, routes: [route], maxMessageBytes: 5000 }))
  const channel = a.env.rpc.dial({ to: { host: b.ip, port: 8400 } })
  const rest = () => world.run({ untilMs: world.now + 1000 })
  const call = async () => {
    const started = channel.call('/reeve.v1.LogService/Produce', {}, { message() {}, closed() {} })
    started.send(bytesOf('x'))
    await rest()
    return started
  }

  await call()
  calls[0]?.finish()
  calls[0]?.finish(new ReeveError('INTERNAL', 'too late'))
  await call()
  calls[1]?.finish(new ReeveError('TOPIC_UNKNOWN', 'none'))
  const cancelled = await call()
  cancelled.cancel()
  await rest()
  await call()
  void server.close()
  await rest()
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['OK', 'NOT_FOUND', 'CANCELLED', 'UNAVAILABLE'],
  )
  assert.ok(ends.every(({ tookMs }) => tookMs > 500 && tookMs <= 1010))
})
