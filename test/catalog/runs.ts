/** Declarations for scenarios: what nodes said of their earlier runs, in few words. */

import { create } from '@bufbuild/protobuf'
import type { Fold } from '../../src/catalog/place.ts'
import { type RunEntry, runVersion } from '../../src/catalog/run-kind.ts'
import { RunEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'

/** The epoch of run `n`. */
export function runOf(n: number): string {
  return `01980000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

export interface Declared {
  readonly origin?: string
  /** The run that declares, and the how manieth time. */
  readonly by: number
  readonly number?: number
  /** The run that is declared. */
  readonly run: number
  /** By topic. */
  readonly ends: Readonly<Record<string, number>>
  readonly follows?: readonly Fold[]
}

export function declaration({ origin = 'a', by, number = 1, run, ends, follows = [] }: Declared): RunEntry {
  return create(RunEntrySchema, {
    version: runVersion,
    origin,
    declaredBy: epochToBytes(runOf(by)),
    number: BigInt(number),
    epoch: epochToBytes(runOf(run)),
    logs: Object.entries(ends).map(([topic, end]) => ({ topic, end: BigInt(end) })),
    follows: follows.map((fold) => ({ epoch: epochToBytes(fold.epoch), number: BigInt(fold.number) })),
  })
}
