/** What a class of faults draws from: the hosts as the plan has them so far, and chance. */

import type { Fault } from './faults.ts'
import type { SeededRandom } from './random.ts'

/** What goes wrong at one moment, and what ends it `afterMs` later. */
export interface Drawn {
  readonly faults: readonly Fault[]
  readonly ends?: readonly Fault[]
  readonly afterMs?: number
  /** What ends it comes one after the other, so far apart. Default: 0. */
  readonly apartMs?: number
  /** What was to start sooner waits until then. */
  readonly startsWait?: boolean
}

export interface DrawContext {
  readonly random: SeededRandom
  readonly hosts: readonly string[]
  /** Of a host that may go down now, with enough others left running; undefined: none may. */
  readonly victim: () => string | undefined
  readonly victims: (count: number) => string[] | undefined
  /** A host that should be running. */
  readonly running: () => string | undefined
  /** For what leaves nobody running. */
  readonly allRunning: () => string[]
  /** A name for what lasts, unlike all others of the plan. */
  readonly id: () => string
}

export type Draw = (context: DrawContext) => Drawn | undefined

/** From a process manager's restart to a repair. */
export function outageMs(random: SeededRandom): number {
  return random.chance(0.4) ? random.between(50, 2_000) : random.between(2_000, 40_000)
}

/** A machine is down for this, and started after a while. */
export function outage(context: DrawContext, faultsOf: (host: string) => readonly Fault[]): Drawn | undefined {
  const host = context.victim()
  if (host === undefined) return undefined
  return { faults: faultsOf(host), ends: [{ kind: 'start', host }], afterMs: outageMs(context.random) }
}

/** Two groups that are not empty; with `apart` of three hosts or more, one host or more in neither. */
export function twoSides({ random, hosts }: DrawContext, apart = 0): string[][] | undefined {
  const mixed = random.shuffle(hosts)
  const count = hosts.length - apart
  if (count < 2) return undefined
  const size = random.integer(1, count - 1)
  return [mixed.slice(0, size), mixed.slice(size, count)]
}

export function twoHosts({ random, hosts }: DrawContext): [string, string] | undefined {
  const [one, other] = random.shuffle(hosts)
  return one === undefined || other === undefined ? undefined : [one, other]
}
