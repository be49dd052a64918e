/**
 * Three real nodes under load, with kills in between, whose disks are recorded; then the power fails, in retrospect, at
 * thousands of moments of what they did, at most after each step of any disk.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import type { Evidence } from '../../src/simulation/recording/court.ts'
import { SeenCluster } from '../agent/seen-cluster.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { pause } from './judge.ts'
import { failPower, type RecordedRun } from './power-failures.ts'
import { smallFiles, startAgain } from './start-again.ts'

const names = ['a', 'b', 'c'] as const
const topic = 'churn'
/** Of one run: what its disks have by the end must be made anew for each. */
const momentsMax = 500

export async function crashPoints(times: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const sum = { moments: 0, disks: 0, cut: 0, aside: 0, again: 0, acknowledged: 0, runs: 0, steps: 0 }
  while (sum.moments < times) {
    const stage = new Stage()
    let run: RecordedRun
    try {
      run = await recorded(stage, random)
    } finally {
      await stage.end()
    }
    say(`run ${sum.runs + 1}: ${run.evidence.length} steps and answers`)
    const found = await failPower(run, Math.min(momentsMax, times - sum.moments), random)
    sum.runs++
    sum.steps += run.evidence.filter((each) => 'step' in each).length
    for (const key of ['moments', 'disks', 'cut', 'aside', 'again', 'acknowledged'] as const) sum[key] += found[key]
    say(`${sum.moments} moments of ${sum.runs} runs`)
  }
  const count = (value: number) => value.toLocaleString('en')
  return (
    `power lost at ${count(sum.moments)} moments of ${sum.runs} runs of three nodes (${count(sum.steps)} steps of their disks), ` +
    `by ${count(sum.disks)} disks, of ${count(sum.again)} once more while they were opened; ${count(sum.cut)} had a write that was ` +
    `cut off, ${count(sum.aside)} one with a hole: all that was acknowledged is there (${count(sum.acknowledged)} records looked for), no damage, no copy that differs`
  )
}

/** A few seconds of load, a kill, a few more. */
async function recorded(stage: Stage, random: SeededRandom): Promise<RecordedRun> {
  const evidence: Evidence[] = []
  const told = (more: readonly Evidence[]) => void evidence.push(...more)
  const clients = { topicKeepers: random.chance(0.5) ? 1 : 0 }
  const seed = random.integer(0, 2 ** 31)
  const seen = await SeenCluster.of({ stage, names, seed, furtherTopics: [topic], pauseMs: 20, clients, told })
  const { agents, start } = startAgain(seen, smallFiles)
  for (const name of names) await start(name)
  await stage.together([...agents.values()])
  seen.open()
  const writer = new Writer(stage, agents.get('a')!, topic, { history: seen.history, copies: 2 })
  for (let lives = 0; lives < 2; lives++) {
    await pause(random.between(1000, 2500))
    const victims = random.chance(0.3) ? names : [random.pick(names)]
    await Promise.all(victims.map((name) => agents.get(name)!.kill()))
    for (const name of victims) {
      const agent = await start(name)
      if (name === 'a') writer.moveTo(agent)
    }
  }
  await pause(random.between(500, 1500))
  seen.close()
  await writer.stop()
  for (const agent of agents.values()) {
    if (random.chance(0.5)) await agent.kill()
    else await agent.stop()
  }
  seen.end()
  return { folders: seen.folders, evidence }
}
