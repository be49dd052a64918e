/** Messages back to back as gRPC lays them on a stream: a byte of flags, 0, and four of length (big endian) before each. */

export const framedHeadBytes = 5

/** Writes what stands before a message; returns the position behind it. */
export function writeFramedHead(target: Uint8Array, at: number, length: number): number {
  target[at] = 0
  target[at + 1] = length >>> 24
  target[at + 2] = length >>> 16
  target[at + 3] = length >>> 8
  target[at + 4] = length
  return at + framedHeadBytes
}

/** The messages again; they share the memory. Throws where that is not what the bytes are: they are our own. */
export function* messagesIn(framed: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  for (let at = 0; at < framed.length; ) {
    const end = at + framedHeadBytes + view.getUint32(at + 1)
    if (framed[at] !== 0 || end > framed.length) throw new Error(`no whole message at byte ${at}`)
    yield framed.subarray(at + framedHeadBytes, end)
    at = end
  }
}
