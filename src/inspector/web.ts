/** The inspector's paths on the HTTP port: the page, its records as they come, where everything stands, all of it as a file. */

import type { Clock, WebAnswer, WebHandler, WebOutput, WebRequest } from '../env/env.ts'
import type { Door } from './door.ts'
import { parseEventId } from './hub.ts'
import type { PageFiles } from './page-files.ts'
import type { ClusterSnapshot, TraceRecord } from './record.ts'
import { traceHeaderLine, traceLine } from './trace-file.ts'
import type { Viewing } from './viewing.ts'

export interface WebOptions {
  readonly node: string
  readonly clock: Pick<Clock, 'now'>
  readonly door: Door
  readonly viewing: Viewing
  /** Asked when somebody first comes; undefined: this build has no page, only what it would show. */
  readonly files: () => PageFiles | undefined
}

const prefix = '/inspector'

const headersOfAll = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Nothing from elsewhere, nothing inline, in nobody's frame.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
const notStored = { ...headersOfAll, 'cache-control': 'no-store' }

export function inspectorWeb(options: WebOptions): WebHandler {
  const { door, viewing } = options
  let files: PageFiles | undefined
  return (request) => {
    const { path, method } = request
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined
    const name = path.slice(prefix.length + 1)
    const landing = name === ''
    const refusal = door.refuses(request, landing)
    if (refusal === 'host') return plain(421, 'This address is not one of this node: use the link that it printed.')
    if (refusal === 'origin') return plain(403, 'Requests from other pages are refused.')
    if (method !== 'GET' && method !== 'HEAD') return { ...plain(405, 'This page only shows.'), headers: allowed }
    if (path === prefix) return { status: 308, headers: { ...notStored, location: `${prefix}/` } }
    if (landing && request.query.has('token')) return enter(door, request)
    if (landing || apis.has(name)) {
      if (!door.hasSession(request)) return landing ? closedDoor() : plain(401, 'no session')
    }
    switch (name) {
      case 'events':
        return events(viewing, request)
      case 'snapshot':
        return json(viewing.snapshot())
      case 'trace':
        return trace(options)
      default:
        files ??= options.files()
        return (
          files?.answer(landing ? 'index.html' : name, request, headersOfAll) ?? (landing ? noPage() : plain(404, ''))
        )
    }
  }
}

const apis = new Set(['events', 'snapshot', 'trace'])
const allowed = { ...notStored, allow: 'GET, HEAD' }

/** The token is gone from the address before anything else happens. */
function enter(door: Door, request: WebRequest): WebAnswer {
  const session = door.enter(request.query.get('token') ?? '')
  if (session === undefined && !door.hasSession(request)) return closedDoor()
  const cookie = session !== undefined && { 'set-cookie': door.cookie(request, session) }
  return { status: 303, headers: { ...notStored, location: `${prefix}/`, ...cookie } }
}

function events(viewing: Viewing, request: WebRequest): WebAnswer {
  const text = request.headers.get('last-event-id') ?? request.query.get('lastEventId')
  const last = text === undefined ? undefined : parseEventId(text)
  if (last && !last.ok) return plain(400, last.problem)
  if (request.method === 'HEAD') return { status: 200, headers: { ...notStored, 'content-type': eventStream } }
  const watch = viewing.watch(last?.value)
  if (!watch)
    return { ...plain(503, 'Too many pages watch this node.'), headers: { ...notStored, 'retry-after': '10' } }
  return { status: 200, headers: { ...notStored, 'content-type': eventStream, 'x-accel-buffering': 'no' }, body: watch }
}

const eventStream = 'text/event-stream; charset=utf-8'

function trace({ node, clock, viewing }: WebOptions): WebAnswer {
  const atMs = clock.now()
  const headers = {
    ...notStored,
    'content-type': 'application/x-ndjson; charset=utf-8',
    'content-disposition': `attachment; filename="reeve-${node}-${atMs}.trace.jsonl"`,
  }
  return { status: 200, headers, body: (output) => writeTrace(output, traceHeaderLine(`node ${node}`, atMs), viewing) }
}

/** Piece by piece, as fast as it is taken. */
function writeTrace(output: WebOutput, header: string, viewing: Viewing) {
  const lines = viewing.trace()
  let closed = false
  const go = () => {
    while (!closed) {
      const { value, done } = lines.next()
      if (done) return output.end()
      if (!output.write(traceLine(value as TraceRecord))) return
    }
  }
  output.write(header)
  go()
  return {
    drained: go,
    closed: () => {
      closed = true
    },
  }
}

function json(value: ClusterSnapshot): WebAnswer {
  const headers = { ...notStored, 'content-type': 'application/json; charset=utf-8' }
  return { status: 200, headers, body: JSON.stringify(value) }
}

function plain(status: number, text: string): WebAnswer {
  return { status, headers: { ...notStored, 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` }
}

function closedDoor(): WebAnswer {
  return plain(
    401,
    'This page opens with a link that works once: the node prints one when it starts, and "reeve inspect" asks it for ' +
      'another. If you came by such a link just now, load this page again.',
  )
}

function noPage(): WebAnswer {
  return plain(
    404,
    'This build has no page; its records are at /inspector/events, /inspector/snapshot, /inspector/trace.',
  )
}
