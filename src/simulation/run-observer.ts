/** Somebody who looks on at a run and changes nothing in it: the trace is the same with and without. */

import type { FaultStep } from './faults.ts'
import type { Violation } from './invariants.ts'
import type { NodeSlot } from './node-slot.ts'
import type { World } from './world.ts'

export interface RunObserver {
  /** Before anything happens. */
  began?(world: World, slots: readonly NodeSlot[]): void
  /** Before each event, when all promises rest. */
  rested?(): void
  /** A step of the plan is about to be taken. */
  step?(step: FaultStep): void
  /** So many records were just acknowledged. */
  acknowledged?(records: number): void
  violation?(violation: Violation): void
  /** Everything is healed; `settled`: and has come to rest, or not in time. */
  healed?(): void
  settled?(isAtRest: boolean): void
}

/** All of them as one. */
export function observers(all: readonly RunObserver[]): RunObserver {
  const each = (tell: (one: RunObserver) => void): void => {
    for (const one of all) tell(one)
  }
  return {
    began: (world, slots) => each((one) => one.began?.(world, slots)),
    rested: () => each((one) => one.rested?.()),
    step: (step) => each((one) => one.step?.(step)),
    acknowledged: (records) => each((one) => one.acknowledged?.(records)),
    violation: (violation) => each((one) => one.violation?.(violation)),
    healed: () => each((one) => one.healed?.()),
    settled: (isAtRest) => each((one) => one.settled?.(isAtRest)),
  }
}
