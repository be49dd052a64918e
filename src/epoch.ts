/**
 * A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970, then chance. Canonical lower-case text. Two runs
 * never share one even when a disk was cloned or a clock set back: 74 bits of it are chance.
 */
export function mintEpoch(nowMs: number, chance: Uint8Array): string {
  if (chance.length < 10) throw new RangeError('an epoch needs 10 bytes of chance')
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.trunc(nowMs)) << 16n)
  bytes.set(chance.subarray(0, 10), 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
