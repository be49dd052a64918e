/** What a test of agents sets up and always takes down again: a folder, processes, clients. */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { type Client, connect, type KnownServer, type TlsMaterial } from '../../src/index.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { Agent, type AgentProcess, until } from './agent.ts'

export interface AgentOptions extends Pick<AgentProcess, 'under' | 'callHost' | 'recorded'> {
  /** Agents or gossip addresses to join. */
  readonly join?: readonly (Agent | string)[]
  /** Where gossip listens; default: a port that the system picks. */
  readonly bind?: string
  readonly dataDir?: string
  /** Further flags. */
  readonly words?: readonly string[]
}

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'reeve-agents-'))
  readonly agents: Agent[] = []
  readonly #clients: Client[] = []

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  /** Starts a node and does not wait. */
  launch(name: string, options: AgentOptions = {}): Agent {
    const { join: seeds = [], bind = '127.0.0.1:0', words: further = [], dataDir = this.path(name), ...how } = options
    const addresses = seeds.map((seed) => (typeof seed === 'string' ? seed : seed.gossipAddress))
    const words = ['--bind-addr', bind, '--rpc-port', '0', ...further]
    if (addresses.length > 0) words.push('--start-join-addrs', addresses.join(','))
    const agent = new Agent({ name, dataDir, words, ...how })
    this.agents.push(agent)
    return agent
  }

  async start(name: string, options?: AgentOptions): Promise<Agent> {
    const agent = this.launch(name, options)
    await agent.ready()
    return agent
  }

  /** A client of these servers and no others, closed at the end. */
  client(
    agents: readonly Pick<Agent, 'rpcAddress'>[],
    options: { tls?: TlsMaterial; serverName?: string; timeoutMs?: number } = {},
  ): Client {
    const addresses = agents.map(({ rpcAddress }) => rpcAddress)
    const client = connect({ addresses, discovery: false, timeoutMs: 30_000, ...options })
    this.#clients.push(client)
    return client
  }

  /** Everybody sees everybody of these alive, in their present runs, and copies from them. */
  async together(agents: readonly Agent[], clientOf = (agent: Agent) => this.client([agent])): Promise<void> {
    for (const agent of agents) {
      const client = clientOf(agent)
      await until(
        `${agent.name} is together with all others`,
        () => client.servers(),
        (servers) => agents.every((other) => isTogether(servers, other)),
        agents,
      )
    }
  }

  /** Whatever the test was about: what all its nodes leave behind are prefixes of the same logs, and whole. */
  async end(): Promise<void> {
    for (const client of this.#clients) client.close()
    await Promise.all(this.agents.map((agent) => agent.kill()))
    try {
      assertSound(this.agents.map(({ dataDir }) => dataDir))
    } finally {
      rmSync(this.folder, { recursive: true, force: true })
    }
  }
}

/** What `reeve verify` would find fault with. */
export function assertSound(dataDirs: readonly string[]): void {
  const dirs = [...new Set(dataDirs)].filter((dir) => existsSync(join(dir, 'topics')))
  const harm = [...verifyDataDirs(createRealDisk(), dirs)].filter(isHarm)
  assert.deepEqual(harm, [], 'logs that are damaged, or that differ between nodes')
}

function isTogether(servers: readonly KnownServer[], { name, epoch }: Agent): boolean {
  const seen = servers.find((server) => server.name === name)
  return seen?.status === 'alive' && seen.epoch === epoch && (seen.self || seen.replicator === 'live')
}
