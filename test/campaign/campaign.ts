/**
 * Proofs that take too long for every run of the tests: `npm run campaign -- NAME [--times N] [--seed N] [--jobs N] [--report] [PART …]`.
 * What `npm test` has of each is a part of it. Where sizes count and not times, the option is `--nodes N`. Planted bugs know
 * jobs, a report and parts of names; swarms (`t0`, `t1`) jobs and a report.
 */

import { availableParallelism } from 'node:os'
import { inspect } from 'node:util'
import { SeededRandom } from '../../src/simulation/random.ts'
import { readOptions, wholeNumber } from '../options.ts'
import { crashPoints } from './crash-points.ts'
import { fullDisks } from './full-disks.ts'
import { kills } from './kills.ts'
import { members } from './members.ts'
import { membership } from './membership.ts'
import { partitions } from './partitions.ts'
import { planted } from './planted.ts'
import { powerCuts } from './power-cuts.ts'
import { restarts } from './restarts.ts'
import { t0, t1 } from './swarms.ts'

export interface CampaignOptions {
  readonly parts: readonly string[]
  /** So much at once. */
  readonly jobs: number
  /** What came of it is kept in the sources. */
  readonly report: boolean
}

interface Campaign {
  readonly what: string
  readonly times: number
  /** What `times` counts; default: times. */
  readonly unit?: 'nodes'
  /** Resolves with what was proven, in one line; rejects with what was found. */
  run(times: number, random: SeededRandom, say: (text: string) => void, options: CampaignOptions): Promise<string>
}

const campaigns: Readonly<Record<string, Campaign>> = {
  'crash-points': { what: 'losses of power at moments of recorded runs of real nodes', times: 3000, run: crashPoints },
  'full-disks': { what: 'disks of real nodes that are filled to the brim', times: 20, run: fullDisks },
  kills: { what: 'kill -9 of real nodes under load', times: 200, run: kills },
  members: { what: 'seeds of members alone, to whom small stories happen; PART: which', times: 300, run: members },
  membership: {
    what: 'members without logs, in simulated time, up to so many',
    times: 1000,
    unit: 'nodes',
    run: membership,
  },
  partitions: { what: 'partitions of real nodes, of any shape, and stops of processes', times: 50, run: partitions },
  planted: {
    what: 'seeds at most for each planted bug; PART: of names; --report: makes its table',
    times: 50,
    run: planted,
  },
  restarts: { what: 'ends of all nodes at once, and starts in every order', times: 12, run: restarts },
  'power-cuts': { what: 'ends of a machine at any operation of its disk', times: 10_000, run: powerCuts },
  t0: {
    what: 'seeds of ten minutes in which everything goes wrong, each under two versions of Node.js',
    times: 300,
    run: t0,
  },
  t1: { what: 'seeds of half a minute in which everything goes wrong', times: 10_000, run: t1 },
}

const options = {
  times: { type: 'string' },
  nodes: { type: 'string' },
  seed: { type: 'string' },
  jobs: { type: 'string' },
  report: { type: 'boolean' },
} as const

process.exit(await main())

function usage(): string {
  const words = '[--times N | --nodes N] [--seed N] [--jobs N] [--report] [PART …]'
  const lines = Object.entries(campaigns).map(
    ([name, { what, times, unit = 'times' }]) =>
      `  ${name.padEnd(12)} ${what} (${times.toLocaleString('en')} ${unit})\n`,
  )
  return `usage: npm run campaign -- NAME ${words}\n${lines.join('')}`
}

async function main(): Promise<number> {
  const { campaign, times, seed, jobs, report, parts } = readOptions(options, usage(), ({ values, positionals }) => {
    const [name, ...parts] = positionals
    const campaign = name === undefined ? undefined : campaigns[name]
    if (!campaign) throw new Error(name === undefined ? 'which campaign?' : `there is no campaign ${name}`)
    const [unit, other] = campaign.unit === 'nodes' ? (['nodes', 'times'] as const) : (['times', 'nodes'] as const)
    if (values[other] !== undefined) throw new Error(`${name} takes --${unit}, not --${other}`)
    const times = wholeNumber(unit, values[unit], 1) ?? campaign.times
    const seed = wholeNumber('seed', values.seed, 0) ?? Math.floor(Math.random() * 2 ** 32)
    const jobs = wholeNumber('jobs', values.jobs, 1) ?? availableParallelism()
    return { campaign, times, seed, jobs, report: values.report ?? false, parts }
  })
  process.stdout.write(`seed ${seed}\n`)
  const startMs = performance.now()
  try {
    const say = (text: string) => process.stdout.write(`  ${text}\n`)
    const proven = await campaign.run(times, new SeededRandom(seed, 'campaign'), say, {
      parts,
      jobs,
      report,
    })
    process.stdout.write(`${proven} (${Math.round((performance.now() - startMs) / 1000)} s)\n`)
    return 0
  } catch (error) {
    // With its cause.
    process.stderr.write(`FOUND ${inspect(error)}\n`)
    return 1
  }
}
