/**
 * What one connection is to be sent. Replies go out at once; records of streams wait, up to a limit, while the other
 * side does not read, and beyond it they are lost and counted.
 */

/** Records that wait, of each stream; as many as Serf keeps. */
export const recordsKept = 512

export class Outlet {
  /** More than a window is queued below: nothing but replies to what was asked already. */
  congested = false
  lost = 0
  readonly #write: (bytes: Uint8Array) => boolean
  readonly #feeds = new Set<Feed>()

  /** `write` as that of a `ByteStream`. */
  constructor(write: (bytes: Uint8Array) => boolean) {
    this.#write = write
  }

  send(bytes: Uint8Array): void {
    if (!this.#write(bytes)) this.congested = true
  }

  drained(): void {
    this.congested = false
    for (const feed of this.#feeds) feed.flush()
  }

  openFeed(): Feed {
    const feed: Feed = new Feed(this, () => this.#feeds.delete(feed))
    this.#feeds.add(feed)
    return feed
  }
}

/** The records of one stream, in order. */
export class Feed {
  readonly #outlet: Outlet
  readonly #forget: () => void
  #waiting: Uint8Array[] = []
  #last: Uint8Array | undefined
  #closed = false

  constructor(outlet: Outlet, forget: () => void) {
    this.#outlet = outlet
    this.#forget = forget
  }

  push(record: Uint8Array): void {
    if (this.#closed || this.#last) return
    if (!this.#outlet.congested && this.#waiting.length === 0) this.#outlet.send(record)
    else if (this.#waiting.length < recordsKept) this.#waiting.push(record)
    else this.#outlet.lost += 1
  }

  /** The last one is never lost. */
  finish(record: Uint8Array): void {
    if (this.#closed) return
    this.#last = record
    this.flush()
  }

  flush(): void {
    const outlet = this.#outlet
    let sent = 0
    for (; sent < this.#waiting.length && !outlet.congested; sent += 1) outlet.send(this.#waiting[sent]!)
    this.#waiting = this.#waiting.slice(sent)
    if (!this.#last || this.#waiting.length > 0 || outlet.congested) return
    outlet.send(this.#last)
    this.close()
  }

  /** What still waits is dropped. */
  close(): void {
    this.#closed = true
    this.#waiting = []
    this.#forget()
  }
}
