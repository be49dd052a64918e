/** What names a log, and which names are safe to become folders on any file system. */

import type { Decoded } from '../decoded.ts'
import { ReeveError } from '../errors.ts'

/** What one run (`epoch`) of one node (`origin`) wrote to one topic. */
export interface LogId {
  readonly topic: string
  readonly origin: string
  /** Canonical lower-case UUID text, 36 characters. */
  readonly epoch: string
}

/** `topic/origin/epoch`: no part can hold a slash, so equal keys are equal logs. */
export function logKey(id: LogId): string {
  // Joined, it is one piece of memory; a template would keep its parts.
  return [id.topic, id.origin, id.epoch].join('/')
}

/** A topic of users. Refusals are to be reported as `TOPIC_NAME_INVALID`. */
export function parseTopicName(text: string): Decoded<string> {
  if (!isInternalTopic(text)) return parseName(text, 'topic')
  return {
    ok: false,
    problem: `topic name ${quote(text)} is reserved: those with an underscore first are the nodes' own`,
  }
}

/** Topics that nodes write for themselves: stored and replicated as all others, but users never see them. */
export function isInternalTopic(name: string): boolean {
  return name.startsWith('_')
}

/** Any topic that may lie on a disk or come from a peer, those of the nodes themselves included. */
export function parseStoredTopicName(text: string): Decoded<string> {
  const name = parseName(isInternalTopic(text) ? text.slice(1) : text, 'topic')
  return name.ok ? { ok: true, value: text } : name
}

/** Refusals are to be reported as `NODE_NAME_INVALID`. */
export function parseNodeName(text: string): Decoded<string> {
  return parseName(text, 'node')
}

/** A cursor that the cluster keeps. Refusals are to be reported as `CURSOR_NAME_INVALID`. */
export function parseCursorName(text: string): Decoded<string> {
  return parseName(text, 'cursor')
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Devices that Windows finds in every folder, with or without an extension (learn.microsoft.com, "Naming Files"). */
const devicePattern = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i

function parseName(text: string, what: string): Decoded<string> {
  const refuse = (why: string): Decoded<string> => ({ ok: false, problem: `${what} name ${quote(text)} ${why}` })
  if (!namePattern.test(text)) {
    return refuse('must be 1 to 128 letters, digits, dots, dashes or underscores and begin with a letter or digit')
  }
  if (text.endsWith('.')) return refuse('must not end with a dot')
  if (devicePattern.test(text)) return refuse('is a device on some systems')
  return { ok: true, value: text }
}

function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}

const epochPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Canonical UUID text only: the epoch is a folder name, and one epoch must have one spelling. */
export function parseEpoch(text: string): Decoded<string> {
  if (epochPattern.test(text)) return { ok: true, value: text }
  return { ok: false, problem: `epoch ${quote(text)} is not a lower-case UUID` }
}

/** The id, once every part of it is safe to become a folder. */
export function checkedId(id: LogId): LogId {
  const topic = parseStoredTopicName(id.topic)
  if (!topic.ok) throw new ReeveError('TOPIC_NAME_INVALID', topic.problem)
  const origin = parseNodeName(id.origin)
  if (!origin.ok) throw new ReeveError('NODE_NAME_INVALID', origin.problem)
  const epoch = parseEpoch(id.epoch)
  if (!epoch.ok) throw new ReeveError('REQUEST_MALFORMED', epoch.problem)
  return { topic: topic.value, origin: origin.value, epoch: epoch.value }
}

/** 16 bytes, as on the wire. `epoch` must be canonical. */
export function epochToBytes(epoch: string): Uint8Array {
  const bytes = new Uint8Array(16)
  let at = 0
  for (let i = 0; i < epoch.length; i++) {
    const code = epoch.charCodeAt(i)
    if (code === dash) continue
    const digit = code <= nine ? code - zero : code - letterA + 10
    bytes[at >> 1] = ((bytes[at >> 1] as number) << 4) | digit
    at++
  }
  return bytes
}

export function epochFromBytes(bytes: Uint8Array): Decoded<string> {
  if (bytes.length !== 16) return { ok: false, problem: `an epoch is 16 bytes, not ${bytes.length}` }
  let text = ''
  for (let at = 0; at < 16; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += '-'
    text += hexBytes[bytes[at] as number]
  }
  return { ok: true, value: text }
}

const [dash, zero, nine, letterA] = [0x2d, 0x30, 0x39, 0x61]
const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
