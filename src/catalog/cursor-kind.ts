/**
 * Named cursors in the catalog. Commits of one generation never lose anything: of two, each log's further position
 * counts. A reset or a deletion begins a generation, and of two generations the later one counts, as a whole.
 *
 * The deletion of the topic ends all generations before it: it is their hybrid time against its own, so that a commit by
 * who has not heard of it, which goes on in the generation that it knows, brings nothing back on any node.
 */

import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type CursorEntry, CursorEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import { CursorStateSchema } from '../gen/reeve/v1/record_pb.ts'
import type { Declarations } from './declarations.ts'
import { condense } from './folding.ts'
import { type CatalogKind, compareBytes } from './kind.ts'
import { joined, nowhere, type Place, placeFromState, stateFromPlace } from './place.ts'
import { deletionIn, topicKey } from './topic-kind.ts'

export type { CursorEntry } from '../gen/reeve/v1/catalog_pb.ts'

export const cursorEntryVersion = 1

const name = 'cursor'

/**
 * Merged values say the same on every node; how shortly they say it depends on the declarations a node knows of, and
 * leaving out what a fold stands for changes nothing.
 */
export function cursorKind(declarations: Declarations): CatalogKind<CursorEntry> {
  return {
    name,
    decode: decodeCursorEntry,
    encode: encodeCursorEntry,
    merge(one, other) {
      const order = compareGenerations(one, other)
      if (order !== 0) return order > 0 ? one : other
      const merged = clone(CursorEntrySchema, compareCommits(one, other) >= 0 ? one : other)
      merged.deleted = one.deleted || other.deleted
      const topic = topicOf(one) > topicOf(other) ? topicOf(one) : topicOf(other)
      if (topic === '') return merged
      const ofTopic = [one, other].filter((entry) => topicOf(entry) === topic).map(placeIn)
      merged.state = stateFromPlace(topic, condense(declarations, topic, ofTopic.reduce(joined)))
      return merged
    },
    isOver: (key, entry, get) => isEnded(entry, deletionIn(get(topicKey(topicOfKey(key))))),
  }
}

/** 0n where it is not understood here. */
export function generationIn(value: Uint8Array | undefined): bigint {
  return (value && decodeCursorEntry(value)?.generation) ?? 0n
}

/** By the deletion of its topic. */
export function isEnded({ generation }: CursorEntry, deletedAt: bigint): boolean {
  return generation < deletedAt
}

function topicOfKey(key: string): string {
  return key.slice(name.length + 1, key.lastIndexOf('/'))
}

/** `cursor/TOPIC/NAME` */
export function cursorKey(topic: string, cursor: string): string {
  return `${name}/${topic}/${cursor}`
}

export function decodeCursorEntry(bytes: Uint8Array): CursorEntry | undefined {
  try {
    const entry = fromBinary(CursorEntrySchema, bytes)
    // Its folds and positions may have become many by merging: whoever committed them was checked then.
    placeIn(entry)
    return entry.version === cursorEntryVersion ? entry : undefined
  } catch {
    return undefined
  }
}

export function encodeCursorEntry(entry: CursorEntry): Uint8Array {
  return toBinary(CursorEntrySchema, entry)
}

export function placeIn({ state }: CursorEntry): Place {
  return state ? placeFromState(state, state.topic, Number.POSITIVE_INFINITY) : nowhere
}

/** The same in all entries of a key; empty: it stands nowhere. */
function topicOf({ state }: CursorEntry): string {
  return state?.topic ?? ''
}

function compareGenerations(one: CursorEntry, other: CursorEntry): number {
  if (one.generation !== other.generation) return one.generation > other.generation ? 1 : -1
  if (one.origin !== other.origin) return one.origin > other.origin ? 1 : -1
  return compareBytes(one.epoch, other.epoch)
}

/** By time, then by what only a newer version understands. */
function compareCommits(one: CursorEntry, other: CursorEntry): number {
  if (one.timestamp !== other.timestamp) return one.timestamp > other.timestamp ? 1 : -1
  return compareBytes(strangeIn(one), strangeIn(other))
}

function strangeIn(entry: CursorEntry): Uint8Array {
  const alone = create(CursorEntrySchema)
  if (entry.$unknown) alone.$unknown = entry.$unknown
  return toBinary(CursorEntrySchema, alone)
}

/** As a client presents it. */
export function cursorBytes(topic: string, place: Place): Uint8Array {
  return toBinary(CursorStateSchema, stateFromPlace(topic, place))
}
