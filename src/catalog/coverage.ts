/**
 * How far each log of the catalog was folded, and how far it is no longer needed: a checkpoint in one log says again what
 * others say up to some offset. It counts here only if everything it is made of was folded here.
 */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { CatalogCheckpointSchema } from '../gen/reeve/v1/catalog_pb.ts'
import type { LogView } from '../log/journal.ts'
import { epochFromBytes, epochToBytes, type LogId, logKey } from '../log/log-id.ts'

/** Key of the record that ends a checkpoint; no kind is named so. */
export const checkpointKey = 'checkpoint'

const version = 1

export class Coverage {
  readonly #topic: string
  /** By log key; folded are the offsets from `since` to `to`. */
  readonly #logs = new Map<string, { readonly id: LogId; readonly since: number; to: number }>()
  readonly #covered = new Map<string, number>()

  constructor(topic: string) {
    this.#topic = topic
  }

  /** Where the folding of this log goes on. */
  enter({ id, key, start }: LogView): number {
    const known = this.#logs.get(key)
    if (known && known.to >= start) return known.to
    this.#logs.set(key, { id, since: start, to: start })
    return start
  }

  /** Everything of it before `to` is folded. */
  advance(key: string, to: number): void {
    const log = this.#logs.get(key)
    if (log) log.to = to
  }

  /** What a checkpoint must say that is made now. */
  encode(): Uint8Array {
    const covered = [...this.#logs.values()].map(({ id: { origin, epoch }, to }) => {
      return { origin, epoch: epochToBytes(epoch), offset: BigInt(to) }
    })
    return toBinary(CatalogCheckpointSchema, create(CatalogCheckpointSchema, { version, covered }))
  }

  /** The record that ends a checkpoint was met in the log `key`. One in a newer form counts for nothing here. */
  take(key: string, bytes: Uint8Array): void {
    const covered = decode(bytes, this.#topic)
    const since = this.#logs.get(key)?.since ?? Number.POSITIVE_INFINITY
    // It covers its own log up to somewhere before its first record.
    if (!covered || since > (covered.get(key) ?? 0)) return
    for (const [log, to] of covered) this.#covered.set(log, Math.max(to, this.#covered.get(log) ?? 0))
  }

  /** Before this offset the log says nothing that is not said elsewhere among what this node holds. */
  coveredTo(key: string): number {
    return this.#covered.get(key) ?? 0
  }
}

function decode(bytes: Uint8Array, topic: string): Map<string, number> | undefined {
  try {
    const checkpoint = fromBinary(CatalogCheckpointSchema, bytes)
    if (checkpoint.version !== version) return undefined
    const covered = new Map<string, number>()
    for (const { origin, epoch, offset } of checkpoint.covered) {
      const run = epochFromBytes(epoch)
      if (run.ok) covered.set(logKey({ topic, origin, epoch: run.value }), Number(offset))
    }
    return covered
  } catch {
    return undefined
  }
}
