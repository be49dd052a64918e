/**
 * Three nodes, all written to without a pause, some records with two copies; again and again one of them, two or all
 * are killed (-9) at a random moment and started again. At the end every acknowledged record must be at every node under
 * the id that was acknowledged, no record twice, and the files of all nodes whole and prefixes of each other.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import type { Agent } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { countOf, judge, pause } from './judge.ts'

const names = ['a', 'b', 'c'] as const
/** Small ones, so that kills meet the beginning and the end of segments, too. */
const words = ['--segment-max-bytes', '256KiB', '--max-batch-bytes', '32KiB']
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
  const agents = new Map<string, Agent>()
  const start = async (name: string): Promise<Agent> => {
    const bind = agents.get(name)?.gossipAddress ?? '127.0.0.1:0'
    const join = [...agents.values()].filter((other) => other.name !== name)
    const agent = await stage.start(name, { bind, join, words })
    agents.set(name, agent)
    return agent
  }
  for (const name of names) await start(name)
  await stage.together([...agents.values()])
  const writers = names.flatMap((name) => [
    new Writer(stage, agents.get(name) as Agent, topic),
    new Writer(stage, agents.get(name) as Agent, topic, { label: `${name} twice`, copies: 2 }),
  ])

  let killed = 0
  while (killed < times) {
    await pause(random.between(20, 800))
    const count = Math.min(random.pick([1, 1, 1, 1, 2, 3]), times - killed)
    const victims = random.shuffle([...names]).slice(0, count)
    await Promise.all(victims.map((name) => (agents.get(name) as Agent).kill()))
    killed += victims.length
    await pause(random.between(0, 400))
    await Promise.all(
      victims.map(async (name) => {
        const again = await start(name)
        for (const writer of writers) if (writer.name === name) writer.moveTo(again)
      }),
    )
    if (killed % 20 < count) say(`${killed} kills, ${countOf(writers)} records acknowledged`)
  }

  const { acknowledged, doubtful } = await judge(stage, agents, writers, topic)
  return `${killed} kills: all of ${acknowledged} acknowledged records are at every node, once; ${doubtful} were never answered`
}
