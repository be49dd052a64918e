import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalReason } from '../../src/gen/reeve/v1/replication_service_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { decodePullResponse, encodePullRequest, pullVersion } from '../../src/replication/pull-messages.ts'
import { type Access, createAccess } from '../../src/server/access.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { pullRoute } from '../../src/server/pull-source.ts'
import { FakeCall, type FakeCallOptions, settled } from './fake-call.ts'
import { ManualClock } from './manual-clock.ts'
import { epochA, epochB, MemoryJournal } from './memory-journal.ts'
import { errorOf } from './parts.ts'

function source(t: { options?: FakeCallOptions; access?: Access; node?: string } = {}) {
  const journal = new MemoryJournal()
  const synced: [string, number][] = []
  const route = pullRoute({
    clock: new ManualClock(),
    cluster: 'reeve',
    journal: () => journal,
    access: t.access ?? createAccess(openDoor, false),
    synced: (node, _key, end) => synced.push([node, end]),
  })
  const call = new FakeCall(route.handle, t.options)
  const hello = { version: pullVersion, cluster: 'reeve', node: t.node ?? 'b', epoch: epochToBytes(epochB) }
  call.say(encodePullRequest({ case: 'hello', value: hello }))
  return { journal, call, synced, kinds: () => call.sent.map((bytes) => decodePullResponse(bytes)) }
}

const want = (ref: number, topic: string) =>
  encodePullRequest({
    case: 'want',
    value: { ref, log: { topic, origin: 'a', epoch: epochToBytes(epochA) }, offset: 0n, chain: 0n },
  })

test('a replica is greeted, told what there is, and given the frames of what it wants', () => {
  const { journal, call, kinds, synced } = source()
  journal.add('orders', 'a', epochA, 'one', 'two')
  call.say(want(1, 'orders'))
  assert.deepEqual(
    kinds().map((kind) => kind.case),
    ['hello', 'holdings', 'frames'],
  )
  call.say(encodePullRequest({ case: 'synced', value: { logs: [{ ref: 1, end: 99n }] } }))
  assert.deepEqual(synced.at(-1), ['b', 2], 'nobody has more of a log from here than was sent')
})

test('who wants what is not here, again and again, and reads no refusal is not read from', async () => {
  // The greeting takes two.
  const { call, kinds } = source({ options: { window: 3 } })
  call.say(...Array.from({ length: 10 }, (_, ref) => want(ref, `none-${ref}`)))
  assert.deepEqual([call.sent.length, call.paused], [3, true])
  call.drain()
  await call.until(12)
  const last = kinds().at(-1)
  assert.ok(last?.case === 'refusal' && last.value.reason === RefusalReason.UNKNOWN)
})

test('nobody replicates under the name of the node it replicates from: that would be no second copy', async () => {
  const { call } = source({ node: 'a' })
  assert.equal((await errorOf(call)).code, 'PEER_MISMATCH')
})

test('a right to replicate that is taken away ends the stream', async () => {
  let allowed = true
  const access = createAccess({ ...openDoor, authorize: () => allowed }, false)
  const { journal, call, kinds } = source({ access })
  journal.add('orders', 'a', epochA, 'one')
  call.say(want(1, 'orders'))
  allowed = false
  journal.add('orders', 'a', epochA, 'two')
  await settled()
  assert.equal((await errorOf(call)).code, 'PERMISSION_DENIED')
  assert.equal(kinds().filter((kind) => kind.case === 'frames').length, 1)
})
