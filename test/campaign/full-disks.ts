/** Three nodes on small disks, all written to without a pause; again and again one disk, or all, are filled to the brim. */

import type { SeededRandom } from '../../src/simulation/random.ts'
import type { Agent } from '../agent/agent.ts'
import { SeenCluster } from '../agent/seen-cluster.ts'
import { SmallDisk, withoutSmallDisks } from '../agent/small-disk.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { countOf, judge, pause } from './judge.ts'

const names = ['a', 'b', 'c'] as const
const diskBytes = 256 * 1024 * 1024
const topic = 'churn'
const full = 'the disk is full; writes are refused until there is space'

export async function fullDisks(times: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const reason = withoutSmallDisks()
  if (reason) throw new Error(reason)
  const stage = new Stage()
  const disks = new Map(names.map((name) => [name as string, new SmallDisk(diskBytes)]))
  try {
    const agents = new Map<string, Agent>()
    const dataDirs = new Map(names.map((name) => [name as string, `${disks.get(name)?.path}/data`]))
    const seed = random.integer(0, 2 ** 31)
    const seen = await SeenCluster.of({ stage, names, seed, furtherTopics: [topic], dataDirs })
    for (const name of names) {
      agents.set(name, await seen.start(name, { join: [...agents.values()], words: ['--max-batch-bytes', '32KiB'] }))
    }
    await stage.together([...agents.values()])
    seen.open()
    const { history } = seen
    const writers = names.flatMap((name) => [
      new Writer(stage, agents.get(name)!, topic, { history }),
      new Writer(stage, agents.get(name)!, topic, { history, label: `${name} twice`, copies: 2 }),
    ])
    for (let filled = 0; filled < times; ) {
      const victims = random.chance(0.25) ? names : [random.pick(names)]
      const since = new Map(victims.map((name) => [name, agents.get(name)?.lines.length ?? 0]))
      for (const name of victims) disks.get(name)?.fill()
      for (const name of victims) await agents.get(name)?.logged(full, since.get(name))
      await pause(random.between(0, 3000))
      for (const name of victims) disks.get(name)?.free()
      for (const name of victims) await agents.get(name)?.logged('fullOver', since.get(name))
      filled += victims.length
      await pause(random.between(0, 1000))
      seen.look()
      say(`${filled} times full, ${countOf(writers)} records acknowledged`)
    }
    const { acknowledged, doubtful, answers } = await judge(stage, agents, writers, topic, seen)
    return `${times} disks full and back: all of ${acknowledged} acknowledged records are at every node, once; ${doubtful} were refused or late; the judges have nothing to say against ${answers} answers to clients`
  } finally {
    await stage.end()
    for (const disk of disks.values()) disk.end()
  }
}
