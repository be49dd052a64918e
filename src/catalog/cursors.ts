/**
 * Cursors that the cluster keeps under a name. A commit is durable on this node before it is answered, and reaches the
 * others as the catalog does.
 *
 * Owns: for each cursor one write at a time; commits that arrive meanwhile go together with the next.
 * Never: moves a cursor back, but by a reset.
 */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { type CursorEntry, CursorEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochToBytes } from '../log/log-id.ts'
import type { Catalog } from './catalog.ts'
import { cursorEntryVersion, cursorKey, decodeCursorEntry, encodeCursorEntry, isEnded, placeIn } from './cursor-kind.ts'
import type { Declarations } from './declarations.ts'
import { condense } from './folding.ts'
import { compareBytes } from './kind.ts'
import { cursorInvalid, joined, type Place, placesMax, stateFromPlace } from './place.ts'
import { deletionIn, topicKey } from './topic-kind.ts'

export interface NamedCursor {
  readonly name: string
  readonly place: Place
  /** Hybrid time of the commit that moved it last. */
  readonly timestamp: bigint
}

export interface CursorsOptions {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly declarations: Declarations
}

/** What waits for its turn, with everybody who asked for it. */
interface Step {
  readonly kind: 'commit' | 'reset' | 'delete'
  place: Place | undefined
  readonly done: Promise<void>
  readonly settle: (error?: unknown) => void
}

export class Cursors {
  readonly #options: CursorsOptions
  /** By catalog key: steps that wait, behind the one under way. */
  readonly #queues = new Map<string, Step[]>()

  constructor(options: CursorsOptions) {
    this.#options = options
  }

  /** Undefined where there is none, as far as this node knows. */
  get(topic: string, name: string): NamedCursor | undefined {
    const entry = this.#entry(topic, name)
    return entry && !entry.deleted ? { name, place: placeIn(entry), timestamp: entry.timestamp } : undefined
  }

  /** Of a topic, by name. */
  list(topic: string): NamedCursor[] {
    const prefix = cursorKey(topic, '')
    const names = this.#options.catalog.list(prefix).map((key) => key.slice(prefix.length))
    return names.flatMap((name) => this.get(topic, name) ?? [])
  }

  /** Makes it stand at least at `place`. Rejects as `Catalog.put`, and with `CURSOR_INVALID` where it becomes too long. */
  commit(topic: string, name: string, place: Place): Promise<NamedCursor> {
    return this.#change(topic, name, 'commit', place)
  }

  /** Makes it stand exactly at `place`. */
  reset(topic: string, name: string, place: Place): Promise<NamedCursor> {
    return this.#change(topic, name, 'reset', place)
  }

  /** Rejects with `CURSOR_UNKNOWN` where there is none. */
  async delete(topic: string, name: string): Promise<void> {
    await this.#enqueue(topic, name, 'delete', undefined)
  }

  async #change(topic: string, name: string, kind: 'commit' | 'reset', place: Place): Promise<NamedCursor> {
    await this.#enqueue(topic, name, kind, place)
    const cursor = this.get(topic, name)
    if (!cursor) throw cursorUnknown(topic, name)
    return cursor
  }

  #enqueue(topic: string, name: string, kind: Step['kind'], place: Place | undefined): Promise<void> {
    const key = cursorKey(topic, name)
    const queue = this.#queues.get(key)
    const last = queue?.at(-1)
    if (last?.kind === 'commit' && kind === 'commit') {
      last.place = joined(last.place as Place, place as Place)
      return last.done
    }
    const step = newStep(kind, place)
    if (queue) queue.push(step)
    else {
      this.#queues.set(key, [step])
      this.#work(topic, name, key)
    }
    return step.done
  }

  async #work(topic: string, name: string, key: string): Promise<void> {
    const queue = this.#queues.get(key) as Step[]
    for (let step = queue.shift(); step; step = queue.shift()) {
      try {
        const entry = this.#next(topic, name, step)
        if (entry) await this.#options.catalog.put(key, encodeCursorEntry(entry))
        step.settle()
      } catch (error) {
        step.settle(error)
      }
    }
    this.#queues.delete(key)
  }

  /** What is to be written; undefined where it says nothing new. */
  #next(topic: string, name: string, { kind, place }: Step): CursorEntry | undefined {
    const before = this.#entry(topic, name)
    if (kind === 'delete') {
      if (!before || before.deleted) throw cursorUnknown(topic, name)
      return create(CursorEntrySchema, { ...this.#generation(topic, before), deleted: true })
    }
    if (kind === 'reset') {
      return create(CursorEntrySchema, {
        ...this.#generation(topic, before),
        state: this.#state(topic, place as Place),
      })
    }
    const timestamp = this.#options.journal.timestamp()
    if (!before) {
      return create(CursorEntrySchema, {
        version: cursorEntryVersion,
        // The same one on every node, so that none of the commits after a deletion of the topic is lost.
        generation: this.#deletedAt(topic),
        timestamp,
        state: this.#state(topic, place as Place),
      })
    }
    const { version, origin, epoch, generation } = before
    if (before.deleted) {
      // Two nodes that do this at once begin the same generation, so that none of their commits is lost.
      const state = this.#state(topic, place as Place)
      return create(CursorEntrySchema, { version, origin, epoch, generation: generation + 1n, state, timestamp })
    }
    const state = this.#state(topic, joined(placeIn(before), place as Place))
    const entry = create(CursorEntrySchema, { version, origin, epoch, generation, state, timestamp })
    const same = create(CursorEntrySchema, { ...entry, timestamp: before.timestamp })
    return compareBytes(encodeCursorEntry(same), encodeCursorEntry(before)) === 0 ? undefined : entry
  }

  /** Later than all this node knows, whatever the clocks that made it. */
  #generation(topic: string, before: CursorEntry | undefined) {
    const { journal } = this.#options
    const now = journal.timestamp()
    const known = before?.generation ?? this.#deletedAt(topic)
    const generation = known >= now ? known + 1n : now
    const epoch = epochToBytes(journal.epoch)
    return { version: cursorEntryVersion, generation, origin: journal.node, epoch, timestamp: now }
  }

  #state(topic: string, place: Place) {
    const short = condense(this.#options.declarations, topic, place)
    if (short.positions.size + short.folds.length > placesMax) {
      throw cursorInvalid(`it would have more than ${placesMax} positions`)
    }
    return stateFromPlace(topic, short)
  }

  #entry(topic: string, name: string): CursorEntry | undefined {
    const value = this.#options.catalog.get(cursorKey(topic, name))
    const entry = value && decodeCursorEntry(value)
    return entry && !isEnded(entry, this.#deletedAt(topic)) ? entry : undefined
  }

  #deletedAt(topic: string): bigint {
    return deletionIn(this.#options.catalog.get(topicKey(topic)))
  }
}

export function cursorUnknown(topic: string, name: string): ReeveError {
  const facts = { topic, cursor: name }
  return new ReeveError('CURSOR_UNKNOWN', `topic ${topic} has no cursor ${name}, as far as this node knows`, { facts })
}

function newStep(kind: Step['kind'], place: Place | undefined): Step {
  let settle: Step['settle'] = () => {}
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  return { kind, place, done, settle }
}
