/**
 * The bytes of one file as the page cache sees them, and what of them the device would still know after a power cut.
 * Owns pages, the before-images of what is not synced yet, and the choice of what a crash leaves. Pages of zeros are
 * not stored, so that preallocated files cost nothing.
 *
 * Every change goes into the newest layer of before-images; a sync covers the layers that existed when it began, and
 * takes them away once the device has answered. A layer whose sync failed is lost: the kernel calls its pages clean, so
 * no later sync writes them, and only writing them anew can save them.
 */

import type { SeededRandom } from './random.ts'

const pageBytes = 4096

interface Layer {
  /** Page number to its content before; undefined: zeros. */
  readonly before: Map<number, Uint8Array | undefined>
  size: number
  lost: boolean
}

/** What a sync in flight covers. */
export interface PendingSync {
  readonly layers: readonly Layer[]
  readonly size: number
}

export class FileContent {
  size = 0
  modifiedMs = 0
  mode = 0o644
  /** Goes up with every change, of bytes or of what of them is durable. */
  version = 0
  /** Below it nothing changed since whoever sets it set it. */
  changedFrom = 0
  readonly #pages = new Map<number, Uint8Array>()
  #layers: Layer[] = []
  /** Takes changes; undefined after a sync began: the next change opens a new one. */
  #newest: Layer | undefined

