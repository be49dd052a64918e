/**
 * The few pieces of the protobuf wire format that the hot paths need. Pure; nothing here checks bounds of its target:
 * callers size it first with the `…Size` functions.
 *
 * https://protobuf.dev/programming-guides/encoding/
 */

const two32 = 4294967296

/** Bytes of a varint for a safe integer ≥ 0. */
export function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a safe integer ≥ 0; returns the position behind it. */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = value
  while (rest >= two32) {
    target[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  while (rest >= 128) {
    target[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Bytes of a varint for a u64. */
export function bigVarintSize(value: bigint): number {
  let high = Number(value >> 28n)
  if (high === 0) return varintSize(Number(value))
  let size = 4
  for (; high > 0; high = Math.floor(high / 128)) size++
  return size
}

/** Writes a u64; returns the position behind it. */
export function writeBigVarint(target: Uint8Array, position: number, value: bigint): number {
  const high = Number(value >> 28n)
  if (high === 0) return writeVarint(target, position, Number(value))
  const low = Number(value & 0xfffffffn)
  target[position] = (low & 127) | 128
  target[position + 1] = ((low >>> 7) & 127) | 128
  target[position + 2] = ((low >>> 14) & 127) | 128
  target[position + 3] = (low >>> 21) | 128
  return writeVarint(target, position + 4, high)
}

/** Bytes of a length-delimited field whose tag fits one byte (field numbers 1 to 15). */
export function fieldSize(bytes: number): number {
  return 1 + varintSize(bytes) + bytes
}

/** Tag byte of a length-delimited field. */
export function bytesTag(field: number): number {
  return (field << 3) | 2
}

/** Writes tag, length and content; returns the position behind it. */
export function writeField(target: Uint8Array, position: number, field: number, content: Uint8Array): number {
  target[position] = bytesTag(field)
  const at = writeVarint(target, position + 1, content.length)
  target.set(content, at)
  return at + content.length
}

/** Bytes of a varint field whose tag fits one byte, for a safe integer ≥ 0. */
export function varintFieldSize(value: number): number {
  return 1 + varintSize(value)
}

/** Writes tag and varint; returns the position behind it. */
export function writeVarintField(target: Uint8Array, position: number, field: number, value: number): number {
  target[position] = field << 3
  return writeVarint(target, position + 1, value)
}

/** The same for a u64. */
export function bigVarintFieldSize(value: bigint): number {
  return 1 + bigVarintSize(value)
}

export function writeBigVarintField(target: Uint8Array, position: number, field: number, value: bigint): number {
  target[position] = field << 3
  return writeBigVarint(target, position + 1, value)
}
