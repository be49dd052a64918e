/** One run of `reeve sim`: its plan drawn by the seed or out of a file, and what looks on at it. */

import type { Plan } from '../simulation/plan.ts'
import type { RunObserver } from '../simulation/run-observer.ts'
import { describeSwarm, drawSwarm } from '../simulation/swarm.ts'
import { compileSteady } from './compile-steady.ts'
import { saveText, TextFile } from './sim-files.ts'
import { type SimRun, verdictOf } from './sim-report.ts'

/** From run to run, by the seed. */
export interface NodeCounts {
  readonly least: number
  readonly most: number
}

export interface SwarmFlags {
  readonly nodes: NodeCounts
  readonly minutes: number
  readonly faults?: readonly string[]
  readonly without?: readonly string[]
}

export interface Planned {
  readonly plan: Plan
  /** What there is to go wrong, in a line. */
  readonly swarm: string
}

export function drawPlan(seed: number, { nodes, minutes, faults, without }: SwarmFlags): Planned {
  const count = nodes.least + (seed % (nodes.most - nodes.least + 1))
  const hosts = Array.from({ length: count }, (_, index) => `node-${index + 1}`)
  const durationMs = minutes * 60_000
  const swarm = drawSwarm({ seed, hosts, durationMs, ...(faults && { only: faults }), ...(without && { without }) })
  // In some runs a topic is set, changed and deleted while others write to it.
  const clients = { topicKeepers: seed % 4 === 0 ? 1 : 0 }
  return { plan: { version: 1, seed, hosts, durationMs, clients, steps: swarm.steps }, swarm: describeSwarm(swarm) }
}

/** Files to be made of a run. */
export interface RunFiles {
  readonly trace?: string
  readonly picture?: string
}

export async function simulate({ plan, swarm }: Planned, files: RunFiles = {}): Promise<SimRun> {
  compileSteady()
  // Loaded late: no other command needs a whole node and its world.
  const { runPlan } = await import('../simulation/run-plan.ts')
  if (files.trace === undefined && files.picture === undefined) return { swarm, result: await runPlan(plan) }
  const [{ RunTrace }, { Chronicle }, { drawRun }, { observers }] = await Promise.all([
    import('../simulation/run-trace.ts'),
    import('../simulation/chronicle.ts'),
    import('../simulation/run-picture.ts'),
    import('../simulation/run-observer.ts'),
  ])
  const file = files.trace === undefined ? undefined : new TextFile(files.trace)
  const runTrace = file && new RunTrace(`reeve sim, seed ${plan.seed}`, (text) => file.write(text))
  const chronicle = new Chronicle()
  const all: RunObserver[] = [...(runTrace ? [runTrace] : []), chronicle]
  try {
    const result = await runPlan(plan, { observer: observers(all), ...(runTrace && { runTrace }) })
    runTrace?.end(verdictOf(result))
    if (files.picture !== undefined) saveText(files.picture, drawRun(chronicle.story(result, plan.was ?? swarm)))
    return { swarm, result }
  } finally {
    file?.close()
  }
}
