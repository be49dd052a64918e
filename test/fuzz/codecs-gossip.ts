/** What members of a cluster send each other, from the outside to the inside. */

import assert from 'node:assert/strict'
import { decodeConflictResponse, encodeConflictResponse } from '../../src/gossip/conflict-response.ts'
import { Coordinates, decodeCoordinate, encodeCoordinate } from '../../src/gossip/coordinates.ts'
import { decodeKeyRequest, decodeKeyResponse, encodeKeyRequest, encodeKeyResponse } from '../../src/gossip/key-codec.ts'
import { compressLzw, expandLzw } from '../../src/gossip/lzw.ts'
import { decodeMessage, encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { compilePattern } from '../../src/gossip/pattern.ts'
import { decodeFilter, encodeFilter, filtersMatch } from '../../src/gossip/query-filter.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { encodeStream, type StreamMessage } from '../../src/gossip/stream-codec.ts'
import { decodeTags, encodeTags } from '../../src/gossip/tags.ts'
import { textFromBytes, textToBytes } from '../../src/gossip/text.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { seededRandom } from '../gossip/cluster.ts'
import { fromHex, golden } from '../gossip/golden.ts'
import { type FuzzCodec, stable } from './codec.ts'
import * as recorded from './recorded.ts'

/** Each dear to somebody who backtracks or counts, or with a meaning of its own in RE2. */
const patterns = [
  ...['web|db', '^(?:a|b)*?$', '(?i)W[^e]b', '(?P<name>a.)', '[[:alpha:]]\\d\\pL\\b', '\\Qa.b\\E{3}', '\\C\\z'],
  ...['(a+)+$', '(x+x+)+y', '.*.*.*.*=', '((a{10}){10}){10}', '[a-z]{1,1000}', '(a?){50}a{50}', '(a|a|aa)*b'],
]
/** Several times what tags may hold, and so that the patterns above find much and match late. */
const longTexts = ['a'.repeat(2048), `${'xé😀ab'.repeat(227)}=y`]

const keyRequest = stable(decodeKeyRequest, ({ key }) => encodeKeyRequest(key))
const keyResponse = stable(decodeKeyResponse, encodeKeyResponse)
const sameCoordinate = stable(decodeCoordinate, encodeCoordinate)

export const gossipCodecs: Readonly<Record<string, FuzzCodec>> = {
  lzw: {
    corpus: golden('lzw').vectors.flatMap(({ lzw }: { lzw?: string }) => (lzw ? [fromHex(lzw)] : [])),
    accepts: (input) => {
      const plain = expandLzw(input, 4096)
      if (!plain.ok) return false
      assert.equal(plain.value.length <= 4096, true, 'more than the limit')
      assert.deepEqual(expandLzw(compressLzw(plain.value), 4096), plain)
      return true
    },
  },
  packet: {
    corpus: recorded.packets,
    accepts: (input) => {
      const { messages: sound, problems } = decodePacket(input)
      assert.equal(sound.length + problems.length <= 1025, true, 'more than the limit')
      return sound.length > 0
    },
  },
  message: { corpus: recorded.messages, accepts: stable(decodeMessage, encodeMessage) },
  serf: { corpus: recorded.serfMessages, accepts: stable(decodeSerfMessage, encodeSerfMessage) },
  stream: {
    corpus: recorded.streams,
    accepts: (input) => {
      const whole = recorded.readStream([input])
      const half = input.length >> 1
      const pieces = recorded.readStream([input.subarray(0, half), input.subarray(half)])
      assert.deepEqual(pieces, whole, 'another outcome in two pieces')
      if (whole === undefined) return false
      const again = encodeStream(whole, { compress: false })
      const reread = recorded.readStream([again]) as StreamMessage
      assert.deepEqual(encodeStream(reread, { compress: false }), again)
      return true
    },
  },
  tags: {
    corpus: recorded.tags,
    accepts: (input) => {
      const tags = decodeTags(input)
      const again = encodeTags(tags)
      if (again.ok) assert.deepEqual(encodeTags(decodeTags(again.value)), again)
      return tags.size > 0
    },
  },
  filter: { corpus: recorded.filters, accepts: stable(decodeFilter, encodeFilter) },
  pattern: {
    corpus: patterns.map(textToBytes),
    accepts: (input) => {
      const expr = textFromBytes(input)
      const matches = compilePattern(expr)
      const filter = encodeFilter({ kind: 'tag', tag: 'role', expr })
      for (const text of ['', 'web-1']) {
        const meant = filtersMatch([filter], 'node-1', new Map([['role', text]]))
        assert.equal(meant, matches?.(text) ?? false, 'the filter and its pattern disagree')
      }
      for (const text of longTexts) assert.equal(typeof (matches?.(text) ?? false), 'boolean')
      return matches !== undefined
    },
  },
  coordinate: {
    corpus: recorded.coordinates,
    accepts: (input) => {
      const coordinates = new Coordinates({ name: 'node-1', random: seededRandom(1), report: () => undefined })
      for (const rttMs of [0.2, 9000, 0, 30]) coordinates.acked('node-2', input, rttMs)
      assert.equal(decodeCoordinate(coordinates.payload()).ok, true, 'ours has become useless')
      assert.equal(Number.isFinite(coordinates.rttMs('node-1', 'node-2') ?? 0), true, 'no round trip')
      assert.equal(coordinates.resets, 0, 'ours had to begin anew')
      return sameCoordinate(input)
    },
  },
  keyMessage: {
    corpus: recorded.queryPayloads.filter(([type]) => type === 7 || type === 8),
    accepts: (input) => keyRequest(input) || keyResponse(input),
  },
  conflict: {
    corpus: [
      ...recorded.queryPayloads.filter(([type]) => type === 6),
      encodeConflictResponse(undefined),
      encodeConflictResponse(known(Uint8Array.of(127, 0, 0, 1), 7946)),
    ],
    accepts: (input) => {
      const decoded = decodeConflictResponse(input)
      if (!decoded.ok) return false
      const again = encodeConflictResponse(decoded.value && known(decoded.value.addr, decoded.value.port))
      assert.deepEqual(decodeConflictResponse(again), decoded)
      return true
    },
  },
}

function known(addr: Uint8Array, port: number) {
  return { name: 'node-1', addr, port, tags: new Map([['role', 'web']]), status: 'alive', vsn: ourVsn } as const
}
