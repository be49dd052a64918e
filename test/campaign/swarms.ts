/**
 * Whole clusters of three to seven nodes under everything that can go wrong, seed by seed. `t0`: ten minutes each, and
 * each seed a second time under another version of Node.js, which must be the same run event by event. `t1`: many
 * seeds, half a minute each.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dealtRuns } from '../../src/cli/dealt-runs.ts'
import { inWords, type SimRun } from '../../src/cli/sim-report.ts'
import { SimTally } from '../../src/cli/sim-tally.ts'
import type { SeededRandom } from '../../src/simulation/random.ts'
import { missing } from '../component.ts'
import { noOtherNode, otherNode } from '../other-node.ts'
import type { CampaignOptions } from './campaign.ts'

type Say = (text: string) => void

const root = join(import.meta.dirname, '..', '..')
/** Between two lines of progress. */
const sayMs = 30_000

export function t0(times: number, random: SeededRandom, say: Say, options: CampaignOptions): Promise<string> {
  const other = otherNode()
  if (other === undefined) say(`${missing(noOtherNode)}: every seed twice under ${process.version}`)
  const second = other ?? { program: process.execPath, version: process.version }
  const programs = [{ program: process.execPath, version: process.version }, second]
  return swarms({ name: 't0', times, minutes: 10, programs }, random, say, options)
}

export function t1(times: number, random: SeededRandom, say: Say, options: CampaignOptions): Promise<string> {
  const programs = [{ program: process.execPath, version: process.version }]
  return swarms({ name: 't1', times, minutes: 0.5, programs }, random, say, options)
}

interface Swarms {
  readonly name: string
  /** Seeds. */
  readonly times: number
  readonly minutes: number
  /** All seeds run under each, one program after the other. */
  readonly programs: readonly { readonly program: string; readonly version: string }[]
}

async function swarms(
  { name, times, minutes, programs }: Swarms,
  random: SeededRandom,
  say: Say,
  { jobs, report }: CampaignOptions,
): Promise<string> {
  const first = Math.floor(random.between(1, 2 ** 31))
  const flags = ['--nodes', '3-7', '--minutes', `${minutes}`]
  const seeds = Array.from({ length: times }, (_, index) => first + index)
  const tally = new SimTally(times, programs.length > 1)
  const found: string[] = []
  let saidMs = performance.now()
  for (const { program, version } of programs) {
    say(
      `seeds ${first} to ${first + times - 1} under ${version}; one of them: npm run sim -- ${flags.join(' ')} --seed N`,
    )
    const command = [program, join(root, '.tools', 'run.mjs'), 'sim', ...flags, '--worker']
    let done = 0
    for await (const dealt of dealtRuns<SimRun>(seeds, jobs, command)) {
      done++
      if (tally.note(dealt).failed) {
        const text = `under ${version}: ${inWords(dealt, false)}`
        found.push(text)
        say(text)
      }
      if (performance.now() - saidMs < sayMs) continue
      saidMs = performance.now()
      say(`${done} of ${times} seeds under ${version}, ${tally.failed} failed`)
    }
  }
  const versions = programs.map(({ version }) => version).join(' and ')
  const verdict = `seeds from ${first}, 3 to 7 nodes, ${minutes} simulated minutes, Node.js ${versions}\n${tally.summary()}`
  if (report) writeFileSync(join(root, 'test', 'churn', `${name}.txt`), verdict + found.join(''))
  if (tally.failed > 0 || tally.neverReached.length > 0) throw new Error(verdict)
  return verdict.trimEnd()
}
