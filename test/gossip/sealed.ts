/** Sealings of clusters with keys, for tests. */

import { aesGcm } from '../../src/env/aes-gcm.ts'
import type { Keys } from '../../src/gossip/keys.ts'
import { parseKey } from '../../src/gossip/keys.ts'
import { type Encryption, Sealing } from '../../src/gossip/sealing.ts'
import { fromHex } from './golden.ts'

/** Keys that tell themselves apart by their first byte. */
export const keyOf = (number: number, bytes = 32) => new Uint8Array(bytes).fill(number)

export function keyFromText(text: string): Uint8Array {
  const key = parseKey(text)
  if (!key.ok) throw new Error(key.problem)
  return key.value
}

interface SealedOptions extends Partial<Encryption> {
  readonly label?: string
  /** In hex; default: always the same one. */
  readonly nonceHex?: string
}

export function sealed(keys: Keys, { label, nonceHex, ...options }: SealedOptions = {}): Sealing {
  const nonce = nonceHex === undefined ? new Uint8Array(12).fill(7) : fromHex(nonceHex)
  return new Sealing({
    ...(label !== undefined && { label }),
    encryption: {
      aead: aesGcm,
      nonce: () => nonce,
      keys: () => keys,
      acceptPlain: false,
      sendPlain: false,
      ...options,
    },
  })
}
