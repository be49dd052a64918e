/**
 * The topics of the cluster as one node knows them: what is set for each, what that means here, and the journal's rules
 * by it. A change is in force here before whoever made it is answered.
 */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { TopicEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochToBytes, isInternalTopic } from '../log/log-id.ts'
import { type Catalog, catalogTopic } from './catalog.ts'
import { cursorKey, generationIn } from './cursor-kind.ts'
import { deletionIn, emptyTopic, isDeclared, type TopicEntry, topicKey, topicKind, topicVersion } from './topic-kind.ts'
import {
  checkTopicSettings,
  expires,
  policyOf,
  type TopicDefaults,
  type TopicPolicy,
  type TopicSettings,
} from './topic-settings.ts'

export interface Topics {
  /** Of users: declared, or with records here. Sorted. */
  names(): string[]
  exists(name: string): boolean
  /** As given; undefined where nobody gave any since the topic was deleted last. */
  settings(name: string): TopicSettings | undefined
  /** In force here. */
  policy(name: string): TopicPolicy
  /**
   * Resolves with the settings in force once they are durable here. Rejects with `TOPIC_SETTINGS_INVALID`,
   * `TOPIC_EXISTS` (only with `createOnly`) or as `Journal.append`.
   */
  set(name: string, settings: TopicSettings, createOnly: boolean): Promise<TopicSettings>
  /** Ends settings, named cursors and all records written before. Rejects with `TOPIC_UNKNOWN` or as `Journal.append`. */
  delete(name: string): Promise<void>
  /** Called with a name after its policy changed, by whomever. */
  onChange(listener: (name: string) => void): () => void
}

export function openTopics(catalog: Catalog, journal: Journal, defaults: TopicDefaults): Topics {
  return new OpenTopics(catalog, journal, defaults)
}

class OpenTopics implements Topics {
  readonly #catalog: Catalog
  readonly #journal: Journal
  readonly #defaults: TopicDefaults
  readonly #default: TopicPolicy
  readonly #policies = new Map<string, TopicPolicy>()
  readonly #listeners = new Set<(name: string) => void>()

  constructor(catalog: Catalog, journal: Journal, defaults: TopicDefaults) {
    this.#catalog = catalog
    this.#journal = journal
    this.#defaults = defaults
    this.#default = policyOf(undefined, 0n, defaults)
    const prefix = topicKey('')
    for (const key of catalog.list(prefix)) this.#apply(key.slice(prefix.length))
    // What a checkpoint covers is in it; nobody is told to keep the rest.
    journal.rule(catalogTopic, { segmentMaxBytes: defaults.segmentMaxBytes, deletedAt: 0n, expires: true })
    catalog.changed(prefix, (key) => {
      const name = key.slice(prefix.length)
      this.#apply(name)
      for (const listener of [...this.#listeners]) listener(name)
    })
  }

  names(): string[] {
    const prefix = topicKey('')
    const known = [...this.#journal.topics(), ...this.#catalog.list(prefix).map((key) => key.slice(prefix.length))]
    return [...new Set(known)].filter((name) => !isInternalTopic(name) && this.exists(name)).sort()
  }

  settings(name: string): TopicSettings | undefined {
    const entry = this.#entry(name)
    return entry && isDeclared(entry) ? entry.settings : undefined
  }

  policy(name: string): TopicPolicy {
    return this.#policies.get(name) ?? this.#default
  }

  async set(name: string, settings: TopicSettings, createOnly: boolean): Promise<TopicSettings> {
    checkTopicSettings(settings)
    if (createOnly && this.exists(name)) {
      throw new ReeveError('TOPIC_EXISTS', `topic ${name} exists`, { facts: { topic: name } })
    }
    const { timestamp = 0n, deletedAt = 0n } = this.#entry(name) ?? {}
    const entry = create(TopicEntrySchema, {
      version: topicVersion,
      // Later than all this node knows, whatever the clocks that made it.
      timestamp: latest(this.#journal.timestamp(), timestamp + 1n, deletedAt + 1n),
      origin: this.#journal.node,
      epoch: epochToBytes(this.#journal.epoch),
      settings,
    })
    await this.#catalog.put(topicKey(name), topicKind.encode(entry))
    return this.settings(name) ?? settings
  }

  async delete(name: string): Promise<void> {
    if (!this.exists(name))
      throw new ReeveError('TOPIC_UNKNOWN', `topic ${name} is unknown here`, { facts: { topic: name } })
    const { timestamp = 0n } = this.#entry(name) ?? {}
    const written = this.#journal.segments(name).map(({ segments }) => segments.at(-1)?.timestamp ?? 0n)
    const cursors = this.#catalog.list(cursorKey(name, '')).map((key) => generationIn(this.#catalog.get(key)) + 1n)
    const entry = emptyTopic()
    // What this node knows of the topic was written before, also where a clock that was ahead says otherwise.
    entry.deletedAt = latest(this.#journal.timestamp(), timestamp, ...written, ...cursors)
    await this.#catalog.put(topicKey(name), topicKind.encode(entry))
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  exists(name: string): boolean {
    if (this.settings(name) !== undefined) return true
    const logs = this.#journal.topicLogs(name)
    // A topic whose records went by retention is still one; a deleted one comes back with its first record.
    const deleted = (this.#entry(name)?.deletedAt ?? 0n) > 0n
    return deleted ? logs.some(({ start, end }) => start < end) : logs.length > 0
  }

  #entry(name: string): TopicEntry | undefined {
    const value = this.#catalog.get(topicKey(name))
    return value && topicKind.decode(value)
  }

  #apply(name: string): void {
    const deletedAt = deletionIn(this.#catalog.get(topicKey(name)))
    const policy = policyOf(this.settings(name), deletedAt, this.#defaults)
    this.#policies.set(name, policy)
    this.#journal.rule(name, { segmentMaxBytes: policy.segmentMaxBytes, deletedAt, expires: expires(policy) })
  }
}

function latest(...times: readonly bigint[]): bigint {
  return times.reduce((one, other) => (one > other ? one : other))
}
