/** Readers whose cursors are folded: short, and exactly as good as long ones. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { Declarations } from '../../src/catalog/declarations.ts'
import { foldOf, type RunEntry } from '../../src/catalog/run-kind.ts'
import { ConsumeStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { createCommits } from '../../src/server/commits.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { decodeCursor } from '../../src/server/cursor.ts'
import { TopicReader } from '../../src/server/reader.ts'
import { declaration, runOf } from '../catalog/runs.ts'
import { MemoryJournal } from './memory-journal.ts'
import { callOf, followRequest, parts, valuesOf } from './parts.ts'

const topic = 'orders'

/** A node in memory that readers ask. */
class Place {
  readonly journal = new MemoryJournal()
  readonly declarations = new Declarations()
  readonly #commits = createCommits(this.journal)

  reader(cursor?: Uint8Array, options: { woken?: () => void; origin?: string } = {}): TopicReader {
    const { journal, declarations } = this
    return new TopicReader({
      ...{
        journal,
        declarations,
        topic,
        origin: options.origin,
        start: { at: 'start' },
        order: 'arrival',
        filter: undefined,
      },
      commits: this.#commits,
      place: cursor && decodeCursor(cursor, topic),
      woken: options.woken ?? (() => {}),
    })
  }

  /** The values `name:offset` of `count` more records. */
  add(origin: string, run: number, count: number): void {
    const from = this.journal.logOf(topic, origin, runOf(run)).end
    const values = Array.from({ length: count }, (_, n) => `${origin}${run}:${from + n}`)
    if (count > 0) this.journal.add(topic, origin, runOf(run), ...values)
  }

  endOf(origin: string, run: number): number {
    return this.journal.logOf(topic, origin, runOf(run)).end
  }
}

/** Takes up to `most` records; gives what they are. */
function take(reader: TopicReader, most = Number.MAX_SAFE_INTEGER): string[] {
  const values: string[] = []
  while (reader.ready && values.length < most) {
    const { runs } = reader.next({ maxBytes: 1024 * 1024, cutBytes: 1024 * 1024, maxRecords: most - values.length })
    for (const { batch } of runs) values.push(...valuesOf(fromBinary(RecordBatchSchema, batch)))
  }
  return values
}

const origins = ['a', 'b', 'c']

/** The logs of a cluster, their declarations, and how much of it a second node has when the reader comes to it. */
const anyScene = fc.record({
  logs: fc.array(
    fc.record({
      origin: fc.constantFrom(...origins),
      run: fc.nat(3),
      size: fc.integer({ min: 1, max: 6 }),
      /** Declared when it had so many. */
      declared: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
      there: fc.integer({ min: 0, max: 6 }),
      known: fc.boolean(),
    }),
    { maxLength: 10 },
  ),
  reads: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
})

test('a cursor goes on at any node with exactly the rest, whatever that node knows by then and learns later', () => {
  fc.assert(
    fc.property(anyScene, ({ logs, reads }) => {
      const [here, there] = [new Place(), new Place()]
      const entries: { entry: RunEntry; known: boolean }[] = []
      const all: string[] = []
      for (const { origin, run, size } of logs) {
        const from = here.endOf(origin, run)
        here.add(origin, run, size)
        for (let at = from; at < from + size; at++) all.push(`${origin}${run}:${at}`)
      }
      for (const [index, { origin, run, declared, known }] of logs.entries()) {
        if (declared === undefined) continue
        const end = Math.min(declared, here.endOf(origin, run))
        const entry = declaration({
          origin,
          by: 9,
          number: index + 1,
          run,
          ends: { [topic]: end },
          follows: here.declarations.lastOf(origin),
        })
        here.declarations.add(entry)
        entries.push({ entry, known })
      }
      let cursor: Uint8Array | undefined
      const seen: string[] = []
      for (const count of reads) {
        const reader = here.reader(cursor)
        seen.push(...take(reader, count))
        cursor = reader.cursor()
        reader.close()
      }
      for (const { origin, run, there: count } of logs)
        there.add(origin, run, Math.min(count, here.endOf(origin, run) - there.endOf(origin, run)))
      for (const { entry, known } of entries) if (known) there.declarations.add(entry)
      const first = there.reader(cursor)
      seen.push(...take(first, 3))
      cursor = first.cursor()
      first.close()
      const second = there.reader(cursor)
      seen.push(...take(second))
      // The rest arrives while it reads: half of the records, the declarations, the other half.
      for (const { origin, run } of logs)
        there.add(origin, run, Math.floor((here.endOf(origin, run) - there.endOf(origin, run)) / 2))
      seen.push(...take(second))
      for (const { entry } of entries) there.declarations.add(entry)
      seen.push(...take(second))
      for (const { origin, run } of logs) there.add(origin, run, here.endOf(origin, run) - there.endOf(origin, run))
      seen.push(...take(second))
      assert.deepEqual(seen.toSorted(), all.toSorted())
      assert.equal(second.atEnd, true)
      for (const value of seen) {
        const [log, offset] = value.split(':') as [string, string]
        assert.equal(seen.filter((other) => other.startsWith(`${log}:`)).indexOf(value), Number(offset))
      }
    }),
    { numRuns: 500 },
  )
})

