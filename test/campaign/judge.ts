/**
 * What all campaigns of real nodes end with: every acknowledged record is at every node, once, under its id, and the judges of
 * the simulator have nothing to say.
 */

import { type Agent, until } from '../agent/agent.ts'
import { assertHolds, converge, readAll } from '../agent/copies.ts'
import type { SeenCluster } from '../agent/seen-cluster.ts'
import type { Stage } from '../agent/stage.ts'
import type { Writer } from '../agent/writer.ts'

/** Everything is healed: each writer gets some more through, then ends; `agents` by name, in their present runs. */
export async function judge(
  stage: Stage,
  agents: ReadonlyMap<string, Agent>,
  writers: readonly Writer[],
  topic: string,
  seen: SeenCluster,
): Promise<{ acknowledged: number; doubtful: number; answers: number }> {
  for (const writer of writers) {
    const { epoch } = agents.get(writer.name) as Agent
    const before = writer.acknowledged.filter((record) => record.epoch === epoch).length
    await writer.until(before + 50, epoch)
  }
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
  const { answers } = await seen.rest()
  for (const agent of agents.values()) await agent.stop()
  seen.end()
  return { acknowledged: acknowledged.length, doubtful: doubtful.size, answers }
}

export function countOf(writers: readonly Writer[]): number {
  return writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
}

export function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}
