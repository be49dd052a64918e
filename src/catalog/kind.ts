/**
 * A kind of catalog entry: all keys that begin with `NAME/`. Two values of one key become one by `merge`; because that is
 * commutative, associative and idempotent, every node comes to the same value whatever it hears of first, and however
 * often.
 */
export interface CatalogKind<T> {
  /** `topic` for keys such as `topic/orders`. */
  readonly name: string
  /** Undefined where this node does not understand the bytes: they are kept and passed on, and count for nothing here. */
  decode(bytes: Uint8Array): T | undefined
  /** Equal values give equal bytes. Fields that are not known must survive. */
  encode(value: T): Uint8Array
  merge(one: T, other: T): T
  /** Whether another entry has ended what this one says, for good: it counts for nothing, and need not be said again. */
  isOver?(key: string, value: T, get: (key: string) => Uint8Array | undefined): boolean
}

/** The part of a key before its first slash; the whole key where there is none. */
export function kindNameOf(key: string): string {
  const slash = key.indexOf('/')
  return slash === -1 ? key : key.slice(0, slash)
}

/** A total order of byte strings, for ties that must be broken the same way everywhere. */
export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const difference = (one[at] as number) - (other[at] as number)
    if (difference !== 0) return difference
  }
  return one.length - other.length
}