test('while it is not known what a cursor stands for, nothing of that origin is read and the node is behind', async () => {
  const place = new Place()
  place.add('a', 1, 2)
  place.add('a', 2, 2)
  place.add('b', 1, 1)
  const entry = declaration({ by: 2, run: 1, ends: { [topic]: 2 } })
  const here = new Place()
  here.add('a', 1, 2)
  here.declarations.add(entry)
  const before = here.reader()
  take(before)
  const cursor = before.cursor()
  let woken = 0
  const reader = place.reader(cursor, { woken: () => woken++ })
  assert.deepEqual([take(reader), reader.behind, reader.atEnd], [['b1:0'], true, false])
  // What it hands on meanwhile has lost nothing of it.
  assert.deepEqual(decodeCursor(reader.cursor(), topic).folds, [foldOf(entry)])
  place.declarations.add(entry)
  await Promise.resolve()
  assert.deepEqual([woken, reader.behind, take(reader)], [1, false, ['a2:0', 'a2:1']])
  // Whoever reads only another node's records does not wait for it, and hands it on.
  const other = new Place().reader(cursor, { origin: 'b' })
  assert.deepEqual([other.behind, decodeCursor(other.cursor(), topic).folds], [false, [foldOf(entry)]])
})

test('fifty nodes with a hundred runs each: the cursor of who has read it all stays small', () => {
  const place = new Place()
  const names = Array.from({ length: 50 }, (_, n) => `node-${n + 1}`)
  for (const origin of names) {
    for (let run = 1; run <= 101; run++) {
      place.add(origin, run, 3)
      if (run === 1) continue
      const follows = place.declarations.lastOf(origin)
      place.declarations.add(declaration({ origin, by: run, run: run - 1, ends: { [topic]: 3 }, follows }))
    }
  }
  const reader = place.reader()
  assert.equal(take(reader).length, 50 * 101 * 3)
  const running = decodeCursor(reader.cursor(), topic)
  assert.deepEqual([running.positions.size, running.folds.length], [50, 50])
  assert.ok(reader.cursor().length < 3.5 * 1024, `${reader.cursor().length} bytes while all go on`)
  for (const origin of names) {
    const follows = place.declarations.lastOf(origin)
    place.declarations.add(declaration({ origin, by: 102, run: 101, ends: { [topic]: 3 }, follows }))
  }
  const { positions, folds } = decodeCursor(reader.cursor(), topic)
  assert.deepEqual([positions.size, folds.length], [0, 50])
  const bytes = reader.cursor().length
  assert.ok(bytes < 2 * 1024, `${bytes} bytes`)
  const resumed = place.reader(reader.cursor())
  assert.deepEqual([take(resumed), resumed.atEnd, resumed.cursor().length], [[], true, bytes])
})

test('one record a message, on the way to a declared end: no cursor stands further than its record', async () => {
  const deps = parts()
  const values = ['a1:0', 'a1:1', 'a1:2', 'a1:3']
  deps.journal.add(topic, 'a', runOf(1), ...values)
  deps.declarations.add(declaration({ by: 2, run: 1, ends: { [topic]: 4 } }))
  const read = async (cursor?: Uint8Array) => {
    const call = callOf(consumeStream(deps)).say(
      followRequest({ topic, recordsPerMessage: 1, ...(cursor && { cursor }) }),
    )
    assert.equal(await call.done, undefined)
    return call.answers(ConsumeStreamResponseSchema)
  }
  const messages = await read()
  assert.equal(messages.length, 4)
  for (const [at, { cursor }] of messages.entries()) {
    const rest = await read(cursor)
    assert.deepEqual(
      rest.flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch))),
      values.slice(at + 1),
    )
  }
})
