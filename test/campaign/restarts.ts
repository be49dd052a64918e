/**
 * Three nodes, all written to without a pause; again and again all of them are killed at once, and started again one after
 * the other, in every order there is. The judges of the simulator see all of it.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import { SeenCluster } from '../agent/seen-cluster.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { countOf, judge, pause } from './judge.ts'
import { smallFiles, startAgain } from './start-again.ts'

const names = ['a', 'b', 'c'] as const
const topic = 'churn'

/** `times`: orders, one after the other; all six come before any comes again. */
export async function restarts(times: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const stage = new Stage()
  try {
    const seen = await SeenCluster.of({ stage, names, seed: random.integer(0, 2 ** 31), furtherTopics: [topic] })
    const { agents, start } = startAgain(seen, smallFiles)
    for (const name of names) await start(name)
    await stage.together([...agents.values()])
    seen.open()
    const writers = names.flatMap((name) => [
      new Writer(stage, agents.get(name)!, topic, { history: seen.history }),
      new Writer(stage, agents.get(name)!, topic, { history: seen.history, label: `${name} twice`, copies: 2 }),
    ])
    const waiting: (readonly string[])[] = []
    for (let count = 0; count < times; count++) {
      if (waiting.length === 0) waiting.push(...random.shuffle(ordersOf(names)))
      const order = waiting.shift() as readonly string[]
      // Into the middle of what they copy from each other, or when all have everything.
      if (random.chance(0.5)) await stage.together([...agents.values()])
      await pause(random.between(100, 1500))
      await Promise.all([...agents.values()].map((agent) => agent.kill()))
      for (const name of order) {
        const agent = await start(name)
        for (const writer of writers) if (writer.name === name) writer.moveTo(agent)
        // The next one comes while this one writes alone, or right behind it.
        if (random.chance(0.5)) await writers.find((writer) => writer.name === name)!.until(20, agent.epoch)
      }
      seen.look()
      say(`${order.join(' ')}: ${countOf(writers)} records acknowledged`)
    }
    const { acknowledged, doubtful, answers } = await judge(stage, agents, writers, topic, seen)
    return `${times} times all at once and back in order: all of ${acknowledged} acknowledged records are at every node, once; ${doubtful} were never answered; the judges have nothing to say against ${answers} answers to clients`
  } finally {
    await stage.end()
  }
}

function ordersOf(all: readonly string[]): string[][] {
  if (all.length <= 1) return [[...all]]
  return all.flatMap((first) => ordersOf(all.filter((other) => other !== first)).map((others) => [first, ...others]))
}
