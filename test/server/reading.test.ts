import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  ConsumeResponseSchema,
  ConsumeStreamResponseSchema,
  ReadOrder,
  StartAt,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { consume } from '../../src/server/consume.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { type FakeCall, settled } from './fake-call.ts'
import { epochA, epochB, epochC } from './memory-journal.ts'
import { callOf, consumeRequest, errorOf, followRequest, parts, valuesOf } from './parts.ts'
import { type Asked, anyHistory, anyRequest, expected, foundIn, inOrder, write } from './reading-model.ts'

type Parts = ReturnType<typeof parts>

async function streamed(deps: Parts, asked: Asked) {
  const call = callOf(consumeStream(deps)).say(followRequest(asked)).end()
  await over(deps, call)
  assert.equal(await call.done, undefined)
  return call.answers(ConsumeStreamResponseSchema)
}

async function over(deps: Parts, call: FakeCall): Promise<void> {
  while (!call.over) {
    await settled()
    deps.clock.pass(0)
  }
}

/** One answer after the other, until one says that it is the end, or that this node is behind. */
async function asked(deps: Parts, { recordsPerMessage: _, follow: __, maxBytes, maxRecords, ...rest }: Asked) {
  const answers = []
  let cursor = rest.cursor ?? new Uint8Array()
  for (let left = Number(maxRecords) || Number.POSITIVE_INFINITY; left > 0; ) {
    const call = callOf(consume(deps)).say(
      consumeRequest({
        ...(rest as object),
        topic: 't',
        cursor,
        maxBytes: Number(maxBytes),
        maxRecords: Number.isFinite(left) ? left : 0,
      }),
    )
    await over(deps, call)
    assert.equal(await call.done, undefined)
    const answer = call.answers(ConsumeResponseSchema)[0]!
    answers.push(answer)
    left -= foundIn(answer).length
    if (answer.atEnd || Buffer.from(answer.cursor).equals(Buffer.from(cursor))) return answers
    cursor = answer.cursor
  }
  return answers
}

describe('whatever is asked for', () => {
  test('a stream gives what the slow and obvious way gives, and goes on exactly where it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, anyRequest, fc.nat(), async (history, request, cutAt) => {
        const deps = parts()
        const all = write(deps.journal, history)
        const due = expected(all, request)
        const messages = await streamed(deps, request)
        const got = messages.flatMap(foundIn)
        const unlimited = !request.maxRecords && !request.maxBytes
        if (unlimited) assert.deepEqual(inOrder(got, request), inOrder(due, request))
        else {
          // Each log's part is the beginning of what is due of it; in order of time the whole is.
          const bytes = got.reduce((sum, each) => sum + each.bytes, 0)
          const enough = (count: number, size: number) =>
            (request.maxRecords! > 0n && count >= request.maxRecords!) ||
            (request.maxBytes! > 0n && size >= request.maxBytes!)
          assert.ok(got.length === due.length || enough(got.length, bytes), 'it ended too early')
          if (got.length > 0) assert.ok(!enough(got.length - 1, bytes - got.at(-1)!.bytes), 'it gave too much')
          const ordered = inOrder(due, request)
          if (request.order === ReadOrder.TIMESTAMP)
            assert.deepEqual(inOrder(got, request), ordered.slice(0, got.length))
        }
        const { recordsPerMessage: most } = request
        if (most) for (const message of messages) assert.ok(foundIn(message).length <= most)

        const cut = cutAt % messages.length
        const before = messages.slice(0, cut + 1).flatMap(foundIn)
        const rest = await streamed(deps, { ...request, cursor: messages[cut]!.cursor, maxRecords: 0n, maxBytes: 0n })
        assert.deepEqual(inOrder([...before, ...rest.flatMap(foundIn)], request), inOrder(due, request))
      }),
      { numRuns: 400 },
    )
  })

  test('single answers give the same, one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, anyRequest, async (history, request) => {
        const deps = parts()
        const all = write(deps.journal, history)
        const answers = await asked(deps, request)
        const due = inOrder(expected(all, request), request)
        const got = inOrder(answers.flatMap(foundIn), request)
        if (!request.maxRecords) assert.deepEqual(got, due)
        else assert.equal(got.length, Math.min(due.length, Number(request.maxRecords)))
      }),
      { numRuns: 200 },
    )
  })

  test('two nodes that hold the same give the same by time, whatever came to them first', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, async (history) => {
        const [one, other] = [parts(), parts()]
        const all = write(one.journal, history)
        // Log by log, the last one first.
        for (const { id } of one.journal.logs().toReversed()) {
          await other.journal.replicate(id, one.journal.logOf(id.topic, id.origin, id.epoch).read(0, 1e9))
        }
        const request = { topic: 't', order: ReadOrder.TIMESTAMP }
        const answers = await Promise.all([streamed(one, request), streamed(other, request)])
        const [first, second] = answers.map((messages) => inOrder(messages.flatMap(foundIn), request))
        assert.deepEqual(first, second)
        assert.deepEqual(first, inOrder(expected(all, request), request))
      }),
      { numRuns: 50 },
    )
  })
})

test('from an offset: of that log alone, also where a cursor goes on', async () => {
  const deps = parts()
  deps.journal.add('t', 'a', epochA, 'a0', 'a1')
  deps.journal.add('t', 'b', epochB, 'b0')
  const request = {
    topic: 't',
    origin: 'a',
    startEpoch: epochToBytes(epochA),
    startAt: StartAt.OFFSET,
    startOffset: 1n,
  }
  const message = (await streamed(deps, request)).at(-1)
  assert.deepEqual(
    message!.batches.map(({ batch }) => valuesOf(batch)),
    [['a1']],
  )
  deps.journal.add('t', 'a', epochC, 'another run')
  deps.journal.add('t', 'a', epochA, 'a2')
  const [next] = await streamed(deps, { ...request, cursor: message!.cursor })
  assert.deepEqual(
    next!.batches.map(({ batch }) => valuesOf(batch)),
    [['a2']],
  )
})

