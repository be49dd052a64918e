/** CRC-32 (IEEE 802.3, as in zlib and in memberlist's checksum header). */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})

/** Of `bytes[from, end)`, as an unsigned number. */
export function crc32(bytes: Uint8Array, from = 0): number {
  let crc = 0xffff_ffff
  for (let i = from; i < bytes.length; i += 1) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!
  return (crc ^ 0xffff_ffff) >>> 0
}
