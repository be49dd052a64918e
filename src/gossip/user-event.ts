import type { Decoded } from '../decoded.ts'
import type { ToldEvent } from './effects.ts'
import { encodeSerfMessage } from './serf-codec.ts'
import { textLength } from './text.ts'

/** Serf's UserEventSizeLimit. Kept when sending; what others send may be longer. */
export const maxEventBytes = 512

/** A whole Serf message. The problems are Serf's, word for word. */
export function encodeUserEvent(event: ToldEvent): Decoded<Uint8Array> {
  if (textLength(event.name) + event.payload.length > maxEventBytes) {
    return { ok: false, problem: `user event exceeds configured limit of ${maxEventBytes} bytes before encoding` }
  }
  const bytes = encodeSerfMessage({ kind: 'userEvent', ...event })
  return bytes.length > maxEventBytes
    ? { ok: false, problem: `encoded user event exceeds configured limit of ${maxEventBytes} bytes after encoding` }
    : { ok: true, value: bytes }
}
