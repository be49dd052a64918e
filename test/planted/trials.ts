/**
 * Simulates a cluster by one seed after the other, and ends with the first promise that is broken: the program that a bug
 * is planted into. Takes a `TrialOrder` as JSON, and writes a `Trial` as JSON in a line for each seed.
 */

import { writeSync } from 'node:fs'
import { describeViolation } from '../../src/simulation/invariants.ts'
import { drawMembers } from '../../src/simulation/members/member-plan.ts'
import { runMembers } from '../../src/simulation/members/run-members.ts'
import type { Plan } from '../../src/simulation/plan.ts'
import { runPlan } from '../../src/simulation/run-plan.ts'
import { drawSwarm } from '../../src/simulation/swarm.ts'
import type { BugWorld } from './planted-bug.ts'

export interface TrialOrder {
  readonly firstSeed: number
  readonly seeds: number
  readonly world: BugWorld
}

export interface Trial {
  readonly seed: number
  /** The judge who saw it, or what else became of the run; absent: every promise was kept. */
  readonly judge?: string
  readonly found?: string
}

/** A run has some ten thousand events; one with so many does not come to rest. */
const eventsMax = 500_000

const { firstSeed, seeds, world } = JSON.parse(process.argv[2] as string) as TrialOrder
for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  try {
    await (world.members === undefined ? runNodes(seed) : runMembersOnly(seed, world.members.split(',')))
  } catch (error) {
    end({ seed, judge: 'the run itself', found: error instanceof Error ? error.message : String(error) })
  }
  tell({ seed })
}
process.exit(0)

/** What comes of a run after its first broken promise is of no interest. */
async function runNodes(seed: number): Promise<void> {
  let events = 0
  await runPlan(planOf(seed), {
    observer: {
      violation: (violation) => end({ seed, judge: violation.kind, found: describeViolation(violation) }),
      rested: () => {
        if (++events > eventsMax)
          end({ seed, judge: 'the count of events', found: `no rest after ${eventsMax} events` })
      },
    },
  })
}

async function runMembersOnly(seed: number, only: string[]): Promise<void> {
  const { failures } = await runMembers(drawMembers({ seed, only }), {
    found: ({ rule, member, reason }) => end({ seed, judge: `members: ${rule}`, found: `${member}: ${reason}` }),
  })
  const [failure] = failures
  if (failure !== undefined) end({ seed, judge: 'the run itself', found: failure })
}

/** Short, as most bugs show soon or never. */
function planOf(seed: number): Plan {
  const { nodes = 4, minutes = 0.5, faults, without = 'lying-disk', gapMs, topicKeepers, steps, ...others } = world
  const hosts = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
  const durationMs = minutes * 60_000
  const drawn = () =>
    drawSwarm({
      seed,
      hosts,
      durationMs,
      ...(faults === undefined ? { without: without.split(',') } : { only: faults.split(',') }),
      ...(gapMs !== undefined && { gapMs }),
    }).steps
  const clients = { topicKeepers: topicKeepers ?? (seed % 4 === 0 ? 1 : 0) }
  return { version: 1, seed, hosts, durationMs, clients, steps: steps ?? drawn(), ...others }
}

function end(trial: Trial): never {
  tell(trial)
  process.exit(0)
}

/** Whole before the process ends. */
function tell(trial: Trial): void {
  writeSync(1, `${JSON.stringify(trial)}\n`)
}
