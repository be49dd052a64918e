/** What the scenarios about handlers share: a node's parts in memory. */

import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { Cursors } from '../../src/catalog/cursors.ts'
import { Declarations } from '../../src/catalog/declarations.ts'
import { kindsKnowing } from '../../src/catalog/kinds.ts'
import { openTopics } from '../../src/catalog/topics.ts'
import type { RpcHandler } from '../../src/env/env.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  ConsumeRequestSchema,
  ConsumeStreamRequestSchema,
  ProduceRequestSchema,
  ProduceStreamRequestSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { RecordBatch } from '../../src/gen/reeve/v1/record_pb.ts'
import { Copies } from '../../src/replication/copies.ts'
import { type Access, createAccess } from '../../src/server/access.ts'
import { createAcks } from '../../src/server/acks.ts'
import { createCommits } from '../../src/server/commits.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { createPhase } from '../../src/server/phase.ts'
import { FakeCall, type FakeCallOptions } from './fake-call.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryJournal } from './memory-journal.ts'

export const topicDefaults = {
  retentionMs: 0,
  retentionBytes: 0,
  retentionRecords: 0,
  segmentMaxBytes: 64 * 1024 * 1024,
  maxRecordBytes: 500,
}

export function parts(options: { access?: Access } = {}) {
  const journal = new MemoryJournal()
  const clock = new ManualClock()
  const phase = createPhase('serving')
  const copies = new Copies()
  const isLive = () => false
  const declarations = new Declarations()
  const report = (error: ReeveError) => {
    throw error
  }
  const catalog = openCatalog({ journal, kinds: kindsKnowing(declarations), report })
  const topics = openTopics(catalog, journal, topicDefaults)
  return {
    journal,
    clock,
    phase,
    copies,
    topics,
    commits: createCommits(journal),
    declarations,
    cursors: new Cursors({ catalog, journal, declarations }),
    access: options.access ?? createAccess(openDoor, false),
    isLive,
    acks: createAcks({ copies, isLive, clock }),
    limits: () => ({ maxBytes: 1000, maxRecords: 10, maxRecordBytes: 500 }),
    durability: 'fsync' as const,
    knownNodes: () => 3,
    copiesWaitMs: 30_000,
  }
}

export function callOf(handle: RpcHandler, options: FakeCallOptions = {}): FakeCall {
  return new FakeCall(handle, options)
}

export const records = (...values: string[]) => ({
  records: values.map((value) => ({ value: new TextEncoder().encode(value) })),
})

export const valuesOf = (batch: RecordBatch | undefined): string[] =>
  (batch?.records ?? []).map(({ value }) => new TextDecoder().decode(value))

export const produceRequest = (init: MessageInitShape<typeof ProduceRequestSchema>) =>
  toBinary(ProduceRequestSchema, create(ProduceRequestSchema, init))
export const streamedRequest = (init: MessageInitShape<typeof ProduceStreamRequestSchema>) =>
  toBinary(ProduceStreamRequestSchema, create(ProduceStreamRequestSchema, init))
export const consumeRequest = (init: MessageInitShape<typeof ConsumeRequestSchema>) =>
  toBinary(ConsumeRequestSchema, create(ConsumeRequestSchema, init))
export const followRequest = (init: MessageInitShape<typeof ConsumeStreamRequestSchema>) =>
  toBinary(ConsumeStreamRequestSchema, create(ConsumeStreamRequestSchema, init))

/** The error a call ended with; fails when it ended well. */
export async function errorOf(call: FakeCall): Promise<ReeveError> {
  const error = await call.done
  if (!(error instanceof ReeveError)) throw new Error('the call ended without an error')
  return error
}
