/**
 * Where one reader of a topic stands, as a cursor: as short as what is declared allows, at the cost of what moved.
 *
 * Owns: what is folded of each origin, and which logs the cursor has to name.
 */

import type { Declarations } from '../catalog/declarations.ts'
import { type Folded, foldOrigin } from '../catalog/folding.ts'
import type { Fold } from '../catalog/place.ts'
import type { LogId } from '../log/log-id.ts'
import { encodeCursor } from './cursor.ts'
import type { DeliveryOrigin } from './delivery.ts'

/** How far the reader is in one log. */
export interface Standpoint {
  readonly id: LogId
  readonly key: string
  readonly from: DeliveryOrigin
  /** The next offset to read. */
  readonly offset: number
}

export class Standing {
  readonly #topic: string
  readonly #declarations: Declarations
  /** By log key: everything the reader has a position in. */
  readonly #all: ReadonlyMap<string, Standpoint>
  /** Those of them that no fold stands for. */
  readonly #named = new Map<string, Standpoint>()
  readonly #folded = new Map<string, Folded>()
  /** Origins of which more may be folded by now. */
  readonly #stale = new Set<string>()
  readonly #unsubscribe: () => void

  constructor(topic: string, declarations: Declarations, all: ReadonlyMap<string, Standpoint>) {
    this.#topic = topic
    this.#declarations = declarations
    this.#all = all
    this.#unsubscribe = declarations.onKnown((origin) => this.#stale.add(origin))
  }

  /** To be called when a log has a position, and whenever that has moved. */
  moved(at: Standpoint): void {
    const { key, id, offset } = at
    const { origin } = id
    this.#named.set(key, at)
    const folded = this.#folded.get(origin)?.ends.get(key) ?? -1
    if (this.#declarations.endsOf(id).some((end) => end > folded && end <= offset)) this.#stale.add(origin)
  }

  /**
   * `others`: folds that are to stand in it, too. `without`: a log whose position is left out; one that is appended completes
   * the cursor, as protobuf joins messages.
   */
  cursor(others: Iterable<Fold>, without?: Standpoint): Uint8Array {
    for (const origin of this.#stale) this.#fold(origin)
    this.#stale.clear()
    const folds = [...others]
    for (const folded of this.#folded.values()) folds.push(...folded.folds)
    const named = without ? [...this.#named.values()].filter((each) => each !== without) : this.#named.values()
    return encodeCursor(this.#topic, named, folds)
  }

  close(): void {
    this.#unsubscribe()
  }

  #fold(origin: string): void {
    const folded = foldOrigin(this.#declarations, this.#topic, origin, (key) => this.#all.get(key)?.offset)
    this.#folded.set(origin, folded)
    for (const [key, end] of folded.ends) {
      if (this.#all.get(key)?.offset === end) this.#named.delete(key)
    }
  }
}
