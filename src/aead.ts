/**
 * Encryption that also proves that nothing was changed: AES in Galois/Counter mode, with the key's length (16, 24 or 32
 * bytes) choosing AES-128, -192 or -256, nonces of 12 bytes and tags of 16. Functions of bytes; the world provides them.
 *
 * The bytes of a key are never changed once they were handed in: implementations may remember what they made of them.
 */
export interface Aead {
  /** The ciphertext and behind it the tag. `extra` is covered by the tag and not sent. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, extra: Uint8Array): Uint8Array
  /** Undefined: not sealed with this key, or not as it was sealed. Never throws on `sealed` of 16 bytes and more. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, extra: Uint8Array): Uint8Array | undefined
  /** The first 8 hex digits of the key's SHA-256: all of a key that may be shown. */
  fingerprint(key: Uint8Array): string
}

export const aeadNonceBytes = 12
export const aeadTagBytes = 16
