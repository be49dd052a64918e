/**
 * The catalog: what the cluster as a whole knows beside its records, such as the settings of topics. It is kept as the
 * records of one internal topic, which replicates like any other: each node writes to its own log of it, holds all others
 * and folds all of them into one state in memory. So a change is durable where it was made before anybody is told, spreads
 * in any partition, and comes out the same everywhere.
 *
 * Owns: the state, and how far each log was folded.
 * Never: trusts the order in which anything arrives; asks anybody.
 */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ReeveError, toReeveError } from '../errors.ts'
import { RecordBatchSchema } from '../gen/reeve/v1/record_pb.ts'
import { framesIn } from '../log/frame.ts'
import type { Journal, LogView } from '../log/journal.ts'
import { Coverage, checkpointKey } from './coverage.ts'
import type { CatalogKind } from './kind.ts'
import { CatalogState } from './state.ts'

export const catalogTopic = '_catalog'

/** Of one key, and of one value: an entry is a record, and the whole state is in the memory of every node. */
export const keyMaxBytes = 512
export const valueMaxBytes = 1024 * 1024

export interface Catalog {
  /** The merged value of a key; undefined: nobody ever put one. */
  get(key: string): Uint8Array | undefined
  /** Keys that begin with `prefix`, sorted. */
  list(prefix: string): string[]
  /**
   * Merges a value into what the cluster knows of the key. Resolves once it is durable on this node, and seen by `get`.
   * Rejects as `Journal.append` does, and with `REQUEST_MALFORMED` where key or value are too long.
   */
  put(key: string, value: Uint8Array): Promise<void>
  /** Called with a key that begins with `prefix` after its value changed, by anybody. Returns what unsubscribes. */
  changed(prefix: string, listener: (key: string) => void): () => void
  /** Of all keys and values; walks over them. */
  readonly bytes: number
  /** Says everything again in this run's log; rejects as `Journal.append` does. What it covers can then be trimmed. */
  checkpoint(): Promise<void>
  /** Before this offset the log, by its key, says nothing that is not said elsewhere among what this node holds. */
  coveredTo(log: string): number
}

export interface CatalogOptions {
  readonly journal: Journal
  readonly kinds: readonly CatalogKind<unknown>[]
  /** Told of logs that could not be read, and of listeners that threw. */
  readonly report: (error: ReeveError) => void
}

/** Reads all there is at once; what is committed later is folded as it comes, for as long as the journal is open. */
export function openCatalog(options: CatalogOptions): Catalog {
  const catalog = new OpenCatalog(options)
  for (const log of options.journal.topicLogs(catalogTopic)) catalog.follow(log)
  options.journal.onCommit((log) => {
    if (log.id.topic === catalogTopic) catalog.follow(log)
  })
  return catalog
}

const readBytes = 1024 * 1024
/** A batch of a checkpoint has about so many bytes; a single larger entry goes alone. */
const batchBytes = 256 * 1024
const encoder = new TextEncoder()
const decoder = new TextDecoder()

class OpenCatalog implements Catalog {
  readonly #options: CatalogOptions
  readonly #state: CatalogState
  readonly #coverage = new Coverage(catalogTopic)
  /** Logs of which a part could not be read. */
  readonly #behind = new Set<LogView>()
  readonly #listeners = new Set<{ readonly prefix: string; readonly listener: (key: string) => void }>()

  constructor(options: CatalogOptions) {
    this.#options = options
    this.#state = new CatalogState(options.kinds)
  }

  get(key: string): Uint8Array | undefined {
    this.#catchUp()
    return this.#state.get(key)
  }

  list(prefix: string): string[] {
    this.#catchUp()
    return this.#state.keys(prefix)
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const name = encoder.encode(key)
    if (name.length > keyMaxBytes || value.length > valueMaxBytes) {
      throw new ReeveError(
        'REQUEST_MALFORMED',
        `a catalog entry of ${name.length} and ${value.length} bytes is too long`,
      )
    }
    if (this.#state.knows(key, value)) return
    const batch = create(RecordBatchSchema, { records: [{ key: name, value }] })
    await this.#options.journal.append(catalogTopic, toBinary(RecordBatchSchema, batch), 1)
    // Also where the disk does not give back now what it took.
    if (this.#state.fold(key, value)) this.#tell(key)
  }

  changed(prefix: string, listener: (key: string) => void): () => void {
    const entry = { prefix, listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  get bytes(): number {
    return this.#state.bytes
  }

  coveredTo(log: string): number {
    return this.#coverage.coveredTo(log)
  }

  async checkpoint(): Promise<void> {
    const { journal } = this.#options
    // Taken at one moment; what is put from here on is not covered.
    const end = { key: encoder.encode(checkpointKey), value: this.#coverage.encode() }
    const entries = [...this.#state.all()].map(({ key, value }) => ({ key: encoder.encode(key), value }))
    journal.roll(catalogTopic)
    for (const records of [...batches(entries), [end]]) {
      const batch = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
      await journal.append(catalogTopic, batch, records.length)
    }
  }

  /** Folds what is new in this log. A part that cannot be read is tried again when anybody asks for anything. */
  follow(log: LogView): void {
    const changed = new Set<string>()
    const wasBehind = this.#behind.delete(log)
    try {
      // What lies before the start was trimmed because a checkpoint says the same.
      let at = this.#coverage.enter(log)
      while (at < log.end) {
        for (const frame of framesIn(log.read(at, readBytes))) {
          for (const { key, value } of fromBinary(RecordBatchSchema, frame.body).records) {
            const name = decoder.decode(key)
            if (name === checkpointKey) this.#coverage.take(log.key, value)
            else if (this.#state.fold(name, value)) changed.add(name)
          }
          at = frame.baseOffset + frame.recordCount
          this.#coverage.advance(log.key, at)
        }
      }
    } catch (error) {
      this.#behind.add(log)
      if (!wasBehind) this.#options.report(toReeveError(error))
    }
    for (const key of changed) this.#tell(key)
  }

  #catchUp(): void {
    if (this.#behind.size === 0) return
    for (const log of [...this.#behind]) this.follow(log)
  }

  #tell(key: string): void {
    for (const { prefix, listener } of [...this.#listeners]) {
      if (!key.startsWith(prefix)) continue
      try {
        listener(key)
      } catch (error) {
        this.#options.report(toReeveError(error))
      }
    }
  }
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

function* batches(entries: readonly Entry[]): Generator<Entry[]> {
  let batch: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    const size = entry.key.length + entry.value.length
    if (batch.length > 0 && bytes + size > batchBytes) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(entry)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
