/** Members alone, without logs, to whom small stories happen, by one seed after the other. */

import { drawMembers } from '../../src/simulation/members/member-plan.ts'
import { runMembers } from '../../src/simulation/members/run-members.ts'
import type { SeededRandom } from '../../src/simulation/random.ts'
import type { CampaignOptions } from './campaign.ts'

const sayEvery = 50

/** `parts`: of these stories only. */
export async function members(
  times: number,
  random: SeededRandom,
  say: (text: string) => void,
  { parts }: CampaignOptions,
): Promise<string> {
  const first = random.integer(0, 1_000_000)
  const broken: string[] = []
  let simulatedMs = 0
  for (let seed = first; seed < first + times; seed++) {
    const run = await runMembers(drawMembers({ seed, ...(parts.length > 0 && { only: parts }) }))
    simulatedMs += run.simulatedMs
    const found = [...run.breaches.map(({ rule, member, reason }) => `${rule}: ${member} ${reason}`), ...run.failures]
    if (found[0] !== undefined) broken.push(`seed ${seed}: ${found[0]}`)
    const done = seed - first + 1
    if (done % sayEvery === 0) say(`${done} of ${times} seeds, ${broken.length} broke a rule`)
  }
  if (broken.length > 0)
    throw new Error(`rules were broken by ${broken.length} of ${times} seeds:\n${broken.join('\n')}`)
  return `${times} seeds from ${first} on, ${Math.round(simulatedMs / 60_000).toLocaleString('en')} simulated minutes: every rule was kept`
}
