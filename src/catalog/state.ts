/**
 * What the catalog says: for each key one value, merged from all that were ever written for it. Pure: values in, in any
 * order and any number of times, and the same state out.
 *
 * Owns: the entries.
 * Never: forgets what it does not understand. A key of an unknown kind, or a value in a newer form, is kept beside and
 * handed on, so that a cluster may be upgraded node by node.
 */

import { type CatalogKind, compareBytes, kindNameOf } from './kind.ts'

interface Entry {
  /** Merged from all values that are understood. */
  value: Uint8Array | undefined
  /** The others, each once, in the order of their bytes. */
  strange: readonly Uint8Array[]
}

export class CatalogState {
  readonly #kinds: ReadonlyMap<string, CatalogKind<unknown>>
  readonly #entries = new Map<string, Entry>()

  constructor(kinds: readonly CatalogKind<unknown>[]) {
    this.#kinds = new Map(kinds.map((kind) => [kind.name, kind]))
  }

  /** Takes in a value; true when the value of the key is another one now, in the terms of this node. */
  fold(key: string, bytes: Uint8Array): boolean {
    const entry = this.#entries.get(key) ?? { value: undefined, strange: [] }
    this.#entries.set(key, entry)
    const kind = this.#kinds.get(kindNameOf(key))
    const value = kind?.decode(bytes)
    if (!kind || value === undefined) {
      if (!entry.strange.some((known) => compareBytes(known, bytes) === 0)) {
        entry.strange = [...entry.strange, bytes.slice()].sort(compareBytes)
      }
      return false
    }
    const known = entry.value && kind.decode(entry.value)
    const merged = kind.encode(known === undefined ? value : kind.merge(known, value))
    if (entry.value && compareBytes(entry.value, merged) === 0) return false
    entry.value = merged
    return true
  }

  /** Whether `bytes` would tell this state nothing. */
  knows(key: string, bytes: Uint8Array): boolean {
    const kind = this.#kinds.get(kindNameOf(key))
    const value = kind?.decode(bytes)
    const entry = this.#entries.get(key)
    if (!kind || value === undefined) return entry?.strange.some((known) => compareBytes(known, bytes) === 0) ?? false
    const known = entry?.value && kind.decode(entry.value)
    return known !== undefined && compareBytes(kind.encode(kind.merge(known, value)), entry?.value as Uint8Array) === 0
  }

  get(key: string): Uint8Array | undefined {
    return this.#entries.get(key)?.value
  }

  /** Keys that begin with `prefix` and have a value, sorted. */
  keys(prefix: string): string[] {
    const found: string[] = []
    for (const [key, { value }] of this.#entries) if (value && key.startsWith(prefix)) found.push(key)
    return found.sort()
  }

  /** Everything that is not over, as what a fresh state becomes this one by: sorted by key, strange values last. */
  *all(): Generator<{ readonly key: string; readonly value: Uint8Array }> {
    for (const [key, { value, strange }] of [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (value && !this.#isOver(key, value)) yield { key, value }
      for (const other of strange) yield { key, value: other }
    }
  }

  #isOver(key: string, bytes: Uint8Array): boolean {
    const kind = this.#kinds.get(kindNameOf(key))
    return kind?.isOver?.(key, kind.decode(bytes), (other) => this.get(other)) ?? false
  }

  /** Of all keys and values. */
  get bytes(): number {
    let sum = 0
    for (const { key, value } of this.all()) sum += key.length + value.length
    return sum
  }
}
