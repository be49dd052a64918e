/**
 * What members say to each other about keys, in the payloads of `_serf_…-key` queries and of their answers: one type
 * byte and a MessagePack struct.
 */

import type { Decoded } from '../decoded.ts'
import type { KeyChange } from './keys.ts'
import { bool, decodeBody, field, list, noBytes, nullableBytes, struct, text } from './msgpack-struct.ts'
import { MsgpackWriter } from './msgpack-writer.ts'

const KeyMessageType = { request: 7, response: 8 } as const

export const keyQueries: Readonly<Record<KeyChange | 'list', string>> = {
  install: '_serf_install-key',
  use: '_serf_use-key',
  remove: '_serf_remove-key',
  list: '_serf_list-keys',
}

export interface KeyResponse {
  readonly result: boolean
  /** Why not; or what has to be known of a success. */
  readonly message: string
  /** In base64; only when keys were to be listed. */
  readonly keys: readonly string[]
  /** Empty: it does not say (before Serf 0.9.4, or no keys were to be listed). */
  readonly primaryKey: string
}

/** Serf writes no key as one of no bytes. */
const request = struct({ key: field('Key', nullableBytes) })

const response = struct({
  result: field('Result', bool),
  message: field('Message', text),
  keys: field('Keys', list(text, 'nil')),
  primaryKey: field('PrimaryKey', text),
})

/** `key`: the raw bytes; none when keys are to be listed. */
export function encodeKeyRequest(key: Uint8Array = noBytes): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(KeyMessageType.request)
  request.write(writer, { key })
  return writer.finish()
}

export function decodeKeyRequest(payload: Uint8Array): Decoded<{ readonly key: Uint8Array }> {
  if (payload[0] !== KeyMessageType.request) return { ok: false, problem: 'not a key request' }
  const decoded = decodeBody('keyRequest', request, payload)
  return decoded.ok ? { ok: true, value: { key: decoded.value.key ?? noBytes } } : decoded
}

export function encodeKeyResponse(value: KeyResponse): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(KeyMessageType.response)
  response.write(writer, value)
  return writer.finish()
}

export function decodeKeyResponse(payload: Uint8Array): Decoded<KeyResponse> {
  if (payload[0] !== KeyMessageType.response) return { ok: false, problem: 'not a key response' }
  return decodeBody('keyResponse', response, payload)
}

/** As many keys as fit, the primary one always; and a message when that is not all of them. */
export function encodeKeyList(keys: readonly string[], maxBytes: number): Uint8Array {
  for (let count = keys.length; ; count -= 1) {
    const message =
      count === keys.length ? '' : `truncated key list response, showing first ${count} of ${keys.length} keys`
    const shown = { result: true, message, keys: keys.slice(0, count), primaryKey: keys[0] ?? '' }
    const bytes = encodeKeyResponse(shown)
    if (bytes.length <= maxBytes || count === 0) return bytes
  }
}
