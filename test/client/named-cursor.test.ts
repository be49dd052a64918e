/** Consumers that keep a named cursor: what they commit, and when. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerOptions } from '../../src/client/consumer-options.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  type CommitCursorRequest,
  CommitCursorRequestSchema,
  CommitCursorResponseSchema,
  type ConsumeStreamRequest,
  ConsumeStreamRequestSchema,
  ConsumeStreamResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { clientOf, epochBytes, epochOf, type FakeCall, fakeCluster, first, type Handler, read } from './fake-cluster.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

/** Of `origin`: `count` records from `from` on. */
const batch = (origin: string, from: number, count: number, offsetDeltas: number[] = []) => ({
  origin,
  epoch: epochBytes(3),
  baseOffset: BigInt(from),
  timestamp: 1n,
  offsetDeltas,
  batch: { records: Array.from({ length: count }, (_, n) => ({ value: bytes(`${origin}${from + n}`) })) },
})

/** A server that delivers two answers, and says what it was asked to commit: `cursor a:offset …`. */
function scene(options: Partial<ConsumerOptions> = {}, commit?: (call: FakeCall, nth: number) => void, ends = true) {
  const commits: string[] = []
  const requests: ConsumeStreamRequest[] = []
  const consume: Handler = (call) => {
    call.onMessage = (message) => {
      requests.push(read(ConsumeStreamRequestSchema, message))
      call.send(ConsumeStreamResponseSchema, { batches: [batch('a', 0, 2)], cursor: bytes('first') })
      call.send(ConsumeStreamResponseSchema, {
        batches: [batch('a', 2, 2), batch('b', 0, 2, [0, 4]), batch('a', 4, 1)],
        cursor: bytes('second'),
      })
      if (ends) call.finish()
    }
  }
  const commitCursor: Handler = (call) => {
    call.onMessage = (message) => {
      const request = read(CommitCursorRequestSchema, message)
      commits.push(described(request))
      if (commit) return commit(call, commits.length)
      call.send(CommitCursorResponseSchema, {})
      call.finish()
    }
  }
  const cluster = fakeCluster({ [first]: { ConsumeStream: consume, CommitCursor: commitCursor } })
  return { commits, requests, consumer: clientOf(cluster).consumer({ topic: 't', cursorName: 'mill', ...options }) }
}

function described({ topic, name, cursor, positions, reset }: CommitCursorRequest): string {
  assert.deepEqual([topic, name, reset], ['t', 'mill', false])
  const further = positions.map(({ origin, epoch, offset }) => {
    assert.deepEqual(Buffer.from(epoch), Buffer.from(epochBytes(3)))
    return `${origin}:${offset}`
  })
  return [text(cursor), ...further].join(' ')
}

test('it asks for the cursor of that name, and at the end commits behind everything', async () => {
  const { commits, requests, consumer } = scene()
  let count = 0
  for await (const _ of consumer) count++
  assert.deepEqual([count, requests[0]?.cursorName, commits], [7, 'mill', ['second']])
})

test('commit covers exactly what was taken, the record in hand included, also in the middle of an answer', async () => {
  const { commits, consumer } = scene({ autoCommit: false })
  for await (const { origin, offset } of consumer) {
    if (origin === 'a' || offset === 4) await consumer.commit()
  }
  assert.deepEqual(commits, [' a:1', ' a:2', 'first a:3', 'first a:4', 'first a:4 b:5', 'first a:5 b:5'])
  await consumer.commit()
  assert.equal(commits.at(-1), 'second')
})

test('who takes batches commits batches', async () => {
  const { commits, consumer } = scene({ autoCommit: false })
  for await (const _ of consumer.batches()) await consumer.commit()
  assert.deepEqual(commits, [' a:2', 'first a:4', 'first a:4 b:5', 'first a:5 b:5'])
})

test('who leaves the loop has committed what was taken before the record in hand, and may commit that, too', async () => {
  const { commits, consumer } = scene()
  for await (const { origin } of consumer) if (origin === 'b') break
  assert.deepEqual(commits, ['first a:4 b:0'])
  await consumer.commit()
  assert.deepEqual(commits, ['first a:4 b:0', 'first a:4 b:1'])
})

test('without autoCommit nothing is committed that nobody asked for', async () => {
  const { commits, consumer } = scene({ autoCommit: false })
  for await (const _ of consumer);
  assert.deepEqual(commits, [])
})

test('what was taken is committed while nothing more comes', async () => {
  let committed: () => void = () => {}
  const heard = new Promise<void>((resolve) => {
    committed = resolve
  })
  const acknowledge = (call: FakeCall) => {
    call.send(CommitCursorResponseSchema, {})
    call.finish()
    committed()
  }
  const { commits, consumer } = scene({}, acknowledge, false)
  const reading = (async () => {
    for await (const _ of consumer);
  })()
  await heard
  assert.deepEqual(commits, ['second'])
  consumer.close()
  await reading
  assert.deepEqual(commits, ['second'])
})

test('commits that are asked for while one is under way become one, with what was taken when the last was asked for', async () => {
  const calls: FakeCall[] = []
  const { commits, consumer } = scene({ autoCommit: false }, (call) => calls.push(call))
  const all: Promise<void>[] = []
  const answer = () => {
    const call = calls.shift() as FakeCall
    call.send(CommitCursorResponseSchema, {})
    call.finish()
  }
  let started: Promise<void> | undefined
  for await (const { origin, offset } of consumer) {
    if (origin === 'b') break
    all.push(consumer.commit())
    started ??= new Promise((resolve) => setImmediate(resolve))
    if (offset === 0) await started
  }
  assert.deepEqual(commits, [' a:1'])
  answer()
  await all[0]
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
  answer()
  await Promise.all(all)
  assert.deepEqual(commits, [' a:1', 'first a:4'])
})

test('a refused commit rejects; one that nobody waits for ends the reading', async () => {
  const refuse = (call: FakeCall) => call.finish(new ReeveError('PERMISSION_DENIED', 'no'))
  const asked = scene({ autoCommit: false }, refuse)
  const one = asked.consumer[Symbol.asyncIterator]()
  await one.next()
  await assert.rejects(asked.consumer.commit(), { code: 'PERMISSION_DENIED' })
  await one.return?.()
  const quiet = scene({}, refuse, false)
  await assert.rejects(
    async () => {
      for await (const _ of quiet.consumer);
    },
    { code: 'PERMISSION_DENIED' },
  )
})

test('without a name there is nothing to commit to', async () => {
  const cluster = fakeCluster({ [first]: {} })
  await assert.rejects(clientOf(cluster).consumer({ topic: 't' }).commit(), { code: 'CONFIG_INVALID' })
})

test('what is to be waited for goes along: of each log the last record, or a cursor', async () => {
  const at = (origin: string, offset: number) => ({ origin, epoch: epochOf(3), offset })
  const { requests, consumer } = scene({ waitFor: [at('a', 4), at('b', 1), at('a', 7), at('a', 5)], autoCommit: false })
  for await (const _ of consumer);
  const { waitFor, waitMs } = requests[0] as ConsumeStreamRequest
  assert.deepEqual(
    waitFor?.positions.map(({ origin, offset }) => `${origin}:${offset}`),
    ['a:8', 'b:2'],
  )
  assert.equal(waitMs, 1000)
  const other = scene({ waitFor: bytes('there'), autoCommit: false })
  for await (const _ of other.consumer);
  assert.equal(text(other.requests[0]?.waitFor?.cursor as Uint8Array), 'there')
})
