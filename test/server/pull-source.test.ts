import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalReason } from '../../src/gen/reeve/v1/replication_service_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import {
  decodePullResponse,
  digestFromMessage,
  encodePullRequest,
  holdingsFromMessage,
  pullVersion,
} from '../../src/replication/pull-messages.ts'
import { Summary } from '../../src/replication/summary.ts'
import { type Access, createAccess } from '../../src/server/access.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { pullRoute } from '../../src/server/pull-source.ts'
import { FakeCall, type FakeCallOptions, settled } from './fake-call.ts'
import { ManualClock } from './manual-clock.ts'
import { epochA, epochB, epochC, MemoryJournal } from './memory-journal.ts'
import { errorOf } from './parts.ts'

function source(t: { options?: FakeCallOptions; access?: Access; node?: string; version?: number } = {}) {
  const journal = new MemoryJournal()
  const synced: [string, number][] = []
  const clock = new ManualClock()
  const route = pullRoute({
    clock,
    cluster: 'reeve',
    journal: () => journal,
    summary: new Summary().follow(journal),
    access: t.access ?? createAccess(openDoor, false),
    synced: (node, _key, end) => synced.push([node, end]),
  })
  const call = new FakeCall(route.handle, t.options)
  const hello = {
    version: t.version ?? pullVersion,
    cluster: 'reeve',
    node: t.node ?? 'b',
    epoch: epochToBytes(epochB),
  }
  call.say(encodePullRequest({ case: 'hello', value: hello }))
  return { journal, clock, call, synced, kinds: () => call.sent.map((bytes) => decodePullResponse(bytes)) }
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
    ['hello', 'frames'],
  )
  call.say(encodePullRequest({ case: 'synced', value: { logs: [{ ref: 1, end: 99n }] } }))
  assert.deepEqual(synced.at(-1), ['b', 2], 'nobody has more of a log from here than was sent')
})

test('who wants what is not here, again and again, and reads no refusal is not read from', async () => {
  // The greeting takes one.
  const { call, kinds } = source({ options: { window: 2 } })
  call.say(...Array.from({ length: 10 }, (_, ref) => want(ref, `none-${ref}`)))
  assert.deepEqual([call.sent.length, call.paused], [2, true])
  call.drain()
  await call.until(11)
  const last = kinds().at(-1)
  assert.ok(last?.case === 'refusal' && last.value.reason === RefusalReason.UNKNOWN)
})

test('who lets go of a log is told of it once more where it was sent something that it has not said to have', async () => {
  for (const [held, told] of [
    [2, 0],
    [1, 1],
  ]) {
    const { journal, clock, call, kinds } = source()
    journal.add('orders', 'a', epochA, 'one')
    clock.pass(1000)
    const before = kinds().length
    call.say(want(1, 'orders'))
    // On its way while the replica lets go: it is thrown away there.
    journal.add('orders', 'a', epochA, 'two')
    await settled()
    call.say(encodePullRequest({ case: 'synced', value: { logs: [{ ref: 1, end: BigInt(held as number) }] } }))
    call.say(encodePullRequest({ case: 'unwant', value: { ref: 1 } }))
    clock.pass(1000)
    const news = kinds()
      .slice(before)
      .filter((kind) => kind.case === 'holdings')
    assert.equal(news.length, told)
    if (news[0]?.case === 'holdings') assert.equal(holdingsFromMessage(news[0].value.groups[0]!)[0]?.end, 2)
  }
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

test('a replica that asks is told all groups by their latest runs, and all runs of the group it asks for', () => {
  const { journal, call, kinds } = source()
  const [first, second] = ['01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000002']
  journal.add('orders', 'b', first, 'one')
  journal.add('orders', 'b', second, 'one', 'two')
  call.say(encodePullRequest({ case: 'compare', value: {} }))
  const digests = kinds().at(-1)
  assert.ok(digests?.case === 'digests' && digests.value.last)
  const [group, ...others] = digests.value.groups
  assert.ok(group && others.length === 0)
  assert.deepEqual(digestFromMessage(group).latest, {
    id: { topic: 'orders', origin: 'b', epoch: second },
    start: 0,
    end: 2,
  })
  call.say(encodePullRequest({ case: 'list', value: { topic: 'orders', origin: 'b' } }))
  call.say(encodePullRequest({ case: 'list', value: { topic: 'orders', origin: 'nobody' } }))
  const lists = kinds()
    .slice(-2)
    .map((kind) => (kind.case === 'holdings' ? kind.value.groups[0] : undefined))
  assert.deepEqual(
    lists.map((list) => [list?.listed, list && holdingsFromMessage(list).map(({ end }) => end)]),
    [
      [true, [1, 2]],
      [true, []],
    ],
  )
})

test('a replica that gets a run from its own writer is not told how it grows here, until it no longer does', () => {
  const { journal, clock, call, kinds } = source()
  const news = () => {
    clock.pass(1000)
    return kinds().flatMap((kind) => (kind.case === 'holdings' ? kind.value.groups.map(({ origin }) => origin) : []))
  }
  const run = { origin: 'c', epoch: epochToBytes(epochC) }
  call.say(encodePullRequest({ case: 'following', value: { begun: [run] } }))
  journal.add('orders', 'c', epochC, 'one')
  journal.add('orders', 'd', epochC, 'one')
  assert.deepEqual(news(), ['d'])
  call.say(encodePullRequest({ case: 'following', value: { ended: [run] } }))
  assert.deepEqual(news(), ['d', 'c'])
  journal.add('orders', 'c', epochC, 'two')
  assert.deepEqual(news(), ['d', 'c', 'c'])
})

test('a part of a log is sent up to its end and no further, and refused where it is not all here', () => {
  const { journal, call, kinds } = source()
  for (const value of ['one', 'two', 'three']) journal.add('orders', 'a', epochA, value)
  const log = { topic: 'orders', origin: 'a', epoch: epochToBytes(epochA) }
  call.say(encodePullRequest({ case: 'want', value: { ref: 1, log, offset: 1n, chain: 77n, until: 3n } }))
  call.say(encodePullRequest({ case: 'want', value: { ref: 2, log, offset: 3n, chain: 77n, until: 4n } }))
  journal.add('orders', 'a', epochA, 'four')
  assert.deepEqual(
    kinds().map((kind) => [kind.case, kind.case === 'frames' || kind.case === 'refusal' ? kind.value.ref : 0]),
    [
      ['hello', 0],
      ['frames', 1],
      ['refusal', 2],
    ],
  )
})

test('nodes of two versions refuse each other, and say why', async () => {
  const { call } = source({ version: 1 })
  const error = await errorOf(call)
  assert.match(error.message, /version 2/)
})
