/** `reeve sim`: whole clusters under churn in virtual time, by seed. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { describeStep } from '../simulation/describe-fault.ts'
import { describeViolation } from '../simulation/invariants.ts'
import type { ScenarioResult } from '../simulation/scenario.ts'
import { describeSwarm, drawSwarm, faultClasses } from '../simulation/swarm.ts'
import { wholeNumber } from './connection.ts'
import { type Dealt, dealtRuns, ownRuns, takeSeeds } from './dealt-runs.ts'
import { Exit } from './exit.ts'
import { grouped, write } from './output.ts'
import { SimTally } from './sim-tally.ts'

interface SimFlags {
  readonly seed: number
  readonly runs: number
  readonly jobs: number
  readonly twice?: boolean
  readonly nodes: number
  readonly minutes: number
  readonly faults?: readonly string[]
  readonly without?: readonly string[]
  readonly plan?: boolean
  readonly failing?: boolean
  readonly json?: boolean
  readonly worker?: boolean
}

export function addSim(program: Command, ended: (code: number) => void): void {
  program
    .command('sim')
    .description('Run whole clusters under churn in a simulated world, repeatable by seed.')
    .option('--seed <N>', 'seed of the first run', wholeNumber(0), 1)
    .option('--runs <N>', 'runs, each with the next seed', wholeNumber(1), 1)
    .option('--jobs <N>', 'processes that share them', wholeNumber(1, 1024), 1)
    .option('--twice', 'every run two times, which must be the same event by event')
    .option('--nodes <N>', 'nodes of the cluster', wholeNumber(1, 50), 5)
    .option('--minutes <N>', 'simulated minutes of churn', positive, 2)
    .option(
      '--faults <CLASSES>',
      `all of these classes of faults: ${faultClasses.join(', ')} (default: some, by the seed)`,
      classes,
    )
    .option('--without <CLASSES>', 'none of these', classes)
    .option('--plan', 'print what goes wrong, and when')
    .option('--failing', 'print only the runs that broke a promise')
    .option('--json', 'one JSON object a run')
    .addOption(new Option('--worker').hideHelp())
    .action(async (flags: SimFlags) => {
      const one = (seed: number) => run(seed, flags)
      if (flags.worker) return takeSeeds(one)
      const tally = new SimTally(flags.runs, flags.twice === true)
      const seeds = seedsOf(flags)
      const runs = flags.jobs > 1 ? dealtRuns<Run>(seeds, flags.jobs) : ownRuns<Run>(seeds, one)
      for await (const dealt of runs) {
        const { failed, isFirst } = tally.note(dealt)
        const text = flags.json ? inJson(dealt) : inWords(dealt, flags)
        if (failed || (isFirst && !flags.failing)) await write(text)
        tally.showProgress()
      }
      tally.endProgress()
      if (!flags.json && (flags.runs > 1 || flags.twice)) await write(tally.summary())
      ended(tally.failed === 0 && tally.neverReached.length === 0 ? Exit.ok : Exit.failure)
    })
    .addHelpText(
      'after',
      `
Nodes are the same code as in production; only the clock, chance, disk and network below them are
simulated. Of more than thirty classes of faults (of networks, processes, disks, machines, operators)
each run draws some by its seed, and says which, while clients write and read at each node; what they
are answered is held against all disks. Then all is healed: every acknowledged record must be on every
node, every copy a prefix of its log, what was sent again stored once, and after a stop nothing may be
left open. The same seed gives the same run, event by event: compare the traces. Of many runs the last
lines say how often they reached the rare states that matter; fifty that could and did not are a failure.

Examples:
  $ reeve sim --seed 7 --plan
  $ reeve sim --runs 100 --nodes 3 --minutes 1
  $ reeve sim --faults partition,bit-rot,crash
  $ reeve sim --runs 10000 --jobs 8 --twice --failing`,
    )
}

interface Run {
  readonly swarm: string
  readonly result: ScenarioResult
}

async function run(seed: number, { nodes, minutes, faults, without }: SimFlags): Promise<Run> {
  // Loaded late: no other command needs a whole node and its world.
  const [{ pino }, { reeveClients, reeveNode }, { runScenario }] = await Promise.all([
    import('pino'),
    import('../simulation/reeve-node.ts'),
    import('../simulation/scenario.ts'),
  ])
  const hosts = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
  const durationMs = minutes * 60_000
  const swarm = drawSwarm({ seed, hosts, durationMs, ...(faults && { only: faults }), ...(without && { without }) })
  const result = await runScenario({
    seed,
    hosts,
    durationMs,
    steps: swarm.steps,
    topics: ['orders', 'payments'],
    startNode: reeveNode({ log: pino({ level: 'silent' }) }),
    // In some runs a topic is set, changed and deleted while others write to it.
    clients: reeveClients({}, { topicKeepers: seed % 4 === 0 ? 1 : 0 }),
  })
  return { swarm: describeSwarm(swarm), result }
}

function* seedsOf({ seed, runs, twice }: SimFlags): Generator<number> {
  for (let next = seed; next < seed + runs; next++) {
    yield next
    if (twice) yield next
  }
}

function inWords(dealt: Dealt<Run>, flags: SimFlags): string {
  if ('failure' in dealt) return `seed ${dealt.seed}: no run came of it: ${dealt.failure}\n`
  return report(dealt.run.swarm, dealt.run.result, flags.plan === true)
}

function inJson(dealt: Dealt<Run>): string {
  if ('failure' in dealt) return `${JSON.stringify(dealt)}\n`
  return `${JSON.stringify({ swarm: dealt.run.swarm, ...summary(dealt.run.result) })}\n`
}

function report(swarm: string, result: ScenarioResult, withPlan: boolean): string {
  const { seed, acknowledged, unacknowledged, violations, simulatedMs, realMs, events, traceHash, steps } = result
  const plan = withPlan ? steps.map((step) => `  ${describeStep(step)}\n`).join('') : ''
  const verdict = violations.length === 0 ? 'every promise kept' : `${violations.length} promises broken`
  const found = violations.map((violation) => `  broken: ${describeViolation(violation)}\n`).join('')
  return (
    `seed ${seed}: ${verdict}; ${grouped(acknowledged)} records acknowledged, ${grouped(unacknowledged)} not; ` +
    `${steps.length} faults and recoveries, ${grouped(events)} events, ${minutes(simulatedMs)} simulated in ${(realMs / 1000).toFixed(1)} s ` +
    `(${Math.round(simulatedMs / realMs)}×); trace ${traceHash}\n  ${swarm}\n${plan}${found}`
  )
}

function summary({ violations, ...result }: ScenarioResult): object {
  return { ...result, violations: violations.map(describeViolation) }
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} minutes`
}

function positive(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 10_000) return value
  throw new InvalidArgumentError('needs a number above 0, at most 10000.')
}

function classes(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !faultClasses.includes(name))
  if (unknown === undefined) return names
  throw new InvalidArgumentError(`there is no class "${unknown}"; there are ${faultClasses.join(', ')}.`)
}
