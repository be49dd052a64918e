/** What encryption puts around packets and streams, and the file that keeps its keys. */

import assert from 'node:assert/strict'
import { type Aead, aeadTagBytes } from '../../src/aead.ts'
import { formatKeyList, parseKeyList } from '../../src/gossip/keys.ts'
import type { Sealing, StreamSide } from '../../src/gossip/sealing.ts'
import { createStreamReader, encodeStream, type StreamOutcome } from '../../src/gossip/stream-codec.ts'
import { fromHex, golden, type Vector } from '../gossip/golden.ts'
import { keyFromText, keyOf, sealed } from '../gossip/sealed.ts'
import { type FuzzCodec, stable } from './codec.ts'
import * as recorded from './recorded.ts'

type Sealed = Vector & { readonly keys?: readonly string[]; readonly label?: string }

const vectors: Sealed[] = ['udp-encrypted', 'tcp-streams', 'label']
  .flatMap((file): Sealed[] => golden(file).vectors)
  .filter(({ decoded }) => decoded.encryption)
const keys = [...new Set(vectors.flatMap((vector) => vector.keys ?? []))].map(keyFromText)
const labels = [...new Set(vectors.map(({ label, decoded }): string => label ?? decoded.label ?? ''))]
const streamLimits = { maxBytes: 8192, maxUserBytes: 2048, maxNodes: 64 }

/** Covers nothing: what lies behind the tag is reached by damaged inputs, too. */
const glass: Aead = {
  seal: (_key, _nonce, plain) => Buffer.concat([plain, new Uint8Array(aeadTagBytes)]),
  open: (_key, _nonce, sealed) => sealed.slice(0, sealed.length - aeadTagBytes),
  fingerprint: () => 'glass',
}
const sound = labels.map((label) => sealed(keys, { label }))
const seeThrough = labels.map((label) => sealed([keyOf(1)], { label, aead: glass }))

/** Everything the keys ever sealed: nothing else may come out. */
const plain = vectors.map(({ decoded }) => fromHex(decoded.plain.$hex))

export const sealingCodecs: Readonly<Record<string, FuzzCodec>> = {
  sealed: {
    corpus: [
      ...vectors.filter(({ transport }) => transport === 'udp').map(({ hex }) => fromHex(hex)),
      ...recorded.packets
        .slice(0, 8)
        .flatMap((packet) => seeThrough.flatMap((sealing) => bothVersions(sealing, packet))),
    ],
    accepts: (input) => {
      for (const sealing of sound) {
        const opened = sealing.openPacket(input)
        // The version is all that the tag does not cover: padding is taken off, or left on, that should not be.
        if (opened.ok)
          assert.equal(
            plain.some((known) => startsAlike(known, opened.value)),
            true,
            'forged',
          )
      }
      return seeThrough.map((sealing) => opensAgain(sealing, input)).includes(true)
    },
  },
  sealedStream: {
    corpus: [
      ...vectors.filter(({ transport }) => transport === 'tcp').map(({ hex }) => fromHex(hex)),
      ...recorded.streams
        .slice(0, 4)
        .flatMap((stream) => seeThrough.map((sealing) => sealing.sealStream(stream, 'opener'))),
    ],
    accepts: (input) => {
      let accepted = false
      for (const sealing of [...sound, ...seeThrough]) {
        for (const side of ['opener', 'answerer'] as const) {
          const whole = read(sealing, side, [input])
          const half = input.length >> 1
          const pieces = read(sealing, side, [input.subarray(0, half), input.subarray(half)])
          assert.deepEqual(pieces, whole, 'another outcome in two pieces')
          if (!whole.ok) continue
          assert.equal(whole.key !== undefined, true, 'taken in though nothing sealed it')
          const again = sealing.sealStream(encodeStream(whole.value, { compress: false }), side)
          assert.equal(read(sealing, side, [again]).ok, true, 'what was sealed cannot be opened')
          accepted = true
        }
      }
      return accepted
    },
  },
  keyFile: {
    corpus: [formatKeyList([keyOf(1), keyOf(2, 16), keyOf(3, 24)]), `["${btoa('0123456789abcdef')}"]`].map((text) =>
      new TextEncoder().encode(text),
    ),
    accepts: stable(
      (input) => parseKeyList(new TextDecoder().decode(input)),
      (list) => new TextEncoder().encode(formatKeyList(list)),
    ),
  },
}

/** As sealed now, and as by version 0, which pads. Of glass, so that the bytes behind the nonce are the content. */
function bothVersions(sealing: Sealing, content: Uint8Array): Uint8Array[] {
  const missing = 16 - (content.length % 16)
  const padded = sealing.sealPacket(Buffer.concat([content, new Uint8Array(missing).fill(missing)])).slice()
  const version = sealing.packetOverheadBytes - 1 - 12 - aeadTagBytes
  padded[version] = 0
  return [sealing.sealPacket(content), padded]
}

function opensAgain(sealing: Sealing, input: Uint8Array): boolean {
  const opened = sealing.openPacket(input)
  if (!opened.ok) return false
  assert.equal(opened.key !== undefined, true, 'taken in though nothing sealed it')
  assert.equal(opened.value.length + sealing.packetOverheadBytes <= input.length, true, 'more came out than went in')
  const again = sealing.openPacket(sealing.sealPacket(opened.value))
  assert.equal(again.ok && Buffer.compare(again.value, opened.value), 0, 'what was sealed cannot be opened')
  return true
}

function read(sealing: Sealing, side: StreamSide, chunks: readonly Uint8Array[]): StreamOutcome {
  const reader = createStreamReader(streamLimits, sealing, side)
  for (const chunk of chunks) reader.push(chunk)
  return reader.end()
}

function startsAlike(one: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(one.length, other.length)
  return Buffer.compare(one.subarray(0, length), other.subarray(0, length)) === 0
}
