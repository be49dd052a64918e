/** The layer of type 9 around a packet or a stream: `{Algo, Buf}`, where Algo 0 is LZW and the only one there is. */

import type { Decoded } from '../decoded.ts'
import { compressLzw, expandLzw } from './lzw.ts'
import { MessageType } from './memberlist-codec.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { bytes, field, struct, u8 } from './msgpack-struct.ts'
import { MsgpackWriter } from './msgpack-writer.ts'

const compressed = struct({ algorithm: field('Algo', u8), packed: field('Buf', bytes) })
const lzw = 0

export function compress(plain: Uint8Array): Uint8Array {
  const packed = compressLzw(plain)
  const writer = new MsgpackWriter(undefined, packed.length + 32)
  writer.byte(MessageType.compress)
  compressed.write(writer, { algorithm: lzw, packed })
  return writer.finish()
}

/** `input` begins with the type byte. Nothing at all, once decompressed, is a problem too. */
export function decompress(input: Uint8Array, maxBytes: number): Decoded<Uint8Array> {
  const reader = new MsgpackReader(input, 1)
  const { algorithm, packed } = compressed.read(reader)
  if (reader.problem !== undefined) return { ok: false, problem: `compress: ${reader.problem}` }
  if (algorithm !== lzw) return { ok: false, problem: `compress: unknown algorithm ${algorithm}` }
  const plain = expandLzw(packed, maxBytes)
  return plain.ok && plain.value.length === 0 ? { ok: false, problem: 'compress: empty message' } : plain
}
