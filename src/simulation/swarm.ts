/**
 * Draws what goes wrong in a run: of all classes of faults some, at rates of its own, and of these a plan of steps. Runs
 * that have few classes at high rates find what runs with a little of everything hide from each other (after Groce and
 * others, "Swarm testing", 2012). Everything heals after a drawn time, so that the cluster lives most of the time.
 */

import { blackout } from './blackout.ts'
import type { Draw, DrawContext, Drawn } from './fault-draw.ts'
import type { Fault, FaultStep } from './faults.ts'
import { keyringPath } from './key-keeper.ts'
import { machineClasses } from './machine-classes.ts'
import { mixedSettings } from './mixed-settings.ts'
import { networkClasses } from './network-classes.ts'
import { SeededRandom } from './random.ts'
import { registrarSettings } from './registrar.ts'

const drawnClasses = { ...networkClasses, ...machineClasses }

const sharingClasses: readonly string[] = [...Object.keys(drawnClasses), 'join', 'mixed']

/**
 * Names for `only` and `without`. `join`: some hosts start late; `mixed`: hosts are set differently; `blackout`: drawn apart
 * from all others, so that a seed draws the same of these with it and without it.
 */
export const faultClasses: readonly string[] = [...sharingClasses, 'blackout']

export interface SwarmOptions {
  readonly seed: number
  readonly hosts: readonly string[]
  /** Steps lie within; what lasts may do so to the end. */
  readonly durationMs: number
  /** All of these and no others. Default: some of all, by the seed. */
  readonly only?: readonly string[]
  readonly without?: readonly string[]
  /** Mean pause between two faults. Default: 2 to 8 s, by the seed. */
  readonly gapMs?: number
  /** So many hosts are always left running, and there is no blackout. Default: 1, and none in a blackout. */
  readonly minRunning?: number
}

export interface Swarm {
  /** Share of each class among the faults; of `join` and `mixed`: whether; of `blackout`: how many for each other fault. */
  readonly rates: Readonly<Record<string, number>>
  readonly gapMs: number
  readonly steps: FaultStep[]
}

/** How many classes a run has on average. */
const meanClasses = 9

/** Throws `RangeError` for a class that does not exist. */
export function drawSwarm(options: SwarmOptions): Swarm {
  const { seed, hosts, durationMs, only, without = [], minRunning } = options
  for (const name of [...(only ?? []), ...without]) {
    if (!faultClasses.includes(name)) throw new RangeError(`no class of faults is called ${name}`)
  }
  const random = new SeededRandom(seed, 'swarm')
  const pool = (only ?? faultClasses).filter((name) => !without.includes(name))
  const chance = only ? 1 : meanClasses / sharingClasses.length
  const rates: Record<string, number> = {}
  for (const name of pool) if (name !== 'blackout' && random.chance(chance)) rates[name] = random.between(0.1, 1)
  const gapMs = options.gapMs ?? random.between(2_000, 8_000)
  const sum = Object.entries(rates).reduce((total, [name, rate]) => total + (isDrawn(name) ? rate : 0), 0)
  for (const name of Object.keys(rates)) rates[name] = isDrawn(name) ? rates[name]! / sum : 1
  const dark = new SeededRandom(seed, 'blackouts')
  const mayBeDark = pool.includes('blackout') && minRunning === undefined
  if (mayBeDark && dark.chance(chance)) rates.blackout = dark.between(0.1, 0.4)
  const plan = new Plan(new SeededRandom(seed, 'faults'), hosts, minRunning ?? 1)
  if ('mixed' in rates)
    for (const host of hosts) plan.add(0, { kind: 'settings', host, settings: mixedSettings(random) })
  if ('keys' in rates) plan.add(0, { kind: 'settings', settings: { gossipKeyringFile: keyringPath } })
  if ('certificates' in rates || 'access' in rates) plan.add(0, { kind: 'settings', settings: registrarSettings })
  const joinMs = 'join' in rates ? durationMs / 2 : durationMs / 10
  for (const [index, host] of random.shuffle(hosts).entries()) {
    plan.due(index === 0 ? 0 : random.between(0, joinMs), { kind: 'start', host })
  }
  const strikes: { atMs: number; draw: Draw }[] = []
  for (const atMs of moments(random, gapMs, durationMs)) {
    const name = weighted(rates, random)
    if (name === undefined) break
    strikes.push({ atMs, draw: drawnClasses[name]! })
  }
  if (rates.blackout !== undefined) {
    for (const atMs of moments(dark, gapMs / rates.blackout, durationMs)) strikes.push({ atMs, draw: blackout })
  }
  strikes.sort((one, other) => one.atMs - other.atMs)
  for (const { atMs, draw } of strikes) plan.draw(atMs, draw)
  return { rates, gapMs, steps: plan.end(durationMs) }
}