test('from an offset below the start of its log: refused with the bounds', async () => {
  const deps = parts()
  const log = deps.journal.add('t', 'b', epochB, 'b0', 'b1')
  deps.journal.add('t', 'b', epochB, 'b2')
  log.start = 2
  const request = {
    topic: 't',
    origin: 'b',
    startEpoch: epochToBytes(epochB),
    startAt: StartAt.OFFSET,
    startOffset: 1n,
  }
  for (const call of [
    callOf(consumeStream(deps)).say(followRequest(request)),
    callOf(consume(deps)).say(consumeRequest(request)),
  ]) {
    const { code, facts } = await errorOf(call)
    assert.equal(code, 'OFFSET_TRIMMED')
    assert.deepEqual([facts.start, facts.end, facts.origin, facts.epoch], ['2', '3', 'b', epochB])
  }
})

test('from an offset that is not here yet: no end until it is, and what comes is delivered', async () => {
  for (const startOffset of [0n, 3n]) {
    const deps = parts()
    deps.journal.add('t', 'a', epochA, 'a0')
    const request = { topic: 't', origin: 'b', startEpoch: epochToBytes(epochB), startAt: StartAt.OFFSET, startOffset }
    const call = callOf(consume(deps)).say(consumeRequest(request))
    assert.equal(await call.done, undefined)
    assert.equal(call.answers(ConsumeResponseSchema)[0]!.atEnd, false)
    const following = callOf(consumeStream(deps)).say(followRequest({ ...request, follow: true }))
    deps.journal.add('t', 'b', epochB, 'b0', 'b1', 'b2')
    deps.journal.add('t', 'b', epochB, 'b3')
    await settled()
    const values = following
      .answers(ConsumeStreamResponseSchema)
      .flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))
    assert.deepEqual(values, ['b0', 'b1', 'b2', 'b3'].slice(Number(startOffset)))
    assert.equal(following.answers(ConsumeStreamResponseSchema).at(-1)!.atEnd, true)
  }
})

test('from a time: a log that appears later is read from its start', async () => {
  const deps = parts()
  const log = deps.journal.logOf('t', 'a', epochA)
  log.nowMs = 1000
  deps.journal.add('t', 'a', epochA, 'before')
  const request = { topic: 't', startAt: StartAt.TIME, startTimeMs: 5000n, follow: true }
  const call = callOf(consumeStream(deps)).say(followRequest(request))
  deps.journal.logOf('t', 'b', epochB).nowMs = 2000
  deps.journal.add('t', 'b', epochB, 'came late')
  log.nowMs = 6000
  deps.journal.add('t', 'a', epochA, 'after')
  await settled()
  const values = call
    .answers(ConsumeStreamResponseSchema)
    .flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))
  assert.deepEqual(values.toSorted(), ['after', 'came late'])
})

test('by time with follow: what comes late is delivered when it comes', async () => {
  const deps = parts()
  const early = deps.journal.logOf('t', 'b', epochB)
  const late = deps.journal.logOf('t', 'a', epochA)
  early.nowMs = 1000
  late.nowMs = 3000
  deps.journal.add('t', 'a', epochA, 'second')
  deps.journal.add('t', 'b', epochB, 'first')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', order: ReadOrder.TIMESTAMP, follow: true }))
  await settled()
  early.nowMs = 2000
  deps.journal.add('t', 'b', epochB, 'too late for its place')
  await settled()
  const values = call
    .answers(ConsumeStreamResponseSchema)
    .flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))
  assert.deepEqual(values, ['first', 'second', 'too late for its place'])
})

test('requests that mean nothing are refused, by both methods, and nothing of them is ignored', async () => {
  const deps = parts()
  deps.journal.add('t', 'a', epochA, 'a0')
  const some = new Uint8Array(1)
  const bad: Asked[] = [
    { startAt: 5 as StartAt },
    { order: 3 as ReadOrder },
    { startTimeMs: 1n },
    { startAt: StartAt.END, startTimeMs: 1n },
    { startOffset: 1n, origin: 'a' },
    { startEpoch: epochToBytes(epochA), origin: 'a' },
    { startAt: StartAt.OFFSET, startEpoch: epochToBytes(epochA) },
    { startAt: StartAt.OFFSET, origin: 'a' },
    { startAt: StartAt.OFFSET, origin: 'a', startEpoch: some },
    { startAt: StartAt.OFFSET, origin: 'a', startEpoch: epochToBytes(epochA), startOffset: 2n ** 53n },
    { filter: { keys: Array.from({ length: 1001 }, () => some) } },
    { filter: { keys: [some], prefixes: [new Uint8Array(64 * 1024)] } },
  ]
  for (const init of bad) {
    const { maxBytes: _, maxRecords: __, ...both } = init
    const calls = [
      callOf(consumeStream(deps)).say(followRequest({ topic: 't', ...init })),
      callOf(consume(deps)).say(consumeRequest({ topic: 't', ...(both as object) })),
    ]
    for (const call of calls)
      assert.equal((await errorOf(call)).code, 'REQUEST_MALFORMED', JSON.stringify(Object.keys(init)))
  }
})
