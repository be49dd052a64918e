/**
 * The records of Serf's snapshot file, one a line of text. Serf takes a line that begins with # for a comment: what it
 * has no record for is said in one, so that either side can go on with the other's file.
 */

import { canonicalHost, type Endpoint, parseIp } from './ip.ts'

/** Serf's three clocks: the newest time seen on each; 0n: none. */
export interface Times {
  readonly member: bigint
  readonly event: bigint
  readonly query: bigint
}

export type SnapshotRecord =
  /** `failed` is ours: Serf forgets such a member, and with it the way back to its cluster. */
  | { readonly kind: 'alive' | 'failed'; readonly name: string; readonly at: Endpoint }
  | { readonly kind: 'notAlive'; readonly name: string }
  | { readonly kind: 'time'; readonly clock: keyof Times; readonly time: bigint }
  | { readonly kind: 'leave' }
  | { readonly kind: 'comment' }

const clocks = new Map<string, keyof Times>([
  ['clock: ', 'member'],
  ['event-clock: ', 'event'],
  ['query-clock: ', 'query'],
])
const prefixes = new Map([...clocks].map(([prefix, clock]) => [clock, prefix]))

/** Undefined: none of these. `line`: without its end. */
export function parseSnapshotLine(line: string): SnapshotRecord | undefined {
  if (line === 'leave') return { kind: 'leave' }
  const [, prefix = '', rest = ''] = /^(# failed: |#|[a-z-]+: )(.*)$/s.exec(line) ?? []
  switch (prefix) {
    case 'alive: ':
      return placed('alive', rest)
    case '# failed: ':
      return placed('failed', rest) ?? { kind: 'comment' }
    case 'not-alive: ':
      return rest === '' ? undefined : { kind: 'notAlive', name: rest }
    case '#':
    case 'coordinate: ':
      return { kind: 'comment' }
    default: {
      const clock = clocks.get(prefix)
      return clock && /^\d{1,20}$/.test(rest) ? { kind: 'time', clock, time: BigInt(rest) } : undefined
    }
  }
}

/** With its end; empty for a name that would not be the same when read again. */
export function formatSnapshotRecord(record: Exclude<SnapshotRecord, { kind: 'comment' }>): string {
  switch (record.kind) {
    case 'leave':
      return 'leave\n'
    case 'time':
      return `${prefixes.get(record.clock)}${record.time}\n`
    default: {
      const { kind, name } = record
      if (name === '' || name.includes('\n')) return ''
      if (kind === 'notAlive') return `not-alive: ${name}\n`
      const { host, port } = record.at
      const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      return `${kind === 'failed' ? '# failed' : 'alive'}: ${name} ${place}\n`
    }
  }
}

/** `NAME IP:PORT`; a name may contain spaces, an address none. */
function placed(kind: 'alive' | 'failed', text: string): SnapshotRecord | undefined {
  const space = text.lastIndexOf(' ')
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text.slice(space + 1))
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3])
  if (space < 1 || !parseIp(host) || !(port > 0 && port <= 65_535)) return undefined
  return { kind, name: text.slice(0, space), at: { host: canonicalHost(host), port } }
}
