/**
 * The keys that are in force, and changes to them one after the other. A change is stored before it counts: what a
 * member says it has done survives its restart, and a member that cannot store stays with the keys it had.
 */

import { sameBytes } from './bytes.ts'
import { changeKeys, type KeyChange, type Keys } from './keys.ts'

/** Changes that wait for the one that is being stored. */
const maxWaiting = 64

interface Wish {
  readonly change: KeyChange
  readonly key: Uint8Array
  readonly done: (problem?: string) => void
}

export class Keyring {
  readonly #store: (keys: Keys) => void
  #keys: Keys
  /** The first one is being stored. */
  readonly #wishes: Wish[] = []
  #next: Keys

  /** `keys`: at least one. `store`: keeps the list where a restart finds it, then has `stored` called, not before it returned. */
  constructor(keys: Keys, store: (keys: Keys) => void) {
    if (keys.length === 0) throw new RangeError('a keyring without keys')
    this.#keys = keys
    this.#next = keys
    this.#store = store
  }

  /** Never empty. The first one is the primary. */
  get keys(): Keys {
    return this.#keys
  }

  /** `done` gets a problem, or nothing when the change is in force and stored. */
  change(change: KeyChange, key: Uint8Array, done: (problem?: string) => void = () => {}): void {
    if (this.#wishes.length >= maxWaiting) {
      done('too many key changes at once')
      return
    }
    this.#wishes.push({ change, key: key.slice(), done })
    if (this.#wishes.length === 1) this.#begin()
  }

  /**
   * A member could not read what we sent and said so under this key of ours: the cluster went on to it while we were
   * away, and has no other any more. We follow, or nobody would ever understand us again; and whoever has a key of ours
   * could as well order us to use it. False: it is the primary already.
   */
  follow(key: Uint8Array): boolean {
    if (sameBytes(this.#keys[0]!, key)) return false
    this.change('use', key)
    return true
  }

  /** What became of the list that was to be stored. */
  stored(problem?: string): void {
    const wish = this.#wishes.shift()
    if (!wish) return
    if (problem === undefined) this.#keys = this.#next
    wish.done(problem)
    this.#begin()
  }

  #begin(): void {
    for (let wish = this.#wishes[0]; wish; wish = this.#wishes[0]) {
      const changed = changeKeys(this.#keys, wish.change, wish.key)
      if (changed.ok) {
        // Also when nothing changes: an attempt before may have stored something else.
        this.#next = changed.value
        this.#store(changed.value)
        return
      }
      this.#wishes.shift()
      wish.done(changed.problem)
    }
  }
}
