import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HeldGroup, PullResponseSchema } from '../../src/gen/reeve/v1/replication_service_pb.ts'
import { epochToBytes, type LogId, logKey } from '../../src/log/log-id.ts'
import { encodePullRequest, logIdToMessage, pullVersion } from '../../src/replication/pull-messages.ts'
import { Summary } from '../../src/replication/summary.ts'
import { createAccess } from '../../src/server/access.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { pullRoute } from '../../src/server/pull-source.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { appendAll, bytesOf, epochB, epochC, idOf, openOn, readAll, viewOf } from '../log/scenery.ts'
import { FakeCall, type FakeCallOptions } from './fake-call.ts'
import { ManualClock } from './manual-clock.ts'

const own = idOf('orders')

/** A source with records of its own and a copy of another node's, and the stream of a replica to it. */
async function source(options: FakeCallOptions = {}) {
  const elsewhere = await openOn(new MemoryDisk(), { node: 'b', epoch: epochB })
  await appendAll(elsewhere.journal, 'orders', ['one', 'two'])
  const other = idOf('orders', 'b', epochB)
  const { journal } = await openOn(new MemoryDisk())
  await appendAll(journal, 'orders', ['one', 'two', 'three'])
  await journal.replicate(other, bytesOf(readAll(viewOf(elsewhere.journal, other))))
  const clock = new ManualClock()
  const synced: [string, string, number, number][] = []
  const route = pullRoute({
    clock,
    cluster: 'reeve',
    journal: () => journal,
    summary: new Summary().follow(journal),
    access: createAccess(openDoor, false),
    synced: (...statement) => synced.push(statement),
  })
  const call = new FakeCall(route.handle, options)
  const hello = { version: pullVersion, cluster: 'reeve', node: 'c', epoch: epochToBytes(epochC) }
  call.say(encodePullRequest({ case: 'hello', value: hello }))
  const want = (ref: number, id: LogId, offset: number, start = 0) => {
    const chain = viewOf(journal, id).chainAt(offset) ?? 0n
    call.say(
      encodePullRequest({
        ...{
          case: 'want',
          value: { ref, log: logIdToMessage(id), offset: BigInt(offset), chain, start: BigInt(start) },
        },
      }),
    )
  }
  const tellSynced = (ref: number, end: number) =>
    call.say(encodePullRequest({ case: 'synced', value: { logs: [{ ref, end: BigInt(end) }] } }))
  const said = () => call.answers(PullResponseSchema).map(({ kind }) => kind)
  return { journal, clock, call, synced, other, want, tellSynced, said }
}

const ends = (groups: HeldGroup[]) => groups.flatMap(({ topic, runs }) => runs.map(({ end }) => `${topic} ${end}`))

describe('the source of a pull', () => {
  it('counts what the replica has from the moment it wants the log, and what it states later', async () => {
    const { synced, want, tellSynced, said } = await source()
    want(1, own, 2)
    assert.deepEqual(synced, [['c', logKey(own), 2, 0]])
    assert.equal(said().at(-1)?.case, 'frames')
    tellSynced(1, 3)
    assert.deepEqual(synced.at(-1), ['c', logKey(own), 3, 0])
  })

  it('counts from where the copy of the replica begins', async () => {
    const { synced, want, tellSynced } = await source()
    want(1, own, 2, 2)
    tellSynced(1, 3)
    assert.deepEqual(synced, [
      ['c', logKey(own), 2, 2],
      ['c', logKey(own), 3, 2],
    ])
  })

  it('counts nothing that it has not sent', async () => {
    const { synced, want, tellSynced } = await source()
    want(1, own, 0)
    tellSynced(1, 1000)
    assert.deepEqual(synced.at(-1), ['c', logKey(own), 3, 0])
  })

  it('counts it also when the stream was full when the replica said so', async () => {
    const { call, synced, want, tellSynced } = await source({ window: 2 })
    want(1, own, 3)
    tellSynced(1, 3)
    call.drain()
    assert.deepEqual(synced.at(-1), ['c', logKey(own), 3, 0])
  })

  it('counts copies of what it wrote itself, and of nothing else', async () => {
    const { synced, other, want, tellSynced, said } = await source()
    want(1, other, 0)
    assert.equal(said().at(-1)?.case, 'frames')
    tellSynced(1, 2)
    assert.deepEqual(synced, [])
  })

  it('keeps the news for a replica that does not read, instead of piling them up', async () => {
    const { call, clock, journal, said } = await source({ window: 2 })
    for (let n = 0; n < 20; n++) {
      await appendAll(journal, 'payments', [`${n}`])
      clock.pass(1000)
    }
    assert.deepEqual(
      said().map((kind) => kind.case),
      ['hello', 'holdings'],
    )
    call.drain()
    clock.pass(1000)
    assert.equal(call.sent.length, 3)
    const news = said()[2]
    assert.deepEqual(news?.case === 'holdings' && ends(news.value.groups), ['payments 20'])
    call.cancel()
    assert.equal(clock.timers, 0)
  })

  it('refuses what it does not know and what contradicts it, and goes on with the rest', async () => {
    const { call, want, said } = await source()
    const unknown = logIdToMessage(idOf('payments'))
    call.say(encodePullRequest({ case: 'want', value: { ref: 1, log: unknown, offset: 0n, chain: 0n } }))
    call.say(encodePullRequest({ case: 'want', value: { ref: 2, log: logIdToMessage(own), offset: 2n, chain: 77n } }))
    want(3, own, 0)
    assert.deepEqual(
      said()
        .slice(1)
        .map((kind) => (kind.case === 'refusal' || kind.case === 'frames' ? [kind.case, kind.value.ref] : kind.case)),
      [
        ['refusal', 1],
        ['refusal', 2],
        ['frames', 3],
      ],
    )
  })
})
