/**
 * IP addresses between their text and their bytes. The same IPv4 address exists on the wire in 4 bytes and, mapped, in
 * 16; as text there is one form of it here, so that texts can be compared.
 */

/** Where a member listens, for packets and streams: an IP address in its one text form, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The same for equal endpoints. */
export function endpointKey({ host, port }: Endpoint): string {
  return `${host} ${port}`
}

/** 4 or 16 bytes; undefined: not an IP address. Zones (`%eth0`) are dropped. */
export function parseIp(text: string): Uint8Array | undefined {
  const host = text.replace(/%.*$/, '')
  if (!host.includes(':')) return parseV4(host)
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(host)
  if (dotted) {
    const tail = parseV4(dotted[2] as string)
    if (!tail) return undefined
    const hex = [0, 2].map((i) => (((tail[i] ?? 0) << 8) | (tail[i + 1] ?? 0)).toString(16)).join(':')
    return parseV6((dotted[1] as string) + hex)
  }
  return parseV6(host)
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined
  return Uint8Array.from(parts, Number)
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], tail] = groups
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail ? missing < 1 : missing !== 0) return undefined
  const all = tail ? [...head, ...new Array<string>(missing).fill('0'), ...tail] : head
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]))
}

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]

/** Canonical text (RFC 5952), a mapped IPv4 address as plain IPv4; undefined: neither 4 nor 16 bytes. */
export function formatIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return undefined
  if (mappedPrefix.every((byte, i) => bytes[i] === byte)) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let runStart = -1
  let runLength = 1
  for (let i = 0; i < 8; i += 1) {
    let end = i
    while (end < 8 && groups[end] === 0) end += 1
    if (end - i > runLength) [runStart, runLength] = [i, end - i]
  }
  const hex = groups.map((group) => group.toString(16))
  if (runStart < 0) return hex.join(':')
  return `${hex.slice(0, runStart).join(':')}::${hex.slice(runStart + runLength).join(':')}`
}

const plainV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/

/** The one text form of an address that arrived as text; other text is returned as it is. */
export function canonicalHost(host: string): string {
  // What every packet comes from, as the system writes it.
  if (plainV4.test(host)) return host
  const bytes = parseIp(host)
  return (bytes && formatIp(bytes)) ?? host
}
