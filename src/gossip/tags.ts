/** A member's tags, as they travel in the Meta of its alive messages. */

import type { Decoded } from '../decoded.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { mapOf, text } from './msgpack-struct.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { textFromBytes } from './text.ts'

/** memberlist's MetaMaxSize. Kept when sending; what others send may be longer. */
export const maxMetaBytes = 512

const tagsMarker = 0xff
const tagMap = mapOf(text)

/** `ff` and a map. The problem is that of Serf, word for word. */
export function encodeTags(tags: ReadonlyMap<string, string>): Decoded<Uint8Array> {
  const writer = new MsgpackWriter()
  writer.byte(tagsMarker)
  tagMap.write(writer, tags)
  const meta = writer.finish()
  if (meta.length > maxMetaBytes) {
    return { ok: false, problem: `Encoded length of tags exceeds limit of ${maxMetaBytes} bytes` }
  }
  return { ok: true, value: meta }
}

/**
 * Without the marker the whole Meta is the role, as in Serf's protocol 2. Of a map that breaks off, the tags before the
 * break count: a member with bad tags is a member still.
 */
export function decodeTags(meta: Uint8Array): ReadonlyMap<string, string> {
  if (meta[0] !== tagsMarker) return new Map([['role', textFromBytes(meta)]])
  return tagMap.read(new MsgpackReader(meta, 1))
}
