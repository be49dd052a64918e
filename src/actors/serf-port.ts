/** The port of a node for Serf's command line: what its gossip, its log and its process say, behind one address. */

import type { Logger } from 'pino'
import type { NodeConfig } from '../config.ts'
import { type Address, DiskError, type Env } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { RpcAgent } from '../serf-rpc/agent.ts'
import { EventStream } from '../serf-rpc/event-stream.ts'
import { openSerfRpc } from '../serf-rpc/port.ts'
import { RecentLines } from '../serf-rpc/recent-lines.ts'
import { statsOf } from '../serf-rpc/stats.ts'
import type { Gossip, GossipFact } from './gossip.ts'

/** What a process tells of itself over that port. */
export interface ProcessFacts {
  /** Its log. */
  readonly lines: RecentLines
  /** Of `serf info`: os, arch, version and the like. */
  readonly runtime: ReadonlyMap<string, string>
}

export interface SerfPortOptions {
  readonly env: Pick<Env, 'clock' | 'streams' | 'disk'>
  readonly at: Address
  readonly config: Pick<NodeConfig, 'serfRpcAuth' | 'serfRpcAuthFile'>
  readonly gossip: Gossip
  /** Tags that are the node's own. */
  readonly ownTags: readonly string[]
  /** Whether its gossip is. */
  readonly encrypted: boolean
  readonly log: Logger
  readonly process?: ProcessFacts | undefined
  /** Ends the node, after it has left. */
  readonly stop: () => void
}

export interface SerfPort {
  readonly address: Address
  /** Passes news on to whoever listens. */
  tell(news: GossipFact): void
  close(): void
}

/** Rejects with `ADDRESS_UNUSABLE` or `CONFIG_INVALID`. */
export async function openSerfPort(options: SerfPortOptions): Promise<SerfPort> {
  const { env, at, gossip, ownTags, log, process, stop } = options
  const events = new EventStream(env.clock)
  const agent: RpcAgent = {
    member: gossip,
    lines: process?.lines ?? new RecentLines(),
    ownTags,
    stats: () =>
      statsOf(gossip.name, gossip.members(), gossip.stats(), options.encrypted, process?.runtime ?? new Map()),
    listen: (listener) => events.listen(listener),
    stop,
    nowMs: () => env.clock.monotonicMs(),
  }
  const authKey = readAuthKey(options.config, env)
  const rpc = await openSerfRpc({ env, at, agent, log, ...(authKey !== undefined && { authKey }) })
  return {
    address: rpc.address,
    tell(news) {
      if (news.kind !== 'ended') events.put(news)
    },
    close() {
      rpc.close()
      events.close()
    },
  }
}

/** Throws `CONFIG_INVALID`. A line feed at the end of the file is no part of the key. */
export function readAuthKey(
  { serfRpcAuth, serfRpcAuthFile }: Pick<NodeConfig, 'serfRpcAuth' | 'serfRpcAuthFile'>,
  { disk }: Pick<Env, 'disk'>,
): string | undefined {
  if (serfRpcAuthFile === undefined) return serfRpcAuth
  try {
    const key = new TextDecoder().decode(disk.readFile(serfRpcAuthFile)).replace(/\r?\n$/, '')
    if (key !== '') return key
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    throw new ReeveError('CONFIG_INVALID', `serfRpcAuthFile: cannot read it (${error.code})`, { cause: error })
  }
  throw new ReeveError('CONFIG_INVALID', `serfRpcAuthFile: ${serfRpcAuthFile} is empty`)
}
