/** The steps of a run as what lasts and what strikes at a moment, each at a host or in the network between some. */

import { describeFault } from './describe-fault.ts'
import { hostsOf } from './fault-shape.ts'
import type { FaultStep } from './faults.ts'

export interface Bar {
  readonly fromMs: number
  toMs: number
  /** Undefined: of the network. */
  readonly host: string | undefined
  /** Hosts that it cuts apart; empty: it cuts nothing. */
  readonly cuts: readonly string[]
  readonly label: string
  /** All of it, for a tip. */
  readonly text: string
}

export interface Mark {
  readonly atMs: number
  readonly host: string
  readonly label: string
  readonly text: string
}

const cutting = new Set(['partition', 'bridge', 'block', 'flap'])
const ends: Readonly<Record<string, readonly string[]>> = {
  heal: ['partition', 'bridge', 'block', 'flap'],
  calm: ['weather'],
  diskHeals: ['disk'],
  accept: ['refuse'],
}
/** Seen in how the nodes live. */
const lived = new Set(['start', 'stop', 'pause', 'resume', 'settings'])
const labels: Readonly<Record<string, string>> = {
  powerOff: 'power off',
  halfOpen: 'half-open',
  rot: 'bit rot',
  backUp: 'backup',
  swapAddresses: 'address',
  forceLeave: 'force-leave',
  changeKey: 'key',
  forbid: 'access',
}

/** `healedMs`: when all that lasts ended at the latest. */
export function barsAndMarks(steps: readonly FaultStep[], healedMs: number): { bars: Bar[]; marks: Mark[] } {
  const bars: Bar[] = []
  const marks: Mark[] = []
  const open: {
    readonly bar: Bar
    readonly kind: string
    readonly id?: string | undefined
    readonly of?: string | undefined
  }[] = []
  for (const step of steps) {
    const { kind, atMs } = step
    const id = 'id' in step ? step.id : undefined
    const host = 'host' in step ? step.host : undefined
    const ended = ends[kind]
    if (ended) {
      for (const [index, one] of [...open.entries()].reverse()) {
        if (!ended.includes(one.kind) || (id !== undefined && one.id !== id) || one.of !== host) continue
        one.bar.toMs = atMs
        open.splice(index, 1)
      }
      continue
    }
    if (lived.has(kind)) continue
    const text = describeFault(step).replace(/ \(\d+\)/, '')
    const lasting = 'forMs' in step && kind !== 'certificate' ? step.forMs : undefined
    if (lasting !== undefined || kind === 'disk' || kind === 'weather' || kind === 'refuse' || cutting.has(kind)) {
      const cuts = cutting.has(kind) ? hostsOf(step) : []
      const at = kind === 'weather' && step.hosts?.length === 1 ? step.hosts[0] : host
      const toMs = lasting === undefined ? healedMs : Math.min(healedMs, atMs + lasting)
      const bar: Bar = { fromMs: atMs, toMs, host: at, cuts, label: labelOf(step), text }
      bars.push(bar)
      if (lasting === undefined) open.push({ bar, kind, id, of: host })
      continue
    }
    const at = host ?? hostsOf(step)[0]
    if (at !== undefined) marks.push({ atMs, host: at, label: labels[kind] ?? kind, text })
  }
  return { bars, marks }
}

function labelOf(step: FaultStep): string {
  switch (step.kind) {
    case 'partition':
      return `partition  ${step.groups.map((group) => group.map(short).join(' ')).join(' | ')} | rest`
    case 'bridge':
    case 'flap':
      return `${step.kind}  ${step.sides.map((side) => side.map(short).join(' ')).join(' | ')}`
    case 'block':
      return `block  ${short(step.from)} → ${short(step.to)}`
    case 'disk':
      return { error: 'disk errors', readOnly: 'read-only', full: 'disk full', slow: 'slow disk', lying: 'lying disk' }[
        step.trouble.kind
      ]
    case 'hang':
      return 'disk hangs'
    case 'weather':
      return step.weather.bytesPerSecond === undefined ? 'weather' : 'narrow links'
    case 'refuse':
      return 'refuses'
    default:
      return labels[step.kind] ?? step.kind
  }
}

/** `node-3` → `3` */
function short(host: string): string {
  return host.replace(/^node-/, '')
}
