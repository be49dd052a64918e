/** Clusters of nothing but gossip, ours and the original's, told the same and watched the same way. */

import { join } from 'node:path'
import { parseAddress } from '../../../src/address.ts'
import { freePorts } from '../../../src/cli/demo/ports.ts'
import { createRealEnv } from '../../../src/index.ts'
import { connectSerf, type SerfClient } from '../../../src/serf-rpc/client.ts'
import type { Process } from '../process.ts'
import { scriptOf } from '../script.ts'
import type { Stage } from '../stage.ts'

export type MemberOrder =
  | { readonly kind: 'join'; readonly at: string }
  | { readonly kind: 'event'; readonly name: string }
  | { readonly kind: 'leave' }

export type Sight = 'joined' | 'failed' | 'left'

/** One member as a process. */
export interface Gossiper {
  readonly name: string
  /** host:port of its gossip. */
  readonly at: string
  readonly process: Process
  tell(order: MemberOrder): Promise<void>
  /** When it said that it saw this of another member. */
  saw(sight: Sight, name: string): Promise<number>
  /** When it said that it got this user event. */
  got(event: string): Promise<number>
}

/** `mixed`: every other one is a real agent. */
export type ClusterKind = 'serf' | 'reeve' | 'mixed'

/** Running, alone each. */
export async function startGossipers(kind: ClusterKind, count: number, stage: Stage): Promise<Gossiper[]> {
  const ports = await freePorts(2 * count)
  const starting = Array.from({ length: count }, (_, i) => {
    // Of one length: names are most of what is sent.
    const name = `node-${i + 1}`
    const [port, rpcPort] = [ports[2 * i] as number, ports[2 * i + 1] as number]
    const ours = kind === 'reeve' || (kind === 'mixed' && i % 2 === 0)
    return ours ? startOurs(name, port, stage) : startTheirs(name, port, rpcPort, stage)
  })
  return Promise.all(starting)
}

async function startOurs(name: string, port: number, stage: Stage): Promise<Gossiper> {
  const process = stage.run(name, [
    globalThis.process.execPath,
    await scriptOf(join(import.meta.dirname, 'gossip-member.ts')),
    name,
    String(port),
  ])
  await process.said('running')
  return {
    name,
    at: `127.0.0.1:${port}`,
    process,
    tell: async (order) => process.send(order),
    saw: async (sight, other) => (await process.said(`${sight} ${other} .`)).atMs,
    got: async (event) => (await process.said(`event ${event} .`)).atMs,
  }
}

const sights = { joined: 'EventMemberJoin:', failed: 'EventMemberFailed:', left: 'EventMemberLeave' }

async function startTheirs(name: string, port: number, rpcPort: number, stage: Stage): Promise<Gossiper> {
  const at = `127.0.0.1:${port}`
  const process = stage.run(name, [
    ...['serf', 'agent', `-node=${name}`, `-bind=${at}`, `-rpc-addr=127.0.0.1:${rpcPort}`, '-log-level=info'],
  ])
  await process.said('Serf agent running!')
  const env = createRealEnv()
  const connect = () => connectSerf({ env, at: parseAddress(`127.0.0.1:${rpcPort}`)!, timeoutMs: 60_000 })
  const client = await connect()
  const events = new Map<string, { readonly came: Promise<number>; readonly come: (atMs: number) => void }>()
  const eventOf = (event: string) => {
    const known = events.get(event)
    if (known) return known
    const { promise: came, resolve: come } = withResolvers<number>()
    events.set(event, { came, come })
    return { came, come }
  }
  await client.stream(
    'user',
    (record) => eventOf(record.name).come(performance.now()),
    () => {},
  )
  return {
    name,
    at,
    process,
    tell: (order) =>
      tellSerf(client, order).catch((error) => {
        throw new Error(`${name} did not do what it was told (${order.kind}): ${error.message}`)
      }),
    saw: async (sight, other) => (await process.said(sights[sight], ` ${other} `)).atMs,
    got: (event) => eventOf(event).came,
  }
}

async function tellSerf(client: SerfClient, order: MemberOrder): Promise<void> {
  if (order.kind === 'join') await client.join([order.at], false)
  if (order.kind === 'event') await client.event(order.name, new Uint8Array(), false)
  // It ends with the agent.
  if (order.kind === 'leave') await client.leave().catch(() => {})
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
