/** A network without chance, for tests of what must happen rather than of what may. */

import type { NetworkSettings } from '../../src/simulation/network.ts'

export const calm: Partial<NetworkSettings> = {
  weather: { delay: { minMs: 1, maxMs: 2, tailChance: 0, tailMs: 0 }, loss: 0, duplicate: 0, reorder: 0 },
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
