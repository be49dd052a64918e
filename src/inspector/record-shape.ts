/**
 * Checks that something from outside has the shape of a record: of a peer, or of a file. What is more than the shape (a
 * later version's fields) is let through, what is less is refused. Bounds are those of the line it came in.
 */

import type { Decoded } from '../decoded.ts'
import type { TraceRecord } from './record.ts'

type Check = (value: unknown) => boolean
type Shape = { readonly [key: string]: Check }

const text: Check = (value) => typeof value === 'string'
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const yes: Check = (value) => typeof value === 'boolean'
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string)
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const map =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
const shaped =
  (shape: Shape): Check =>
  (value) =>
    wrongIn(value, shape) === undefined
const object: Check = (value) => isObject(value)
const scalar: Check = (value) => value === null || text(value) || number(value) || yes(value)

const elided = shaped({ bytes: count, hash: text })
const reason = shaped({ code: text, message: text })
const texts = list(text)
const sent = list(shaped({ to: text, type: text }))
const stamp = { node: text, epoch: text, sequence: count, atMs: number }

const facts = shaped({
  node: optional(
    shaped({
      version: text,
      cluster: text,
      durability: text,
      phase: text,
      rpcAddress: nullable(text),
      httpAddress: nullable(text),
      gossipAddress: nullable(text),
      serfRpcAddress: nullable(text),
    }),
  ),
  members: optional(
    list(
      shaped({
        name: text,
        address: text,
        status: oneOf('alive', 'suspect', 'leaving', 'left', 'failed'),
        incarnation: nullable(number),
        rttMs: nullable(number),
        tags: map(text),
      }),
    ),
  ),
  gossip: optional(
    shaped({
      health: number,
      incarnation: number,
      memberTime: text,
      eventTime: text,
      queryTime: text,
      stalls: shaped({ count: number, totalMs: number }),
      suspicions: optional(map(count)),
      flaps: optional(count),
      queued: shaped({ nodes: number, intents: number, queries: number, events: number }),
      problems: map(number),
    }),
  ),
  logs: optional(
    shaped({
      whole: yes,
      omitted: count,
      entries: list(
        shaped({
          topic: text,
          origin: text,
          epoch: text,
          own: yes,
          start: count,
          end: count,
          bytes: count,
          peers: map(count),
        }),
      ),
    }),
  ),
  links: optional(
    list(
      shaped({
        ...{ peer: text, address: text, state: text, lagRecords: count, lagLogs: count },
        clock: optional(shaped({ skewMs: number, withinMs: number })),
      }),
    ),
  ),
  server: optional(
    shaped({
      ...{ calls: count, watchers: count },
      long: optional(list(shaped({ method: text, from: text, calls: count, sinceMs: number }))),
    }),
  ),
  load: optional(
    shaped({
      ...{ periodMs: number, loopDelayMs: number, written: count, copied: count },
      syncs: optional(shaped({ count, medianMs: number, p99Ms: optional(number), maxMs: number })),
    }),
  ),
  disk: optional(shaped({ totalBytes: number, freeBytes: number })),
  alarms: optional(list(shaped({ what: text, severity: oneOf('warning', 'error'), text, sinceMs: number }))),
})

const actor = { actor: text, parent: nullable(text), id: text, chart: nullable(text), logic: text, context: object }

const shapes: { readonly [kind in TraceRecord['kind']]: Shape } = {
  started: { ...stamp, ...actor, after: texts, sent },
  transition: {
    ...stamp,
    actor: text,
    event: shaped({ type: text, fields: optional(map(scalar)), rest: optional(elided) }),
    from: nullable(text),
    before: texts,
    after: texts,
    taken: texts,
    sent,
    context: optional(object),
  },
  stopped: { ...stamp, actor: text, status: oneOf('done', 'stopped', 'error'), reason: optional(reason) },
  heard: {
    ...stamp,
    what: oneOf('event', 'query'),
    name: text,
    from: optional(text),
    lTime: text,
    payload: elided,
  },
  facts: { ...stamp, facts },
  note: { ...stamp, text, about: optional(oneOf('fault', 'broken', 'run', 'verdict')) },
  snapshot: {
    ...stamp,
    actors: list(shaped({ ...actor, states: texts, startedAt: count, startedMs: number, handled: count })),
    facts,
  },
  gap: { node: text, epoch: text, first: count, last: count, why: oneOf('slow', 'forgotten', 'away') },
  relay: {
    by: text,
    node: text,
    atMs: number,
    state: oneOf('asking', 'open', 'refused', 'unsupported', 'away', 'gone'),
    reason: optional(reason),
  },
}

/** Reads one record's JSON text. */
export function parseRecord(line: string): Decoded<TraceRecord> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { ok: false, problem: 'not JSON' }
  }
  if (!isObject(value)) return { ok: false, problem: 'no record' }
  const kind = value.kind
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) {
    return { ok: false, problem: `unknown kind of record ${JSON.stringify(kind)?.slice(0, 40)}` }
  }
  const wrong = wrongIn(value, shapes[kind as TraceRecord['kind']])
  if (wrong !== undefined) return { ok: false, problem: `a "${kind}" record whose "${wrong}" is missing or wrong` }
  return { ok: true, value: value as unknown as TraceRecord }
}

function wrongIn(value: unknown, shape: Shape): string | undefined {
  if (!isObject(value)) return ''
  for (const key in shape) {
    if (!shape[key]!(Object.hasOwn(value, key) ? value[key] : undefined)) return key
  }
  return undefined
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
