/** Redis' protocol, as much of it as a stream's commands need. https://redis.io/docs/latest/develop/reference/protocol-spec/ */

/** A command as an array of bulk strings. */
export function command(...words: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}

export interface ReplyListener {
  /** A string within the reply that is on its way, or the whole of it: a view of what arrived. */
  text(bytes: Buffer): void
  /** The reply is whole. */
  done(): void
}

/** Push what arrives; throws on an error reply. Aggregates are told by their strings alone. */
export class ReplyReader {
  readonly #listener: ReplyListener
  #rest: Buffer = Buffer.alloc(0)
  /** Values missing, by depth: of the innermost aggregate last. */
  readonly #missing: number[] = []

  constructor(listener: ReplyListener) {
    this.#listener = listener
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(10, at)
      if (lineEnd < 0) break
      const type = bytes[at] as number
      if (type === 0x24) {
        const length = numberAt(bytes, at + 1, lineEnd - 1)
        const end = lineEnd + 1 + length + 2
        if (length >= 0) {
          if (end > bytes.length) break
          this.#listener.text(bytes.subarray(lineEnd + 1, end - 2))
          at = end
        } else at = lineEnd + 1
        this.#ended()
      } else if (type === 0x2a) {
        const count = numberAt(bytes, at + 1, lineEnd - 1)
        at = lineEnd + 1
        if (count > 0) this.#missing.push(count)
        else this.#ended()
      } else {
        const line = bytes.subarray(at + 1, lineEnd - 1)
        if (type === 0x2d) throw new Error(`Redis: ${line}`)
        this.#listener.text(line)
        at = lineEnd + 1
        this.#ended()
      }
    }
    this.#rest = bytes.subarray(at)
  }

  #ended(): void {
    const missing = this.#missing
    while (missing.length > 0) {
      const left = (missing[missing.length - 1] as number) - 1
      missing[missing.length - 1] = left
      if (left > 0) return
      missing.pop()
    }
    this.#listener.done()
  }
}

/** Digits with an optional sign. */
function numberAt(bytes: Buffer, from: number, end: number): number {
  let value = 0
  const negative = bytes[from] === 0x2d
  for (let at = negative ? from + 1 : from; at < end; at++) value = value * 10 + (bytes[at] as number) - 0x30
  return negative ? -value : value
}
