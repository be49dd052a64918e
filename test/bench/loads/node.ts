/** A node as an agent is one, whose inspector can be put to rest and woken while it runs. */

import { pino } from 'pino'
import { createScrape } from '../../../src/cli/metrics/scrape.ts'
import { parseConfig } from '../../../src/config.ts'
import { createRealEnv } from '../../../src/env/real.ts'
import type { Inspector } from '../../../src/inspector/inspector.ts'
import { createNode, type ReeveNode } from '../../../src/node.ts'

export type NodeRequest =
  | { readonly task: 'start'; readonly name: string; readonly dataDir: string; readonly join?: string }
  | { readonly task: 'record'; readonly on: boolean }
  | { readonly task: 'look' }

export interface NodeFound {
  readonly rpcAddress: string
  readonly gossipAddress: string
  /** Opens the inspector's page, once. */
  readonly link: string
  /** Those that it sees alive. */
  readonly members: number
  /** Records of the inspector up to now. */
  readonly recorded: number
}

let node: ReeveNode | undefined
let inspector: Inspector | undefined

export async function run(request: NodeRequest): Promise<NodeFound> {
  if (request.task === 'start') await start(request)
  else if (request.task === 'record') {
    if (request.on) inspector?.resume()
    else inspector?.pause()
  }
  const { rpcAddress = '', gossipAddress = '', members } = node!.status()
  const recorded = inspector?.recorder.sequence ?? 0
  return { rpcAddress, gossipAddress, link: node!.inspectorLink() ?? '', members: members.length, recorded }
}

async function start({ name, dataDir, join }: Extract<NodeRequest, { task: 'start' }>): Promise<void> {
  const config = parseConfig(
    {
      ...{ nodeName: name, dataDir, bindAddr: '127.0.0.1:0', rpcPort: 0, httpPort: 0 },
      ...(join !== undefined && { startJoinAddrs: [join] }),
    },
    { hostName: name, resolvePath: (path) => path },
  )
  const env = createRealEnv()
  node = createNode(config, env, {
    log: pino({ level: 'silent' }),
    metrics: createScrape({ node: name, cluster: config.clusterName, version: '' }),
    onlooker: {
      ...{ clock: env.clock, recordClock: env.clock },
      inspecting: (its) => {
        inspector = its
      },
    },
  })
  await node.start()
}
