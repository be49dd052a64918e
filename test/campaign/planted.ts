/** Plants one bug after the other and simulates clusters by seed until it shows. */

import type { SeededRandom } from '../../src/simulation/random.ts'
import { writeCaught } from '../planted/caught.ts'
import { corpus } from '../planted/corpus.ts'
import { type BugWorld, bundlePlanted, type PlantedBug } from '../planted/planted-bug.ts'
import { type Outcome, trySeeds } from '../planted/try-seeds.ts'
import type { CampaignOptions } from './campaign.ts'

const entry = 'test/planted/trials.ts'

export interface Caught extends Outcome {
  readonly bug: PlantedBug
}

/** `seedsMax` for each bug. `parts`: only bugs whose names contain one of them. `report`: the table is written anew. */
export async function planted(
  seedsMax: number,
  random: SeededRandom,
  say: (text: string) => void,
  { parts, jobs, report }: CampaignOptions,
): Promise<string> {
  const firstSeed = random.integer(0, 1_000_000)
  const sound = await bundlePlanted(entry, undefined)
  const waiting = corpus.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
  const all = waiting.length
  const outcomes: Caught[] = []
  const missed: string[] = []
  const doubtful: string[] = []
  // Many bugs show in one and the same run.
  const tried = new Map<string, Promise<Outcome>>()
  const innocent = (world: BugWorld, seed: number): Promise<Outcome> => {
    const key = JSON.stringify([world, seed])
    const known = tried.get(key) ?? trySeeds(sound, { firstSeed: seed, seeds: 1, world })
    tried.set(key, known)
    return known
  }
  const work = async () => {
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const { name, world = {} } = bug
      const outcome = await trySeeds(await bundlePlanted(entry, bug), { firstSeed, seeds: seedsMax, world })
      const { judge, seeds, found } = outcome
      if (judge === undefined) missed.push(name)
      else {
        // Without the bug the same run keeps every promise: it was the bug that broke one.
        const without = await innocent(world, outcome.seed)
        if (without.judge !== undefined) doubtful.push(`${name}, seed ${outcome.seed}, without it: ${without.found}`)
      }
      outcomes.push({ bug, ...outcome })
      // Each at once: it may take hours until the last one.
      if (report) await writeCaught(outcomes)
      say(`${name.padEnd(36)} ${judge === undefined ? `NOT in ${seedsMax} seeds` : `${seeds}  ${found.slice(0, 160)}`}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  if (doubtful.length > 0) throw new Error(`broken without any bug: ${doubtful.join('; ')}`)
  if (missed.length > 0) throw new Error(`not caught: ${missed.join(', ')}`)
  const most = Math.max(...outcomes.map(({ seeds }) => seeds))
  return `all ${all} planted bugs caught, within ${most} seeds each`
}
