/** What a route is told of the end of its calls, in both lanes. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RpcHandler } from '../../../src/env/env.ts'
import { GrpcCode, grpcCodeName, ReeveError } from '../../../src/errors.ts'
import { LogService } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { callRaw, frame, openRaw, rawSession, serve, signal } from './fixture.ts'

const nothing = frame(new Uint8Array(0))

/** A server of this one method; `ends` are what the route was told. */
async function told(t: TestContext, name: 'produce' | 'getServers', handle: RpcHandler) {
  const ends: { status: string; tookMs: number }[] = []
  const isEnded = signal()
  const ended = (status: GrpcCode, tookMs: number) => {
    ends.push({ status: grpcCodeName(status), tookMs })
    isEnded.resolve()
  }
  const routes = [{ method: LogService.method[name], hot: name === 'produce', handle, ended }]
  const { port, server } = await serve(t, {}, { routes })
  return { ends, isEnded: isEnded.promise, server, session: await rawSession(t, port) }
}

for (const [name, path] of [
  ['produce', 'Produce'],
  ['getServers', 'GetServers'],
] as const) {
  const outcomes: [string, RpcHandler, Record<string, string>?][] = [
    ['OK', (call) => ({ message: (bytes) => void call.send(bytes), ended: () => call.finish() })],
    ['NOT_FOUND', (call) => ({ message: () => call.finish(new ReeveError('TOPIC_UNKNOWN', 'none')) })],
    ['INTERNAL', () => assert.fail('a bug')],
    ['DEADLINE_EXCEEDED', () => ({ message() {} }), { 'grpc-timeout': '20m' }],
  ]
  for (const [status, handle, headers] of outcomes) {
    test(`${path}: a call that ended with ${status} is told once, with the time it took`, async (t) => {
      const { ends, session } = await told(t, name, handle)
      const answer = await callRaw(session, path, [nothing], headers)
      assert.equal(answer.status, String(GrpcCode[status as keyof typeof GrpcCode]))
      assert.deepEqual(
        ends.map((end) => end.status),
        [status],
      )
      assert.ok(ends[0]!.tookMs >= 0)
    })
  }

  test(`${path}: who went away has cancelled, and what a handler says afterwards is not told`, async (t) => {
    const called = signal()
    const finish: (() => void)[] = []
    const { ends, isEnded, session } = await told(t, name, (call) => {
      finish.push(() => call.finish())
      return { message: () => called.resolve() }
    })
    const { stream } = openRaw(session, path)
    stream.end(nothing)
    await called.promise
    stream.close(8)
    await isEnded
    for (const each of finish) each()
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['CANCELLED'],
    )
  })

  test(`${path}: a call that the server cuts was not available`, async (t) => {
    const called = signal()
    const { ends, server, session } = await told(t, name, () => ({ message: () => called.resolve() }))
    openRaw(session, path).stream.end(nothing)
    await called.promise
    await server.close()
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['UNAVAILABLE'],
    )
  })
}
