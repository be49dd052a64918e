/**
 * Three nodes, all written to without a pause, some records with two copies; again and again one of them, two or all
 * are killed (-9) at a random moment and started again. At the end every acknowledged record must be at every node under
 * the id that was acknowledged, no record twice, and the files of all nodes whole and prefixes of each other. Clients of all
 * kinds ask beside that, and the judges of the simulator hold what all were answered against what every disk had then.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import { SeenCluster } from '../agent/seen-cluster.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { countOf, judge, pause } from './judge.ts'
import { smallFiles, startAgain } from './start-again.ts'

const names = ['a', 'b', 'c'] as const
const topic = 'churn'

export async function kills(times: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const stage = new Stage()
  try {
    return await campaign(stage, times, random, say)
  } finally {
    await stage.end()
  }
}

async function campaign(stage: Stage, times: number, random: SeededRandom, say: (text: string) => void) {
  const seen = await SeenCluster.of({ stage, names, seed: random.integer(0, 2 ** 31), furtherTopics: [topic] })
  const { agents, start } = startAgain(seen, smallFiles)
  for (const name of names) await start(name)
  await stage.together([...agents.values()])
  seen.open()
  const { history } = seen
  const writers = names.flatMap((name) => [
    new Writer(stage, agents.get(name)!, topic, { history }),
    new Writer(stage, agents.get(name)!, topic, { history, label: `${name} twice`, copies: 2 }),
  ])

  let killed = 0
  while (killed < times) {
    await pause(random.between(20, 800))
    const count = Math.min(random.pick([1, 1, 1, 1, 2, 3]), times - killed)
    const victims = random.shuffle([...names]).slice(0, count)
    await Promise.all(victims.map((name) => agents.get(name)!.kill()))
    killed += victims.length
    await pause(random.between(0, 400))
    await Promise.all(
      victims.map(async (name) => {
        const again = await start(name)
        for (const writer of writers) if (writer.name === name) writer.moveTo(again)
      }),
    )
    seen.look()
    if (killed % 20 < count) say(`${killed} kills, ${countOf(writers)} records acknowledged`)
  }

  const { acknowledged, doubtful, answers } = await judge(stage, agents, writers, topic, seen)
  return `${killed} kills: all of ${acknowledged} acknowledged records are at every node, once; ${doubtful} were never answered; the judges have nothing to say against ${answers} answers to clients`
}
