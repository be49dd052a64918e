/** `Aead` by OpenSSL. Pure and quick (a packet takes microseconds), so that the simulator uses it as it is. */

import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { type Aead, aeadTagBytes } from '../aead.ts'

/** OpenSSL's form of a key, for as long as somebody holds the key. */
const known = new WeakMap<Uint8Array, KeyObject>()

function keyObject(key: Uint8Array): KeyObject {
  const found = known.get(key)
  if (found) return found
  const made = createSecretKey(key)
  known.set(key, made)
  return made
}

const cipherOf = (key: Uint8Array) => `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const
const options = { authTagLength: aeadTagBytes }

export const aesGcm: Aead = {
  seal(key, nonce, plain, extra) {
    const cipher = createCipheriv(cipherOf(key), keyObject(key), nonce, options)
    if (extra.length > 0) cipher.setAAD(extra)
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  },
  open(key, nonce, sealed, extra) {
    const decipher = createDecipheriv(cipherOf(key), keyObject(key), nonce, options)
    if (extra.length > 0) decipher.setAAD(extra)
    const end = sealed.length - aeadTagBytes
    decipher.setAuthTag(sealed.subarray(end))
    const plain = decipher.update(sealed.subarray(0, end))
    try {
      // In this mode it adds no bytes; it throws when the tag is not right.
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  },
  fingerprint: (key) => createHash('sha256').update(key).digest('hex').slice(0, 8),
}
