/**
 * The outermost layers of packets and streams: the label, which tells clusters apart, and encryption, which keeps
 * everybody out who has no key. Owns both ways of each; never the keys themselves or what lies inside.
 *
 *   packet   [f4, length, label] [version, nonce, ciphertext, tag]                  the tag covers the label, too
 *   stream   [f4, length, label] [0a, length: u32, version, nonce, ciphertext, tag]   and the five bytes before it
 *
 * On streams only who opened one sends the label; the answer's tag covers it all the same.
 */

import { type Aead, aeadNonceBytes, aeadTagBytes } from '../aead.ts'
import { ReeveError } from '../errors.ts'
import type { Keys } from './keys.ts'
import { MessageType } from './memberlist-codec.ts'

/** Who sends: the one that opened the stream, or the one that answers. */
export type StreamSide = 'opener' | 'answerer'

export interface SealingOptions {
  /** At most 255 bytes in UTF-8. */
  readonly label?: string
  readonly encryption?: Encryption
}

export interface Encryption {
  readonly aead: Aead
  /** 12 unpredictable bytes. */
  readonly nonce: () => Uint8Array
  /** Those in force at that moment, at least one. */
  readonly keys: () => Keys
  /** While a running cluster gets its first key: take in what is not sealed; send without sealing. */
  readonly acceptPlain: boolean
  readonly sendPlain: boolean
}

export type Opened =
  /** `key`: of ours, that opened it; absent: it was not sealed. */
  | { readonly ok: true; readonly value: Uint8Array; readonly key?: Uint8Array }
  | { readonly ok: false; readonly problem: string }

/** What precedes the payload of a sealed stream. */
export const streamSealBytes = 5
/** memberlist's limit on the payload of a sealed stream. */
export const maxSealedStreamBytes = 20 * 1024 * 1024

const versionBytes = 1
const prefixBytes = versionBytes + aeadNonceBytes
const sealBytes = prefixBytes + aeadTagBytes
const blockBytes = 16
const nothing = new Uint8Array(0)

export class Sealing {
  readonly #encryption: Encryption | undefined
  readonly #label: Uint8Array
  readonly #labelHeader: Uint8Array

  /** Throws `CONFIG_INVALID`. */
  constructor({ label = '', encryption }: SealingOptions = {}) {
    this.#encryption = encryption
    this.#label = new TextEncoder().encode(label)
    if (this.#label.length > 255) throw new ReeveError('CONFIG_INVALID', 'the label takes more than 255 bytes')
    const hasLabel = this.#label.length > 0
    this.#labelHeader = hasLabel ? join([Uint8Array.of(MessageType.label, this.#label.length), this.#label]) : nothing
  }

  get enabled(): boolean {
    return this.#encryption !== undefined
  }

  /** What both layers add to a packet. */
  get packetOverheadBytes(): number {
    return this.#labelHeader.length + (this.#sealsWith ? sealBytes : 0)
  }

  sealPacket(content: Uint8Array): Uint8Array {
    const encryption = this.#sealsWith
    const payload = encryption ? seal(encryption, content, this.#label) : [content]
    return payload.length === 1 && this.#labelHeader.length === 0 ? content : join([this.#labelHeader, ...payload])
  }

  /** Costs one attempt for each key at most. */
  openPacket(packet: Uint8Array): Opened {
    const inside = this.openLabel(packet)
    if (!inside.ok || !this.#encryption) return inside
    const opened = open(this.#encryption, inside.value, this.#label)
    return opened.ok || !this.#encryption.acceptPlain ? opened : inside
  }

  sealStream(content: Uint8Array, side: StreamSide): Uint8Array {
    const encryption = this.#sealsWith
    const header = side === 'opener' ? this.#labelHeader : nothing
    if (!encryption) return header.length === 0 ? content : join([header, content])
    const frame = new Uint8Array(streamSealBytes)
    frame[0] = MessageType.encrypt
    new DataView(frame.buffer).setUint32(1, sealBytes + content.length)
    return join([header, frame, ...seal(encryption, content, join([frame, this.#label]))])
  }

  /** `frame`: from the byte 0a to the tag. */
  openStream(frame: Uint8Array): Opened {
    if (!this.#encryption) return refused('remote state is encrypted and encryption is not configured')
    const extra = join([frame.subarray(0, streamSealBytes), this.#label])
    return open(this.#encryption, frame.subarray(streamSealBytes), extra)
  }

  /** Why a stream that is not sealed will not do, if so. */
  get plainStreamProblem(): string | undefined {
    const wanted = this.#encryption && !this.#encryption.acceptPlain
    return wanted ? 'encryption is configured but remote state is not encrypted' : undefined
  }

  /** What is behind the label, which must be ours. */
  openLabel(input: Uint8Array): Opened {
    if (input[0] !== MessageType.label) {
      return this.#label.length === 0 ? { ok: true, value: input } : refused('without a label where one is expected')
    }
    const end = 2 + (input[1] ?? 0)
    if (end === 2 || end > input.length) return refused('a label that is empty or cut off')
    if (this.#label.length === 0) return refused('a label where none is expected')
    const ours = end === this.#labelHeader.length && this.#labelHeader.every((byte, at) => byte === input[at])
    return ours ? { ok: true, value: input.subarray(end) } : refused('another label than ours')
  }

  get #sealsWith(): Encryption | undefined {
    return this.#encryption?.sendPlain ? undefined : this.#encryption
  }
}

/** Of a cluster with neither keys nor a label. */
export const unsealed = new Sealing()

function seal({ aead, keys, nonce }: Encryption, plain: Uint8Array, extra: Uint8Array): Uint8Array[] {
  const fresh = nonce()
  return [Uint8Array.of(1), fresh, aead.seal(keys()[0]!, fresh, plain, extra)]
}

function open({ aead, keys }: Encryption, payload: Uint8Array, extra: Uint8Array): Opened {
  const version = payload[0]
  if (version !== 0 && version !== 1) return refused(`encryption version ${version ?? 'missing'} is not supported`)
  if (payload.length < sealBytes + (version === 0 ? blockBytes : 0)) {
    return refused(`${payload.length} bytes are too few to be encrypted`)
  }
  const nonce = payload.subarray(versionBytes, prefixBytes)
  const sealed = payload.subarray(prefixBytes)
  for (const key of keys()) {
    const plain = aead.open(key, nonce, sealed, extra)
    if (!plain) continue
    const value = version === 0 ? unpad(plain) : plain
    return value ? { ok: true, value, key } : refused('encrypted with wrong padding')
  }
  return refused('no installed keys could decrypt the message')
}

/** Without the padding of version 0 (PKCS #7, always 1 to 16 bytes, each their count); undefined where it is wrong. */
function unpad(plain: Uint8Array): Uint8Array | undefined {
  const count = plain.at(-1) ?? 0
  if (count < 1 || count > blockBytes || plain.length % blockBytes !== 0) return undefined
  const end = plain.length - count
  return plain.subarray(end).every((byte) => byte === count) ? plain.subarray(0, end) : undefined
}

function refused(problem: string): Opened {
  return { ok: false, problem }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
