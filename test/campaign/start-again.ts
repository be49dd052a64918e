/** Nodes that are started again at the place in the cluster that they had. */

import type { Agent } from '../agent/agent.ts'
import type { SeenCluster } from '../agent/seen-cluster.ts'
import type { AgentOptions } from '../agent/stage.ts'

/** Small ones, so that kills meet the beginning and the end of segments, too. */
export const smallFiles = ['--segment-max-bytes', '256KiB', '--max-batch-bytes', '32KiB']

/** `agents`: by name, in their present runs. */
export function startAgain(
  seen: SeenCluster,
  words: readonly string[],
): { agents: Map<string, Agent>; start: (name: string, options?: AgentOptions) => Promise<Agent> } {
  const agents = new Map<string, Agent>()
  return {
    agents,
    async start(name, options) {
      const bind = agents.get(name)?.gossipAddress ?? '127.0.0.1:0'
      const join = [...agents.values()].filter((other) => other.name !== name)
      const agent = await seen.start(name, { bind, join, words, ...options })
      agents.set(name, agent)
      return agent
    },
  }
}
