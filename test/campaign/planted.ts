/** Plants one bug after the other and simulates clusters by seed until it shows. */

import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { SeededRandom } from '../../src/simulation/random.ts'
import { corpus } from '../planted/corpus.ts'
import { bundlePlanted, type PlantedBug } from '../planted/planted-bug.ts'

/** How a simulation is run for it: short, as most bugs show soon or never. */
const simulation = ['--nodes', '4', '--minutes', '0.5']

/** A run that takes so long, or so much memory, does not come to rest: that is a finding, too. */
const runMaxMs = 90_000
const heapMaxMiB = 1024

interface Finding {
  readonly bug: PlantedBug
  /** Seeds up to the one that showed it; undefined: none did. */
  readonly seeds: number | undefined
  readonly broken: string
}

/** `seedsMax` for each bug. `parts`: only bugs whose names contain one of them. */
export async function planted(
  seedsMax: number,
  random: SeededRandom,
  say: (text: string) => void,
  parts: readonly string[],
): Promise<string> {
  const first = random.integer(0, 1_000_000)
  const sound = await trial(undefined, first, 10)
  if (sound.seeds !== undefined) throw new Error(`without any bug: ${sound.broken}`)
  const waiting = corpus.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
  const all = waiting.length
  const findings: Finding[] = []
  const work = async () => {
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const found = await trial(bug, first, seedsMax)
      findings.push({ bug, ...found })
      say(
        `${bug.name.padEnd(36)} ${found.seeds === undefined ? `NOT in ${seedsMax} seeds` : `${found.seeds}  ${found.broken}`}`,
      )
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  const missed = findings.filter(({ seeds }) => seeds === undefined).map(({ bug }) => bug.name)
  if (missed.length > 0) throw new Error(`not caught: ${missed.join(', ')}`)
  return `all ${all} planted bugs caught`
}

/** Runs seeds until one finds something wrong. */
async function trial(bug: PlantedBug | undefined, first: number, seedsMax: number): Promise<Omit<Finding, 'bug'>> {
  const main = await bundlePlanted('src/main.ts', bug)
  const classes = bug?.faults ? ['--faults', bug.faults] : ['--without', 'lying-disk']
  const args = [main, 'sim', '--json', '--seed', String(first), '--runs', String(seedsMax), ...simulation, ...classes]
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMaxMiB}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let restless = false
  const watch = setTimeout(() => {
    restless = true
    child.kill('SIGKILL')
  }, runMaxMs)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  let seeds = 0
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      seeds++
      watch.refresh()
      const { violations = [], failure } = JSON.parse(line) as { violations?: string[]; failure?: string }
      if (failure !== undefined) return { seeds, broken: failure.slice(0, 140) }
      if (violations[0] !== undefined) return { seeds, broken: violations[0].slice(0, 140) }
    }
    // A process that dies of it is a finding, too.
    const code = await ended
    if (seeds === 0 && code !== 0 && !restless && !bug) throw new Error(`no simulation runs here: ${said}`)
    if (restless) return { seeds: seeds + 1, broken: `not at rest after ${runMaxMs / 1000} s` }
    return code === 0
      ? { seeds: undefined, broken: '' }
      : { seeds: seeds + 1, broken: `exit code ${code}: ${said.replaceAll('\n', ' ')}` }
  } finally {
    clearTimeout(watch)
    child.kill('SIGKILL')
    await ended
  }
}
