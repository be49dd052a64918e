/**
 * Proofs that take too long for every run of the tests: `npm run campaign -- NAME [--times N] [--seed N] [PART …]`. What `npm
 * test` has of each is a part of it. Where sizes count and not times, the option is `--nodes N`.
 */

import { inspect, parseArgs } from 'node:util'
import { SeededRandom } from '../../src/simulation/random.ts'
import { crashPoints } from './crash-points.ts'
import { fullDisks } from './full-disks.ts'
import { kills } from './kills.ts'
import { membership } from './membership.ts'
import { partitions } from './partitions.ts'
import { planted } from './planted.ts'
import { powerCuts } from './power-cuts.ts'
import { restarts } from './restarts.ts'

interface Campaign {
  readonly what: string
  readonly times: number
  /** What `times` counts; default: times. */
  readonly unit?: 'nodes'
  /** Resolves with what was proven, in one line; rejects with what was found. */
  run(times: number, random: SeededRandom, say: (text: string) => void, parts: readonly string[]): Promise<string>
}

const campaigns: Readonly<Record<string, Campaign>> = {
  'crash-points': { what: 'losses of power at moments of recorded runs of real nodes', times: 3000, run: crashPoints },
  'full-disks': { what: 'disks of real nodes that are filled to the brim', times: 20, run: fullDisks },
  kills: { what: 'kill -9 of real nodes under load', times: 200, run: kills },
  membership: {
    what: 'members without logs, in simulated time, up to so many',
    times: 1000,
    unit: 'nodes',
    run: membership,
  },
  partitions: { what: 'partitions of real nodes, of any shape, and stops of processes', times: 50, run: partitions },
  planted: { what: 'seeds at most for each planted bug; PART: of names', times: 50, run: planted },
  restarts: { what: 'ends of all nodes at once, and starts in every order', times: 12, run: restarts },
  'power-cuts': { what: 'ends of a machine at any operation of its disk', times: 10_000, run: powerCuts },
}

process.exit(await main())

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { times: { type: 'string' }, nodes: { type: 'string' }, seed: { type: 'string' } },
  })
  const campaign = campaigns[positionals[0] ?? '']
  const unit = campaign?.unit ?? 'times'
  const times = Number(values[unit] ?? campaign?.times)
  const wrongUnit = values[unit === 'times' ? 'nodes' : 'times'] !== undefined
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))
  if (!campaign || wrongUnit || !Number.isInteger(times) || times < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write('usage: npm run campaign -- NAME [--times N | --nodes N] [--seed N] [PART …]\n')
    for (const [name, { what, times, unit = 'times' }] of Object.entries(campaigns)) {
      process.stderr.write(`  ${name.padEnd(12)} ${what} (${times.toLocaleString('en')} ${unit})\n`)
    }
    return 2
  }
  process.stdout.write(`seed ${seed}\n`)
  const startMs = performance.now()
  try {
    const say = (text: string) => process.stdout.write(`  ${text}\n`)
    const proven = await campaign.run(times, new SeededRandom(seed, 'campaign'), say, positionals.slice(1))
    process.stdout.write(`${proven} (${Math.round((performance.now() - startMs) / 1000)} s)\n`)
    return 0
  } catch (error) {
    // With its cause.
    process.stderr.write(`FOUND ${inspect(error)}\n`)
    return 1
  }
}
