/**
 * The inspector's trace of a run: what the inspectors of all nodes record, in the order in which it happened, and what
 * went wrong as notes. Lives beside the world, by clocks of its own: nothing in the world sees it, and the run is the
 * same with and without. Keeps nothing but what is not written yet.
 */

import type { Clock, Timer } from '../env/env.ts'
import type { NoteRecord } from '../inspector/record.ts'
import type { Recorder } from '../inspector/recorder.ts'
import type { Onlooker } from '../inspector/sources.ts'
import { traceHeaderLine, traceLine } from '../inspector/trace-file.ts'
import { worldBeganMs } from './clock.ts'
import { describeFault } from './describe-fault.ts'
import type { FaultStep } from './faults.ts'
import type { Host } from './host.ts'
import { describeViolation, type Violation } from './invariants.ts'
import type { RunObserver } from './run-observer.ts'
import type { World } from './world.ts'

/** Waits shorter than this are there to gather records; here they end with the event, so that all nodes' are in order. */
const gatheringMs = 500

export class RunTrace implements RunObserver {
  readonly #write: (text: string) => void
  #world: World | undefined
  /** Of each host, those of its last run. */
  readonly #recorders = new Map<string, Recorder>()
  readonly #clocks = new Map<string, OnlookerClock>()

  /** `write` gets the text of the file, piece by piece. `by`: what wrote it, for people. */
  constructor(by: string, write: (text: string) => void) {
    this.#write = write
    write(traceHeaderLine(by, worldBeganMs))
  }

  began(world: World): void {
    this.#world = world
  }

  /** For a node that is about to start at this host. */
  onlooker(host: Host): Onlooker {
    const clock = new OnlookerClock(host, () => this.#world?.now ?? 0)
    this.#clocks.set(host.name, clock)
    return {
      clock,
      // All records are in the order in which they happened, whatever the clocks of the machines show.
      recordClock: clock.showing(() => this.#world?.wallMs ?? worldBeganMs),
      inspecting: ({ recorder }) => {
        this.#recorders.set(host.name, recorder)
        this.#write(traceLine(recorder.history(0).snapshot))
        recorder.onRecords((records) => {
          for (const record of records) this.#write(traceLine(record))
        })
      },
    }
  }

  rested(): void {
    for (const clock of this.#clocks.values()) clock.rested()
  }

  step(step: FaultStep): void {
    this.#note(hostOf(step), `fault: ${describeFault(step)}`, 'fault')
  }

  violation(violation: Violation): void {
    this.#note(
      'node' in violation ? violation.node : undefined,
      `promise broken: ${describeViolation(violation)}`,
      'broken',
    )
  }

  healed(): void {
    this.#note(undefined, 'the run: everything is healed and started', 'run')
  }

  settled(isAtRest: boolean): void {
    this.#note(undefined, `the run: the cluster ${isAtRest ? 'has come to rest' : 'did not come to rest'}`, 'run')
  }

  /** The last line. */
  end(verdict: string): void {
    this.rested()
    this.#note(undefined, `the run: ${verdict}`, 'verdict')
  }

  /** In the records of the node that it is about; of one of the nodes, when it is about all. */
  #note(host: string | undefined, text: string, about?: NoteRecord['about']): void {
    const [any] = this.#recorders.values()
    const recorder = (host === undefined ? undefined : this.#recorders.get(host)) ?? any
    recorder?.note(text, about)
    this.rested()
  }
}

/** Shows what the clock of the host shows; what waits for it is no event of the world. */
class OnlookerClock implements Clock {
  readonly #host: Host
  readonly #run: number
  readonly #nowMs: () => number
  #waiting: { readonly dueMs: number; readonly work: () => void }[] = []

  constructor(host: Host, nowMs: () => number) {
    this.#host = host
    this.#run = host.runs
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#host.wallMs
  }

  monotonicMs(): number {
    return this.#nowMs()
  }

  /** The same but for the time of day. */
  showing(now: () => number): Clock {
    return {
      now,
      monotonicMs: () => this.monotonicMs(),
      setTimeout: (work, delayMs) => this.setTimeout(work, delayMs),
      clearTimeout: (timer) => this.clearTimeout(timer),
    }
  }

  setTimeout(work: () => void, delayMs: number): Timer {
    const waiting = { dueMs: delayMs < gatheringMs ? Number.NEGATIVE_INFINITY : this.#nowMs() + delayMs, work }
    this.#waiting.push(waiting)
    return waiting
  }

  clearTimeout(timer: Timer | undefined): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((waiting) => waiting !== timer)
  }

  /** Runs what is due; of a process that is gone or stands still, only what hands on its records. */
  rested(): void {
    if (this.#waiting.length === 0) return
    const { alive, paused, runs } = this.#host
    const nowMs = alive && !paused && runs === this.#run ? this.#nowMs() : Number.NEGATIVE_INFINITY
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= nowMs)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter(({ dueMs }) => dueMs > nowMs)
    for (const { work } of due) work()
  }
}

function hostOf(step: FaultStep): string | undefined {
  if ('host' in step) return step.host
  if ('from' in step && typeof step.from === 'string') return step.from
  const sides = 'groups' in step ? step.groups : 'sides' in step ? step.sides : []
  return sides[0]?.[0]
}
