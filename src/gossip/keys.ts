/** Keys of gossip and what may be done to a list of them. The first one seals; all of them are tried when opening. */

import type { Decoded } from '../decoded.ts'
import { sameBytes } from './bytes.ts'

/** First the primary one, then in the order they were installed. */
export type Keys = readonly Uint8Array[]

export type KeyChange = 'install' | 'use' | 'remove'

/** So that a packet that no key opens stays cheap. */
export const maxKeys = 64

const wrongSize = 'key size must be 16, 24 or 32 bytes'

/** The list after a change; the texts are those of memberlist. Each change may be repeated without harm. */
export function changeKeys(keys: Keys, change: KeyChange, key: Uint8Array): Decoded<Keys> {
  const at = keys.findIndex((known) => sameBytes(known, key))
  const others = keys.filter((_, index) => index !== at)
  switch (change) {
    case 'install':
      if (![16, 24, 32].includes(key.length)) return { ok: false, problem: wrongSize }
      if (at >= 0) return { ok: true, value: keys }
      // What others go on holding may change: a view into a packet must not become a key.
      return keys.length < maxKeys
        ? { ok: true, value: [...keys, key.slice()] }
        : { ok: false, problem: `there are ${maxKeys} keys already` }
    case 'use':
      if (at < 0) return { ok: false, problem: 'Requested key is not in the keyring' }
      return { ok: true, value: at === 0 ? keys : [keys[at]!, ...others] }
    case 'remove':
      if (at === 0) return { ok: false, problem: 'Removing the primary key is not allowed' }
      return { ok: true, value: at < 0 ? keys : others }
  }
}

/** Base64 with the standard alphabet and padding. The problem never repeats the text. */
export function parseKey(text: string): Decoded<Uint8Array> {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return { ok: false, problem: 'not base64 text' }
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  return [16, 24, 32].includes(bytes.length) ? { ok: true, value: bytes } : { ok: false, problem: wrongSize }
}

export function formatKey(key: Uint8Array): string {
  return btoa(String.fromCharCode(...key))
}

/** What a key file holds: a JSON array of keys in base64. Whatever is wrong, the problem repeats nothing of the text. */
export function parseKeyList(text: string): Decoded<Keys> {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    return { ok: false, problem: 'is not JSON' }
  }
  if (!Array.isArray(list)) return { ok: false, problem: 'is not a JSON array' }
  if (list.length === 0) return { ok: false, problem: 'has no key' }
  if (list.length > maxKeys) return { ok: false, problem: `has more than ${maxKeys} keys` }
  const keys: Uint8Array[] = []
  for (const [index, entry] of list.entries()) {
    const key = typeof entry === 'string' ? parseKey(entry) : ({ ok: false, problem: 'not text' } as const)
    if (!key.ok) return { ok: false, problem: `has an unusable key, number ${index + 1} (${key.problem})` }
    // The same key twice is one key.
    if (!keys.some((known) => sameBytes(known, key.value))) keys.push(key.value)
  }
  return { ok: true, value: keys }
}

export function formatKeyList(keys: Keys): string {
  return `${JSON.stringify(keys.map(formatKey), undefined, 2)}\n`
}
