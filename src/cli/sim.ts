/** `reeve sim`: whole clusters under churn in virtual time, by seed. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { ReeveError } from '../errors.ts'
import { describeViolation } from '../simulation/invariants.ts'
import type { Plan } from '../simulation/plan.ts'
import type { ScenarioResult } from '../simulation/scenario.ts'
import { faultClasses } from '../simulation/swarm.ts'
import { wholeNumber } from './connection.ts'
import { dealtRuns, ownRuns, takeSeeds } from './dealt-runs.ts'
import { Exit } from './exit.ts'
import { write } from './output.ts'
import { loadPlan, savePlan } from './sim-files.ts'
import { inJson, inWords, type SimRun } from './sim-report.ts'
import { drawPlan, type NodeCounts, type Planned, type RunFiles, type SwarmFlags, simulate } from './sim-run.ts'
import { kindsOf, shrunk, sizeOf } from './sim-shrink.ts'
import { SimTally } from './sim-tally.ts'

interface SimFlags extends SwarmFlags, RunFiles {
  readonly seed: number
  readonly runs: number
  readonly jobs: number
  readonly twice?: boolean
  readonly plan?: boolean
  readonly failing?: boolean
  readonly json?: boolean
  readonly worker?: boolean
  readonly replay?: string
  readonly shrink?: boolean
  readonly shrinkSeconds: number
  readonly save?: string
}

export function addSim(program: Command, ended: (code: number) => void): void {
  program
    .command('sim')
    .description('Run whole clusters under churn in a simulated world, repeatable by seed.')
    .option('--seed <N>', 'seed of the first run', wholeNumber(0), 1)
    .option('--runs <N>', 'runs, each with the next seed', wholeNumber(1), 1)
    .option('--jobs <N>', 'processes that share them', wholeNumber(1, 1024), 1)
    .option('--twice', 'every run two times, which must be the same event by event')
    .addOption(
      new Option('--nodes <N>', 'nodes of the cluster, or A-B: how many, says the seed')
        .argParser(nodeCounts)
        .default({ least: 5, most: 5 }, '5'),
    )
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
    .option('--replay <FILE>', 'run the plan of this file, whatever the flags above say')
    .option('--shrink', 'make the first run that breaks a promise as small as can be')
    .option('--shrink-seconds <N>', 'how long to try', wholeNumber(1, 86_400), 300)
    .option('--save <FILE>', 'keep the first run that breaks a promise as a plan')
    .option('--trace <FILE>', "write the run's trace, for the inspector's page")
    .option('--picture <FILE>', 'draw the run, as SVG')
    .addOption(new Option('--worker').hideHelp())
    .action(async (flags: SimFlags) => {
      check(flags)
      const replayed = flags.replay === undefined ? undefined : loadPlan(flags.replay)
      const planned = (seed: number): Planned =>
        replayed ? { plan: replayed, swarm: replayed.was ?? sizeOf(replayed) } : drawPlan(seed, flags)
      if (flags.worker) return takeSeeds((seed) => simulate(planned(seed)))
      const tally = new SimTally(flags.runs, flags.twice === true)
      const seeds = seedsOf(replayed ? { ...flags, seed: replayed.seed } : flags)
      const wantsFiles = flags.trace !== undefined || flags.picture !== undefined
      const runs =
        flags.jobs > 1
          ? dealtRuns<SimRun>(seeds, flags.jobs)
          : ownRuns<SimRun>(seeds, (seed) => simulate(planned(seed), flags))
      for await (const dealt of runs) {
        const { failed, isFirst } = tally.note(dealt)
        const text = flags.json ? inJson(dealt) : inWords(dealt, flags.plan === true)
        if (failed || (isFirst && !flags.failing)) await write(text)
        tally.showProgress()
        const broke = 'run' in dealt && dealt.run.result.violations.length > 0
        if (!broke || (!flags.shrink && flags.save === undefined)) continue
        tally.endProgress()
        await keep(planned(dealt.seed).plan, dealt.run.result, flags)
        return ended(Exit.failure)
      }
      tally.endProgress()
      if (!flags.json && (flags.runs > 1 || flags.twice)) await write(tally.summary())
      if (wantsFiles && !flags.json) await write(made(flags))
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

--picture and --trace show one run: as a drawing, and record by record in the inspector's page ("Open
trace"). With --shrink or --save the first run that breaks a promise ends the command: it is made of less
time, fewer nodes and fewer faults while it still breaks the same, and kept as a plan for --replay.

Examples:
  $ reeve sim --seed 7 --plan
  $ reeve sim --runs 100 --nodes 3 --minutes 1
  $ reeve sim --faults partition,bit-rot,crash
  $ reeve sim --seed 7 --picture run.svg --trace run.trace.jsonl
  $ reeve sim --runs 10000 --nodes 3-7 --jobs 8 --twice --failing
  $ reeve sim --seed 1234 --shrink --save found.json
  $ reeve sim --replay found.json --plan`,
    )
}

function* seedsOf({ seed, runs, twice }: SimFlags): Generator<number> {
  for (let next = seed; next < seed + runs; next++) {
    yield next
    if (twice) yield next
  }
}

/** Makes the plan of a run that broke something smaller, and saves it, as was asked for; files show what it came to. */
async function keep(plan: Plan, result: ScenarioResult, flags: SimFlags): Promise<void> {
  const [first] = result.violations
  let kept: Plan = { ...plan, ...(first && { was: describeViolation(first) }) }
  if (flags.shrink) {
    kept = await shrunk(kept, kindsOf(result), flags.shrinkSeconds * 1000)
    const run = await simulate({ plan: kept, swarm: `made of ${sizeOf(plan)}: ${sizeOf(kept)}` }, flags)
    const dealt = { seed: kept.seed, run }
    await write(flags.json ? inJson(dealt) : inWords(dealt, true))
  }
  if (flags.save !== undefined) savePlan(flags.save, kept)
  if (!flags.json) await write(made(flags))
}

function made({ trace, picture, save }: SimFlags): string {
  return [trace && `trace: ${trace}\n`, picture && `picture: ${picture}\n`, save && `plan: ${save}\n`]
    .filter((line) => line !== undefined)
    .join('')
}

function check({ trace, picture, replay, runs, jobs, twice }: SimFlags): void {
  const one = trace !== undefined ? '--trace' : picture !== undefined ? '--picture' : replay && '--replay'
  if (!one || (runs === 1 && jobs === 1)) {
    if (!twice || (trace === undefined && picture === undefined)) return
  }
  throw new ReeveError('CONFIG_INVALID', `${one} is of one run: without --runs, --jobs${replay ? '' : ' and --twice'}`)
}

function positive(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 10_000) return value
  throw new InvalidArgumentError('needs a number above 0, at most 10000.')
}

function nodeCounts(text: string): NodeCounts {
  const [least, most = least] = text.split('-').map(wholeNumber(1, 50))
  if (least !== undefined && most !== undefined && most >= least && text.split('-').length < 3) return { least, most }
  throw new InvalidArgumentError('needs a whole number from 1 to 50, or two of them, as 3-7.')
}

function classes(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !faultClasses.includes(name))
  if (unknown === undefined) return names
  throw new InvalidArgumentError(`there is no class "${unknown}"; there are ${faultClasses.join(', ')}.`)
}
