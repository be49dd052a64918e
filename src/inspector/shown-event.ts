/** An event as it is shown: what is on the list as it is, everything else as its size and hash. */

import type { AnyEventObject } from 'xstate'
import { toReeveError } from '../errors.ts'
import { elide } from './elide.ts'
import type { ShownEvent, ShownReason } from './record.ts'
import { cut, redactText } from './redact.ts'

/** Small, harmless, and what makes an event understood; by dotted path. */
const shownFields = new Set([
  'name',
  'address',
  'rpcAddress',
  'httpAddress',
  'actorId',
  'peer.name',
  'peer.epoch',
  'peer.address',
  'reason.code',
  'reason.message',
])

type Scalar = string | number | boolean | null

export function showEvent(event: AnyEventObject): ShownEvent {
  const { type } = event
  let fields: Record<string, Scalar> | undefined
  let rest: Record<string, unknown> | undefined
  const take = (path: string, value: unknown): void => {
    if (shownFields.has(path) && isScalar(value)) {
      fields ??= {}
      fields[path] = typeof value === 'string' ? showText(path, value) : value
    } else if (value !== undefined) {
      rest ??= {}
      rest[path] = value
    }
  }
  for (const key in event) {
    if (key === 'type') continue
    const value: unknown = event[key]
    if (key === 'error') {
      const reason = showReason(value)
      take('reason.code', reason.code)
      take('reason.message', reason.message)
    } else if ((key === 'peer' || key === 'reason') && typeof value === 'object' && value !== null) {
      for (const [inner, part] of Object.entries(value)) take(`${key}.${inner}`, part)
    } else take(key, value)
  }
  return { type, ...(fields && { fields }), ...(rest && { rest: elide(rest) }) }
}

function showText(path: string, text: string): string {
  return path === 'reason.message' ? redactText(text) : cut(text)
}

export function showReason(error: unknown): ShownReason {
  const { code, message } = toReeveError(error)
  return { code, message: redactText(message) }
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
