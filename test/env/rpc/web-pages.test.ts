import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RpcServerEvent, WebAnswer } from '../../../src/env/env.ts'
import { loopback, rpc } from './fixture.ts'

test('a body that is yet to come is waited for, also by a server that drains; one that never will is a 500', async () => {
  const reports: RpcServerEvent[] = []
  let give: (text: string) => void = () => {}
  const bodies: Record<string, () => WebAnswer['body']> = {
    '/later': () => new Promise<string>((resolve) => (give = resolve)),
    '/never': () => Promise.reject(new Error('lost')),
  }
  const asked: string[] = []
  const server = await rpc.serve({
    ...{ at: loopback, httpAt: loopback, routes: [], maxMessageBytes: 1000 },
    report: (event) => reports.push(event),
    web: ({ path }) => {
      asked.push(path)
      return { status: 200, headers: { 'x-kind': 'late' }, body: bodies[path]?.() ?? '' }
    },
  })
  const base = `http://127.0.0.1:${server.httpAddress?.port}`
  assert.equal((await fetch(`${base}/never`)).status, 500)
  assert.deepEqual(
    reports.map(({ kind, message }) => [kind, message]),
    [['handlerCrashed', 'lost']],
  )
  const later = fetch(`${base}/later`)
  while (!asked.includes('/later')) await new Promise((resolve) => setImmediate(resolve))
  const drained = server.drain(60_000)
  give('all of it')
  const answer = await later
  assert.equal(answer.headers.get('x-kind'), 'late')
  assert.equal(await answer.text(), 'all of it')
  await drained
})
