/**
 * Protocol versions, six numbers a node: [PMin, PMax, PCur, DMin, DMax, DCur], memberlist's range and current, then
 * Serf's. What differs between versions is decided by the ranges that all alive members share.
 */

/** What every Serf of today says: memberlist 1 to 5, speaking 2; Serf 2 to 5, speaking 5. */
export const ourVsn = Uint8Array.of(1, 5, 2, 2, 5, 5)

/** The whole of six numbers with a range that can be met. */
export function isSaneVsn(vsn: Uint8Array): boolean {
  const pMin = vsn[0] ?? 0
  const pMax = vsn[1] ?? 0
  return vsn.length === 6 && pMin > 0 && pMax > 0 && pMin <= pMax
}

/** It speaks what we understand. One that does not would make all exchanges of state fail, everywhere. */
export function canSpeakWith(vsn: Uint8Array): boolean {
  return versionProblem([{ name: '', vsn }], [ourVsn]) === undefined
}

/** From memberlist 3 on a node answers pings on streams, from 4 it sends nacks, from 5 it takes checksums and relays. */
export function understands(vsn: Uint8Array, feature: 'streamPing' | 'nack' | 'checksum' | 'relay'): boolean {
  return (vsn[1] ?? 0) >= { streamPing: 3, nack: 4, checksum: 5, relay: 5 }[feature]
}

/** Whether all `speakers` speak what all `listeners` understand; otherwise the text for the log, as Serf words it. */
export function versionProblem(
  speakers: Iterable<{ readonly name: string; readonly vsn: Uint8Array }>,
  listeners: Iterable<Uint8Array>,
): string | undefined {
  let [pMin, pMax, dMin, dMax] = [0, 255, 0, 255]
  for (const vsn of listeners) {
    pMin = Math.max(pMin, vsn[0] ?? 0)
    pMax = Math.min(pMax, vsn[1] ?? 0)
    dMin = Math.max(dMin, vsn[3] ?? 0)
    dMax = Math.min(dMax, vsn[4] ?? 0)
  }
  for (const { name, vsn } of speakers) {
    const pCur = vsn[2] ?? 0
    const dCur = vsn[5] ?? 0
    if (pCur < pMin || pCur > pMax) {
      return `Node '${name}' protocol version (${pCur}) is incompatible: [${pMin}, ${pMax}]`
    }
    if (dCur < dMin || dCur > dMax) {
      return `Node '${name}' delegate protocol version (${dCur}) is incompatible: [${dMin}, ${dMax}]`
    }
  }
  return undefined
}
