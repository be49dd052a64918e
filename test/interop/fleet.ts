/** The agents and members of one test, all gone after it. */

import { afterEach } from 'node:test'
import { startMember, type TestMember } from './member.ts'
import { type SerfAgent, type SerfAgentOptions, startSerfAgent } from './serf-agent.ts'

/** To be called inside a `describe`. */
export function fleet() {
  const agents: SerfAgent[] = []
  const members: TestMember[] = []
  afterEach(async () => {
    for (const { gossip } of members.splice(0)) gossip.close()
    await Promise.all(agents.splice(0).map((started) => started.kill()))
  })
  return {
    async agent(name: string, options?: SerfAgentOptions): Promise<SerfAgent> {
      const started = await startSerfAgent(name, options)
      agents.push(started)
      return started
    },
    async member(name: string, options?: Parameters<typeof startMember>[1]): Promise<TestMember> {
      const started = await startMember(name, options)
      members.push(started)
      return started
    },
  }
}
