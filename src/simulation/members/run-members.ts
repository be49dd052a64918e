/** Runs a plan of members in a world of their own, and judges what they tell and say. */

import type { MemberFact, SerfMember } from '../../serf.ts'
import { describeStep } from '../describe-fault.ts'
import { applyFault, endFaults, type FaultTargets } from '../fault-application.ts'
import type { FaultStep } from '../faults.ts'
import type { Host } from '../host.ts'
import { describeViolation } from '../invariants.ts'
import { NodeSlot } from '../node-slot.ts'
import { createWorld, type World } from '../world.ts'
import { Attendance, type Presence, type Sight } from './attendance.ts'
import { type Breach, lookMs, MemberJudge, type Said } from './member-judge.ts'
import { memberNode, settingsOf } from './member-node.ts'
import type { MemberPlan } from './member-plan.ts'

export interface MemberRunOptions {
  /** Told each broken rule in the event in which it broke. */
  readonly found?: (breach: Breach) => void
  /** Told every step, and whatever a member tells, as a line of text. */
  readonly watch?: (line: string) => void
}

export interface MemberRun {
  readonly seed: number
  readonly traceHash: string
  readonly breaches: readonly Breach[]
  /** What a process did that none may do: it did not start or stop, threw, or left something open. */
  readonly failures: readonly string[]
  readonly simulatedMs: number
}

const stopMs = 30_000
/** More than that gets lost: whoever depends on it does not hear. */
const deafLoss = 0.5

export async function runMembers(plan: MemberPlan, options: MemberRunOptions = {}): Promise<MemberRun> {
  const run = new Run(plan, options)
  await run.pass()
  return run.result()
}

class Run {
  readonly #plan: MemberPlan
  readonly #options: MemberRunOptions
  readonly #world: World
  readonly #slots: ReadonlyMap<string, NodeSlot>
  /** The last run of each. */
  readonly #members = new Map<string, SerfMember>()
  readonly #attendance: Attendance
  readonly #judge: MemberJudge
  readonly #breaches: Breach[] = []
  readonly #failures: string[] = []
  /** Whose last run ended with a goodbye. */
  readonly #left = new Set<string>()

  constructor(plan: MemberPlan, options: MemberRunOptions) {
    this.#plan = plan
    this.#options = options
    const world = createWorld({
      seed: plan.seed,
      processFailed: (host, error) => this.#slot(host.name).processFailed(error),
    })
    this.#world = world
    const hosts = plan.members.map((name) => world.addHost(name))
    const startNode = memberNode({
      seeds: plan.seeds,
      started: (host, member) => this.#started(host, member),
      told: (host, fact) => this.#told(host, fact),
    })
    const report = (violation: Parameters<typeof describeViolation>[0]) =>
      this.#failures.push(describeViolation(violation))
    this.#slots = new Map(
      hosts.map((host) => [host.name, new NodeSlot({ context: { host, hosts, world }, startNode, stopMs, report })]),
    )
    this.#attendance = new Attendance(plan.members)
    this.#judge = new MemberJudge(
      this.#attendance,
      (name) => this.#placeOf(world.host(name)),
      (breach) => this.#found(breach),
    )
  }

  async pass(): Promise<void> {
    const { steps, durationMs } = this.#plan
    this.#watch()
    for (const step of steps) {
      if (step.atMs > durationMs) break
      await this.#world.run({ untilMs: step.atMs })
      this.#take(step)
    }
    endFaults(this.#targets)
    await this.#world.run({ untilMs: durationMs })
    this.#look()
    this.#judge.rests(new Map(this.#awake().map(([name, member]) => [name, this.#saidBy(member)])))
    for (const member of this.#members.values()) member.close()
  }

  result(): MemberRun {
    const { traceHash, now } = this.#world
    const failures = this.#failures
    return { seed: this.#plan.seed, traceHash, breaches: this.#breaches, failures, simulatedMs: now }
  }

  #take(step: FaultStep): void {
    const text = describeStep(step)
    this.#world.note(text)
    this.#say(text)
    applyFault(step, this.#targets)
    if (step.kind === 'start') this.#left.delete(step.host)
    this.#look()
  }

  get #targets(): FaultTargets {
    return { world: this.#world, slot: (name) => this.#slot(name) }
  }

  #watch(): void {
    this.#world.after(lookMs, () => {
      this.#look()
      this.#watch()
    })
  }

  #look(): void {
    const { now, network, hosts } = this.#world
    const isOpen = (from: string, to: string): boolean => {
      const [one, other] = [hosts.get(from) as Host, hosts.get(to) as Host]
      return network.isOpen(one, other) && network.lossOf(one, other) < deafLoss
    }
    this.#attendance.look(now, this.#sights(), isOpen)
    for (const [name, member] of this.#awake()) this.#judge.asked(name, this.#saidBy(member), now)
  }

  #sights(): Sight[] {
    return Array.from(this.#slots.values(), ({ name, state, host }) => {
      return { name, presence: this.#presenceOf(name, state), still: host.paused }
    })
  }

  #presenceOf(name: string, state: NodeSlot['state']): Presence {
    if (state === 'up') return 'present'
    if (state === 'stopping') {
      this.#left.add(name)
      return 'leaving'
    }
    // Who is coming may have been heard of, or not.
    if (state === 'starting' || !this.#members.has(name)) return 'absent'
    return this.#left.has(name) ? 'left' : 'gone'
  }

  #awake(): [string, SerfMember][] {
    return [...this.#members].filter(([name]) => this.#slot(name).state === 'up' && !this.#world.host(name).paused)
  }

  #saidBy(member: SerfMember): Said[] {
    const { detected } = member.stats()
    return member.members().flatMap(({ name, host, port, status, tags }) => {
      if (name === member.name) return []
      const { incarnation, suspect = false } = detected.get(name) ?? {}
      return [{ name, status, at: `${host}:${port}`, tags: JSON.stringify([...tags].sort()), incarnation, suspect }]
    })
  }

  #placeOf(host: Host) {
    const { port, tags } = settingsOf(host)
    return { at: `${host.ip}:${port}`, tags: JSON.stringify(Object.entries(tags).sort()) }
  }

  #started(host: Host, member: SerfMember): void {
    this.#members.set(host.name, member)
    this.#judge.started(host.name)
  }

  #told({ name, paused }: Host, fact: MemberFact): void {
    if (fact.kind !== 'joined' && fact.kind !== 'failed' && fact.kind !== 'left') return
    const other = fact.member.name
    this.#world.note(`${name}: ${other} ${fact.kind}`)
    this.#say(`${name}: ${other} ${fact.kind}${paused ? ' (paused)' : ''}`)
    // What one says that is about to end is no news to anybody.
    if (this.#slot(name).state !== 'stopping') this.#judge.told(name, other, fact.kind, this.#world.now)
  }

  #found(breach: Breach): void {
    const { rule, member, reason } = breach
    // Each pair once: what is wrong is seen with every look.
    const about = reason.split(' ').slice(0, 3).join(' ')
    if (
      this.#breaches.some((known) => known.rule === rule && known.member === member && known.reason.startsWith(about))
    )
      return
    this.#say(`BREACH ${rule}: ${member} ${reason}`)
    this.#breaches.push(breach)
    this.#options.found?.(breach)
  }

  #say(line: string): void {
    this.#options.watch?.(`${(this.#world.now / 1000).toFixed(2).padStart(7)} ${line}`)
  }

  #slot(name: string): NodeSlot {
    const slot = this.#slots.get(name)
    if (!slot) throw new Error(`nobody is called ${name}`)
    return slot
  }
}
