/**
 * Declarations in the catalog: how far the logs of an earlier run of a node reach. Nobody writes the same key twice, so
 * that there is nothing to merge.
 */

import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { type RunEntry, RunEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import { epochFromBytes, parseNodeName } from '../log/log-id.ts'
import { type CatalogKind, compareBytes } from './kind.ts'
import { type Fold, foldKey } from './place.ts'

export type { RunEntry } from '../gen/reeve/v1/catalog_pb.ts'

export const runVersion = 1

export const runKind: CatalogKind<RunEntry> = {
  name: 'run',
  decode(bytes) {
    try {
      const entry = fromBinary(RunEntrySchema, bytes)
      return isSound(entry) ? entry : undefined
    } catch {
      return undefined
    }
  },
  encode: (entry) => toBinary(RunEntrySchema, entry),
  merge: (one, other) => (compareBytes(runKind.encode(one), runKind.encode(other)) >= 0 ? one : other),
}

/** `run/ORIGIN/EPOCH/NUMBER` */
export function runKey(fold: Fold): string {
  return `${runKind.name}/${foldKey(fold)}`
}

/** The name of this declaration. */
export function foldOf({ origin, declaredBy, number }: RunEntry): Fold {
  return { origin, epoch: epochText(declaredBy), number: Number(number) }
}

/** The names of those it follows. */
export function followedBy({ origin, follows }: RunEntry): Fold[] {
  return follows.map(({ epoch, number }) => ({ origin, epoch: epochText(epoch), number: Number(number) }))
}

/** Of a sound entry. */
export function epochText(bytes: Uint8Array): string {
  const epoch = epochFromBytes(bytes)
  if (!epoch.ok) throw new RangeError(epoch.problem)
  return epoch.value
}

function isSound({ version, origin, epoch, declaredBy, number, logs, follows }: RunEntry): boolean {
  return (
    version === runVersion &&
    parseNodeName(origin).ok &&
    epochFromBytes(epoch).ok &&
    isNumber(number) &&
    epochFromBytes(declaredBy).ok &&
    logs.every(({ end }) => end <= safeMax) &&
    follows.every((id) => epochFromBytes(id.epoch).ok && isNumber(id.number))
  )
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER)

function isNumber(value: bigint): boolean {
  return value > 0n && value <= safeMax
}
