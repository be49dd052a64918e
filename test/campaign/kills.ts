/**
 * Three nodes, all written to without a pause, some records with two copies; again and again one of them, two or all
 * are killed (-9) at a random moment and started again. At the end every acknowledged record must be at every node under
 * the id that was acknowledged, no record twice, and the files of all nodes whole and prefixes of each other.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import { type Agent, until } from '../agent/agent.ts'
import { assertHolds, converge, readAll } from '../agent/copies.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'

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

  for (const writer of writers) await writer.until(50, (agents.get(writer.name) as Agent).epoch)
  await Promise.all(writers.map((writer) => writer.stop()))
  const nodes = [...agents.values()].map((agent) => ({ agent, client: stage.client([agent]) }))
  await converge(topic, nodes)
  const acknowledged = writers.flatMap((writer) => writer.acknowledged)
  const doubtful = new Set(writers.flatMap((writer) => [...writer.doubtful]))
  for (const { client } of nodes) assertHolds(await readAll(client, topic), acknowledged, doubtful)
  await until(
    'everybody sees everybody',
    () => stage.together([...agents.values()]),
    () => true,
  )
  for (const agent of agents.values()) await agent.stop()
  return `${killed} kills: all of ${acknowledged.length} acknowledged records are at every node, once; ${doubtful.size} were never answered`
}

function countOf(writers: readonly Writer[]): number {
  return writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}
