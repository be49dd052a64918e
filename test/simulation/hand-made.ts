/** Universes and histories made by hand, for judges to look at. */

import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { chainSeed, encodeFrame, type ProducerMark } from '../../src/log/frame.ts'
import type { LogId } from '../../src/log/log-id.ts'
import { History, type Operation, type ReadAsked } from '../../src/simulation/history.ts'
import type { Judge } from '../../src/simulation/judges/judge.ts'
import { recordSum } from '../../src/simulation/universe/record-sums.ts'
import { type StoredFrame, storedFrames } from '../../src/simulation/universe/stored-frames.ts'
import { type DiskFact, Universe } from '../../src/simulation/universe/universe.ts'
import { bytesOf } from './calm.ts'

export const epoch = '018f0000-0000-7000-8000-000000000001'
export const logA = `orders/a/${epoch}`

export const sumOf = (value: string): number => recordSum(new Uint8Array(0), bytesOf(value))

export interface Made {
  readonly frame: StoredFrame
  readonly bytes: Uint8Array
}

/** Frames of one log, of one record each unless a value has commas. */
export function madeFrames(
  log: string,
  values: readonly string[],
  options: { mark?: ProducerMark; timestamp?: number } = {},
) {
  const [topic, origin, run] = log.split('/') as [string, string, string]
  const id: LogId = { topic, origin, epoch: run }
  let [chain, baseOffset] = [chainSeed(id), 0]
  return values.map((text, index): Made => {
    const records = text.split(',').map((value) => ({ value: bytesOf(value) }))
    const body = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
    const timestamp = BigInt(options.timestamp ?? 1000 + index) << 16n
    const producer = options.mark
    const encoded = encodeFrame({
      ...{ baseOffset, recordCount: records.length, timestamp, previousChain: chain, body },
      ...(producer && { producer }),
    })
    chain = encoded.chain
    baseOffset += records.length
    return { frame: storedFrames(encoded.bytes, 0)[0]!, bytes: encoded.bytes }
  })
}

/** A judge, a universe that tells it all, and a history. */
export function inCourt(judge: Judge) {
  const found: string[] = []
  const facts: DiskFact[] = []
  const universe: Universe = new Universe((fact) => {
    facts.push(fact)
    for (const { node, reason } of judge.happened?.(fact, universe) ?? []) found.push(`${node}: ${reason}`)
  })
  let now = 0
  const history = new History(() => now++, {
    begun: () => {},
    ended: (operation) => {
      for (const { node, reason } of judge.ended?.(operation, universe) ?? []) found.push(`${node}: ${reason}`)
    },
  })
  return {
    universe,
    history,
    facts,
    /** What was found since the last time. */
    found: () => found.splice(0),
    hold(disk: string, log: string, frames: readonly Made[], isDurable = true): void {
      for (const { frame, bytes } of frames) {
        universe.held(disk, log, frame, bytes)
        if (isDurable) universe.durable(disk, log, frame)
      }
    },
    produced(node: string, values: readonly string[], answer: Operation['answer'], asked: object = {}): void {
      const operation = history.begin<Operation>({
        ...{ kind: 'produce', client: 'writer', node, disk: node, topic: 'orders', place: undefined, copies: 1 },
        sums: values.map(sumOf),
        ...asked,
      } as never)
      history.end(operation, answer as never)
    },
    read(
      node: string,
      runs: readonly [log: string, from: number, values: readonly string[]][],
      asked: Partial<ReadAsked> = {},
    ): void {
      const operation = history.begin<ReadAsked>({
        ...{ kind: 'read', client: 'reader', node, disk: node, topic: 'orders', reading: 'reading', from: {} },
        ...{ waitsFor: {}, byTime: false, ...asked },
      })
      history.end(operation, {
        ok: true,
        atEnd: true,
        runs: runs.map(([log, from, values], index) => ({
          log,
          from,
          sums: values.map(sumOf),
          timestamp: BigInt(-index),
        })),
      })
    },
    rests(bounds: Record<string, Record<string, { start?: number; end: number; gapAt?: number }>>): string[] {
      const live = Object.entries(bounds).map(([node, logs]) => ({
        node,
        name: node,
        disk: node,
        bounds: (log: string) => logs[log] && { start: 0, gapAt: undefined, ...logs[log] },
      }))
      return (judge.rests?.({ universe, history, live, round: 1 }) ?? []).map(
        ({ node, reason }) => `${node}: ${reason}`,
      )
    },
  }
}

export const stored = (base: number, count: number, copies = 1, log = logA) =>
  ({ ok: true, log, base, count, copies, duplicate: false }) as const

export function only(found: readonly string[], pattern: RegExp): void {
  assert.equal(found.length, 1, found.join('\n'))
  assert.match(found[0]!, pattern)
}