  /** Returns the bytes read: fewer than asked only at the end. */
  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.size - position))
    for (let done = 0; done < length; ) {
      const { page, offset, room } = placeOf(position + done)
      const count = Math.min(room, length - done)
      const stored = this.#pages.get(page)
      if (stored === undefined) target.fill(0, done, done + count)
      else target.set(stored.subarray(offset, offset + count), done)
      done += count
    }
    return length
  }

  /** The same of what the device would still know after the worst of power cuts. */
  readDurable(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.durableSize - position))
    for (let done = 0; done < length; ) {
      const { page, offset, room } = placeOf(position + done)
      const count = Math.min(room, length - done)
      const layer = this.#layers.find(({ before }) => before.has(page))
      const stored = layer === undefined ? this.#pages.get(page) : layer.before.get(page)
      if (stored === undefined) target.fill(0, done, done + count)
      else target.set(stored.subarray(offset, offset + count), done)
      done += count
    }
    return length
  }

  /** Zeros from here on, or a little before. */
  get filledTo(): number {
    let last = -1
    for (const page of this.#pages.keys()) if (page > last) last = page
    return Math.min(this.size, (last + 1) * pageBytes)
  }

  get durableSize(): number {
    return this.#layers[0]?.size ?? this.size
  }

  write(source: Uint8Array, position: number): void {
    const layer = this.#change(Math.min(position, this.size))
    for (let done = 0; done < source.length; ) {
      const { page, offset, room } = placeOf(position + done)
      const count = Math.min(room, source.length - done)
      const piece = source.subarray(done, done + count)
      done += count
      const stored = this.#pages.get(page)
      if (stored === undefined && piece.every((byte) => byte === 0)) continue
      this.#keepBefore(layer, page)
      const target = stored ?? new Uint8Array(pageBytes)
      target.set(piece, offset)
      this.#pages.set(page, target)
    }
    this.size = Math.max(this.size, position + source.length)
  }

  truncate(size: number): void {
    const layer = this.#change(Math.min(size, this.size))
    const { page: lastPage, offset } = placeOf(size)
    for (const [page, stored] of [...this.#pages]) {
      if (page < lastPage || (page === lastPage && offset >= pageBytes)) continue
      this.#keepBefore(layer, page)
      if (page > lastPage || offset === 0) this.#pages.delete(page)
      else stored.fill(0, offset)
    }
    this.size = size
  }

  beginSync(): PendingSync {
    this.#newest = undefined
    return { layers: this.#layers.filter((layer) => !layer.lost), size: this.size }
  }

  endSync(sync: PendingSync): void {
    this.version++
    const lost = this.#layers.filter((layer) => layer.lost)
    for (const layer of sync.layers) {
      if (layer.lost) continue
      for (const page of layer.before.keys()) for (const other of lost) other.before.delete(page)
    }
    for (const layer of lost) layer.size = sync.size
    this.#layers = this.#layers.filter((layer) => layer.lost || !sync.layers.includes(layer))
    for (const { before, lost } of sync.layers) if (!lost) discard(before)
  }

  failSync(sync: PendingSync): void {
    for (const layer of sync.layers) layer.lost = true
  }

  /** What the next power cut may take. */
  get isDurable(): boolean {
    return this.#layers.length === 0
  }

  /** The same bytes, durable. */
  copy(): FileContent {
    const copy = new FileContent()
    for (const [page, stored] of this.#pages) {
      const at = page * pageBytes
      copy.write(stored.subarray(0, Math.max(0, this.size - at)), at)
    }
    copy.truncate(this.size)
    copy.endSync(copy.beginSync())
    copy.modifiedMs = this.modifiedMs
    copy.mode = this.mode
    return copy
  }

  /** The same bytes, and the same of them durable. Syncs in flight are those of this one only. */
  fork(): FileContent {
    const fork = new FileContent()
    fork.size = this.size
    fork.modifiedMs = this.modifiedMs
    fork.mode = this.mode
    for (const [page, stored] of this.#pages) fork.#pages.set(page, stored.slice())
    fork.#layers = this.#layers.map(({ before, size, lost }) => ({
      before: new Map([...before].map(([page, stored]) => [page, stored?.slice()])),
      size,
      lost,
    }))
    return fork
  }

  /** One bit of what the device has turns over; what was changed since and is not synced hides it. */
  flip(position: number, bit: number): void {
    this.version++
    this.changedFrom = Math.min(this.changedFrom, position)
    const { page, offset } = placeOf(position)
    const layer = this.#layers.find(({ before }) => before.has(page))
    const pages = layer?.before ?? this.#pages
    const stored = pages.get(page) ?? new Uint8Array(pageBytes)
    stored[offset] = stored[offset]! ^ (1 << bit)
    pages.set(page, stored)
  }

  /** Forgets what was not synced: all of it, all behind a torn point, any subset of pages, or by luck nothing. */
  crash(random: SeededRandom): void {
    const durable = new Map<number, Uint8Array | undefined>()
    for (const layer of this.#layers) {
      for (const [page, before] of layer.before) if (!durable.has(page)) durable.set(page, before)
    }
    const { durableSize } = this
    if (this.#layers.length > 0) this.version++
    this.#layers = []
    this.#newest = undefined
    if (durable.size === 0 && durableSize === this.size) return
    this.changedFrom = 0
    const pages = [...durable.keys()].sort((one, other) => one - other)
    const fate = random.pick(['nothing', 'torn', 'subset', 'everything'] as const)
    // In file order up to here, wherever it was written; within what was appended when something was.
    const tornAt =
      this.size > durableSize
        ? random.integer(durableSize, this.size)
        : random.integer((pages[0] ?? 0) * pageBytes, ((pages.at(-1) ?? 0) + 1) * pageBytes)
    for (const page of pages) {
      let kept = 0
      if (fate === 'everything' || (fate === 'subset' && random.chance(0.5))) kept = pageBytes
      else if (fate === 'torn') kept = clamp(tornAt - page * pageBytes, 0, pageBytes)
      this.#restore(page, durable.get(page), kept)
    }
    if (fate === 'nothing') this.size = durableSize
    else if (fate === 'torn' && this.size > durableSize) this.size = tornAt
    else if (fate !== 'everything' && random.chance(0.5)) this.size = durableSize
    this.#clearBehindEnd()
  }

  #change(from: number): Layer {
    this.version++
    this.changedFrom = Math.min(this.changedFrom, from)
    if (this.#newest === undefined) {
      this.#newest = { before: new Map(), size: this.size, lost: false }
      this.#layers.push(this.#newest)
    }
    return this.#newest
  }

  #keepBefore(layer: Layer, page: number): void {
    if (layer.before.has(page)) return
    const present = this.#pages.get(page)
    layer.before.set(page, present && copyOf(present))
  }

  /** The first `kept` bytes of the page as they are, the others as they were. */
  #restore(page: number, before: Uint8Array | undefined, kept: number): void {
    if (kept === pageBytes) return
    const restored = before?.slice() ?? new Uint8Array(pageBytes)
    const present = this.#pages.get(page)
    if (present === undefined) restored.fill(0, 0, kept)
    else restored.set(present.subarray(0, kept))
    this.#pages.set(page, restored)
  }

  #clearBehindEnd(): void {
    for (const [page, stored] of [...this.#pages]) {
      const end = this.size - page * pageBytes
      if (end <= 0) this.#pages.delete(page)
      else if (end < pageBytes) stored.fill(0, end)
    }
  }
}

/** Pages nobody has any more: fresh memory for what each write is about to change costs more than the write. */
const spare: Uint8Array[] = []
const sparePages = 1024

function copyOf(page: Uint8Array): Uint8Array {
  const copy = spare.pop() ?? new Uint8Array(pageBytes)
  copy.set(page)
  return copy
}

/** Of another sync that covers the same layer nothing is left to be done. */
function discard(before: Map<number, Uint8Array | undefined>): void {
  for (const page of before.values()) if (page !== undefined && spare.length < sparePages) spare.push(page)
  before.clear()
}

function placeOf(position: number): { page: number; offset: number; room: number } {
  const page = Math.floor(position / pageBytes)
  const offset = position - page * pageBytes
  return { page, offset, room: pageBytes - offset }
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value))
}
