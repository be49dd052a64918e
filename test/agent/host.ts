/** A machine with a node on it, whose membership is gossip of its own or the Serf agent of that machine. */

import { type SerfAgent, startSerfAgent } from '../interop/serf-agent.ts'
import type { Agent } from './agent.ts'
import type { Stage } from './stage.ts'

export type MembershipKind = 'gossip of its own' | 'the Serf agent of its host'

export class Host {
  readonly node: Agent
  readonly agent: SerfAgent | undefined

  constructor(node: Agent, agent: SerfAgent | undefined) {
    this.node = node
    this.agent = agent
  }

  get gossipAddress(): string {
    return this.node.gossipAddress
  }

  /** The machine is gone at once, with all that ran on it. */
  async kill(): Promise<void> {
    await Promise.all([this.node.kill(), this.agent?.kill()])
  }
}

/** Resolves once its node is ready. `at`: where its gossip listens; default: anywhere. */
export async function startHost(
  stage: Stage,
  kind: MembershipKind,
  name: string,
  { join, at, tags = '' }: { join?: Host; at?: string; tags?: string } = {},
): Promise<Host> {
  const words = tags === '' ? [] : ['--tags', tags]
  if (kind === 'gossip of its own') {
    const options = { words, ...(join && { join: [join.node] }), ...(at !== undefined && { bind: at }) }
    return new Host(await stage.start(name, options), undefined)
  }
  const address = (text: string) => {
    const [host = '', port] = text.split(':')
    return { host, port: Number(port) }
  }
  const agent = await startSerfAgent(name, {
    ...(join && { join: address(join.gossipAddress) }),
    ...(at !== undefined && { at: address(at) }),
  })
  const node = stage.launch(name, { words: ['--serf-agent', agent.rpcAddress, ...words] })
  const host = new Host(node, agent)
  try {
    await node.ready()
    return host
  } catch (error) {
    await host.kill()
    throw error
  }
}
