/** What the cluster was told about its topics, as the records of the internal topic on the disks say. */

import { fromBinary } from '@bufbuild/protobuf'
import { TopicEntrySchema } from '../../gen/reeve/v1/catalog_pb.ts'
import { RecordBatchSchema } from '../../gen/reeve/v1/record_pb.ts'

export interface Limits {
  /** 0: none. */
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly retentionRecords: number
}

const noLimits: Limits = { retentionMs: 0, retentionBytes: 0, retentionRecords: 0 }
const headerBytes = 72

export class TopicRules {
  /** What each node's own configuration says for topics that say nothing. */
  configured: Limits = noLimits
  readonly #deletedAt = new Map<string, bigint>()
  readonly #limits = new Map<string, Limits[]>()

  /** A frame of the internal topic. */
  learn(frame: Uint8Array): void {
    for (const { key, value } of fromBinary(RecordBatchSchema, frame.subarray(headerBytes)).records) {
      const topic = /^topic\/(.+)$/.exec(new TextDecoder().decode(key))?.[1]
      if (topic === undefined) continue
      const { settings, deletedAt } = fromBinary(TopicEntrySchema, value)
      this.deleted(topic, deletedAt)
      if (settings === undefined) continue
      const { retentionMs, retentionBytes, retentionRecords } = settings
      const { configured } = this
      this.limited(topic, {
        retentionMs: Number(retentionMs ?? configured.retentionMs),
        retentionBytes: Number(retentionBytes ?? configured.retentionBytes),
        retentionRecords: Number(retentionRecords ?? configured.retentionRecords),
      })
    }
  }

  deleted(topic: string, at: bigint): void {
    if (at > (this.#deletedAt.get(topic) ?? 0n)) this.#deletedAt.set(topic, at)
  }

  limited(topic: string, limits: Limits): void {
    const known = this.#limits.get(topic)
    if (known === undefined) this.#limits.set(topic, [limits])
    else known.push(limits)
  }

  /** Hybrid time of the topic's last deletion; 0: never. */
  deletedAt(topic: string): bigint {
    return this.#deletedAt.get(topic) ?? 0n
  }

  /** All limits that any node may have in force: which of them a node knows is its own affair. */
  limitsOf(topic: string): readonly Limits[] {
    return [this.configured, ...(this.#limits.get(topic) ?? [])]
  }

  /** Whether anything of the topic may go by a limit. */
  expires(topic: string): boolean {
    return this.limitsOf(topic).some((one) => one.retentionMs + one.retentionBytes + one.retentionRecords > 0)
  }
}