/** So far apart on average, each drawn when the one before it was taken. */
function* moments(random: SeededRandom, gapMs: number, durationMs: number): Generator<number> {
  for (let atMs = 0; ; ) {
    atMs += random.between(0.2, 1.8) * gapMs
    if (atMs >= durationMs) return
    yield atMs
  }
}

/** `every 4.1 s one of partition 31 %, kill 20 %, …, every 20.5 s a blackout; join, mixed` */
export function describeSwarm({ rates, gapMs }: Pick<Swarm, 'rates' | 'gapMs'>): string {
  const { blackout, ...others } = rates
  const every = (ms: number): string => `every ${(ms / 1000).toFixed(1)} s`
  const names = Object.keys(others)
  const drawn = names.filter(isDrawn).map((name) => `${name} ${Math.round(rates[name]! * 100)} %`)
  const once = names.filter((name) => !isDrawn(name))
  const what = [
    ...(drawn.length > 0 ? [`${every(gapMs)} one of ${drawn.join(', ')}`] : []),
    ...(blackout === undefined ? [] : [`${every(gapMs / blackout)} a blackout`]),
  ]
  return [what.join(', ') || 'nothing', ...(once.length > 0 ? [once.join(', ')] : [])].join('; ')
}

class Plan {
  readonly #random: SeededRandom
  readonly #hosts: readonly string[]
  readonly #minRunning: number
  readonly #steps: FaultStep[] = []
  readonly #up = new Set<string>()
  /** What is to come: a fault plans its own end. */
  #due: FaultStep[] = []
  #ids = 0

  constructor(random: SeededRandom, hosts: readonly string[], minRunning: number) {
    this.#random = random
    this.#hosts = hosts
    this.#minRunning = minRunning
  }

  add(atMs: number, fault: Fault): void {
    if (fault.kind === 'start') this.#up.add(fault.host)
    for (const host of endsRuns(fault)) this.#up.delete(host)
    this.#steps.push({ atMs: Math.round(atMs), ...fault })
  }

  due(atMs: number, fault: Fault): void {
    this.#due.push({ atMs: Math.round(atMs), ...fault })
  }

  draw(atMs: number, draw: Draw): void {
    this.#passTo(atMs)
    const drawn: Drawn | undefined = draw(this.#context())
    if (drawn === undefined) return
    const { faults, ends = [], afterMs = 0, apartMs = 0, startsWait = false } = drawn
    for (const fault of faults) this.add(atMs, fault)
    if (startsWait) this.#holdStarts(Math.round(atMs + afterMs))
    for (const [index, fault] of ends.entries()) this.due(atMs + afterMs + index * apartMs, fault)
  }

  end(durationMs: number): FaultStep[] {
    this.#passTo(durationMs)
    return this.#steps
  }

  #context(): DrawContext {
    const random = this.#random
    const running = this.#hosts.filter((host) => this.#up.has(host))
    const some = (): string | undefined => (running.length > 0 ? random.pick(running) : undefined)
    return {
      random,
      hosts: this.#hosts,
      running: some,
      allRunning: () => running,
      victim: () => (running.length > this.#minRunning ? some() : undefined),
      victims: (count) =>
        running.length >= this.#minRunning + count ? random.shuffle(running).slice(0, count) : undefined,
      id: () => `${++this.#ids}`,
    }
  }

  #holdStarts(untilMs: number): void {
    this.#due = this.#due.map((step) =>
      step.kind === 'start' && step.atMs < untilMs ? { ...step, atMs: untilMs } : step,
    )
  }

  #passTo(atMs: number): void {
    this.#due.sort((one, other) => one.atMs - other.atMs)
    while (this.#due[0] !== undefined && this.#due[0].atMs <= atMs) {
      const { atMs: dueMs, ...fault } = this.#due.shift()!
      const downs = endsRuns(fault as Fault).filter((host) => this.#up.has(host)).length
      if (downs === 0 || this.#up.size - downs >= this.#minRunning) this.add(dueMs, fault as Fault)
    }
  }
}

function endsRuns(fault: Fault): string[] {
  switch (fault.kind) {
    case 'swapAddresses':
      return [fault.host, fault.other]
    case 'stop':
    case 'kill':
    case 'crash':
    case 'powerOff':
    case 'wipe':
    case 'restore':
    case 'clone':
    case 'rename':
      return [fault.host]
    default:
      return []
  }
}

function isDrawn(name: string): boolean {
  return name in drawnClasses
}

function weighted(rates: Readonly<Record<string, number>>, random: SeededRandom): string | undefined {
  let share = random.fraction()
  const names = Object.keys(rates).filter(isDrawn)
  for (const name of names) {
    share -= rates[name]!
    if (share < 0) return name
  }
  return names.at(-1)
}
