/**
 * What goes wrong, and when: a plan by seed, as plain data, so that it can be printed, shortened and replayed. Every
 * subset of a plan is a plan: a step that makes no sense (starting what runs) does nothing.
 */

import type { Weather } from './network.ts'
import { SeededRandom } from './random.ts'

export type Fault =
  | { readonly kind: 'start'; readonly host: string }
  /** `stop`: gracefully. The others are the ways of `Host` to end a run without asking. */
  | { readonly kind: 'stop' | 'kill' | 'crash' | 'powerOff'; readonly host: string }
  | { readonly kind: 'partition'; readonly groups: readonly (readonly string[])[] }
  | { readonly kind: 'block'; readonly from: string; readonly to: string }
  | { readonly kind: 'heal' }
  | { readonly kind: 'weather'; readonly weather: Partial<Weather>; readonly hosts?: readonly string[] }
  | { readonly kind: 'calm' }
  /** The wall clock of a host jumps to this error. */
  | { readonly kind: 'clock'; readonly host: string; readonly offsetMs: number }

export type FaultStep = Fault & { readonly atMs: number }

export interface ChurnOptions {
  readonly seed: number
  readonly hosts: readonly string[]
  /** Steps lie within; partitions and outages may last to the end. */
  readonly durationMs: number
  /** Mean pause between two faults. Default: 4 s. */
  readonly gapMs?: number
  /** So many hosts are always left running. Default: 1. */
  readonly minRunning?: number
}

/** Hosts join within the first tenth; then they crash, come back, stop, are cut off and healed until the time is up. */
export function planChurn(options: ChurnOptions): FaultStep[] {
  const { seed, hosts, durationMs, gapMs = 4_000, minRunning = 1 } = options
  const random = new SeededRandom(seed, 'faults')
  const steps: FaultStep[] = []
  const up = new Set<string>()
  /** Recoveries that are due: a fault plans its own end. */
  const due: FaultStep[] = []
  const add = (atMs: number, fault: Fault): void => {
    if (fault.kind === 'start') up.add(fault.host)
    steps.push({ atMs: Math.round(atMs), ...fault })
  }
  const addDue = (untilMs: number): void => {
    due.sort((one, other) => one.atMs - other.atMs)
    while (due[0] !== undefined && due[0].atMs <= untilMs) add(due[0].atMs, due.shift()!)
  }
  for (const [index, host] of random.shuffle(hosts).entries()) {
    due.push({ atMs: index === 0 ? 0 : random.between(0, durationMs / 10), kind: 'start', host })
  }
  let atMs = 0
  for (;;) {
    atMs += random.between(0.2, 1.8) * gapMs
    if (atMs >= durationMs) break
    addDue(atMs)
    for (const [fault, recovery, afterMs] of draw(random, hosts, up, minRunning)) {
      if ('host' in fault && fault.kind !== 'clock') up.delete(fault.host)
      add(atMs, fault)
      if (recovery !== undefined) due.push({ atMs: Math.round(atMs + afterMs), ...recovery })
    }
  }
  addDue(durationMs)
  return steps
}

type Drawn = [fault: Fault, recovery: Fault | undefined, afterMs: number]

function draw(random: SeededRandom, hosts: readonly string[], up: ReadonlySet<string>, minRunning: number): Drawn[] {
  const choice = random.fraction()
  const running = hosts.filter((host) => up.has(host))
  const end = (kind: 'stop' | 'kill' | 'crash' | 'powerOff'): Drawn[] => {
    if (running.length <= minRunning) return []
    const host = random.pick(running)
    // From a process manager's restart to a repair.
    const afterMs = random.chance(0.4) ? random.between(50, 2_000) : random.between(2_000, 40_000)
    return [[{ kind, host }, { kind: 'start', host }, afterMs]]
  }
  if (choice < 0.12) return end('kill')
  if (choice < 0.32) return end('crash')
  if (choice < 0.42) return end('powerOff')
  if (choice < 0.52) return end('stop')
  if (choice < 0.72) {
    const mixed = random.shuffle(hosts)
    const size = random.integer(1, Math.max(1, hosts.length - 1))
    const rest = mixed.slice(size)
    const groups =
      rest.length > 2 && random.chance(0.25) ? [mixed.slice(0, size), rest.slice(0, 1)] : [mixed.slice(0, size)]
    return [[{ kind: 'partition', groups }, { kind: 'heal' }, random.between(500, 40_000)]]
  }
  if (choice < 0.8 && hosts.length > 1) {
    const [from, to] = random.shuffle(hosts) as [string, string]
    return [[{ kind: 'block', from, to }, { kind: 'heal' }, random.between(500, 20_000)]]
  }
  if (choice < 0.95) {
    const slow = random.between(5, 400)
    const delay = { minMs: slow / 4, maxMs: slow, tailChance: 0.05, tailMs: slow * 4 }
    const weather = { delay, loss: random.between(0, 0.4), duplicate: random.between(0, 0.05), reorder: 0.1 }
    const fault: Fault = random.chance(0.5)
      ? { kind: 'weather', weather }
      : { kind: 'weather', weather, hosts: [random.pick(hosts)] }
    return [[fault, { kind: 'calm' }, random.between(500, 20_000)]]
  }
  return [[{ kind: 'clock', host: random.pick(hosts), offsetMs: random.integer(-30_000, 30_000) }, undefined, 0]]
}

/** `12.345 s  partition [a b | rest]`, for people. */
export function describeStep(step: FaultStep): string {
  return `${(step.atMs / 1000).toFixed(3)} s  ${describeFault(step)}`
}

function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'partition':
      return `partition [${fault.groups.map((group) => group.join(' ')).join(' | ')} | rest]`
    case 'block':
      return `block ${fault.from} to ${fault.to}`
    case 'weather': {
      const { loss = 0, delay } = fault.weather
      const where = fault.hosts === undefined ? 'everywhere' : `at ${fault.hosts.join(' ')}`
      return `weather ${where}: loss ${(loss * 100).toFixed(0)} %, delay up to ${(delay?.maxMs ?? 0).toFixed(0)} ms`
    }
    case 'clock':
      return `clock of ${fault.host} off by ${fault.offsetMs} ms`
    case 'heal':
    case 'calm':
      return fault.kind
    default:
      return `${fault.kind} ${fault.host}`
  }
}

/**
 * The shortest plan it can find that still fails, by leaving out ever smaller runs of steps (after Zeller's delta
 * debugging). `stillFails` replays a plan; at most `maxTries` times.
 */
export async function shrinkSteps(
  steps: readonly FaultStep[],
  stillFails: (steps: readonly FaultStep[]) => Promise<boolean>,
  maxTries = 200,
): Promise<FaultStep[]> {
  let shortest = [...steps]
  let tries = 0
  for (let run = Math.ceil(shortest.length / 2); run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2)) {
    for (let from = 0; from < shortest.length && tries < maxTries; ) {
      const candidate = [...shortest.slice(0, from), ...shortest.slice(from + run)]
      tries++
      if (await stillFails(candidate)) shortest = candidate
      else from += run
    }
  }
  return shortest
}
