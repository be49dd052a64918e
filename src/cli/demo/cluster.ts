/**
 * The demo's nodes, what each of them says, and what happened. Owns the processes and a client for each run of each;
 * asks every node a few times a second and turns differences into events.
 */

import { type Client, connect } from '../../client/client.ts'
import type { Env } from '../../env/env.ts'
import { counted } from '../output.ts'
import { createNodeProcess, type NodeProcess } from './node-process.ts'
import { freePorts } from './ports.ts'
import { endsOf, missing, type Scores, scoresOf, type View } from './scores.ts'
import { demoTopic, startWorkload, type Tally, type Workload } from './workload.ts'

export interface DemoNode {
  readonly process: NodeProcess
  client: Client | undefined
  workload: Workload | undefined
  view: View | undefined
  /** To the inspector's page of this run; works once. */
  link: string | undefined
  /** Why it is down, when it is. */
  ended: string | undefined
  startedMs: number
  downSinceMs: number | undefined
  /** What it held when it went down. */
  heldBefore: View['logs']
  /** What the others held when it came back, and how much of that it had missed; until it holds as much. */
  catchingUp: { readonly ends: Map<string, number>; readonly records: number } | undefined
  expectedExit: boolean
  runs: number
}

export interface Happening {
  readonly atMs: number
  readonly text: string
}

export interface Cluster {
  readonly nodes: readonly DemoNode[]
  readonly tally: Tally
  readonly events: readonly Happening[]
  /** Since the demo began, until all members saw each other, and until each held records of each; undefined: not yet. */
  readonly joinedMs: number | undefined
  readonly convergedMs: number | undefined
  elapsedMs(): number
  scores(): Scores
  /** Kills the node, or starts it when it is down. */
  toggle(index: number): void
  /** Asks every node once. */
  observe(): Promise<void>
  stopWorkload(): Promise<void>
  /** Whether a node runs. */
  anybody(): boolean
  /** All acknowledged records are on all nodes that are up. */
  complete(): boolean
  /** The first node that ended before it ever answered. */
  startFailure(): DemoNode | undefined
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly count: number
  readonly folder: string
  readonly recordsPerSecond: number
  readonly env: Pick<Env, 'rpc' | 'clock' | 'random'>
  readonly happened: (event: Happening) => void
}

const stopLimitMs = 15_000

export async function startCluster({
  count,
  folder,
  recordsPerSecond,
  env,
  happened,
}: ClusterOptions): Promise<Cluster> {
  const beganMs = performance.now()
  const elapsedMs = () => performance.now() - beganMs
  const tally: Tally = { acknowledged: 0, refused: 0, uncertain: 0, ends: new Map() }
  const events: Happening[] = []
  let joinedMs: number | undefined
  let convergedMs: number | undefined
  let stopping = false
  let writing = true

  const ports = await freePorts(3 * count)
  const nodes = Array.from({ length: count }, (_, index): DemoNode => {
    const node: DemoNode = {
      process: createNodeProcess({
        name: `node-${index + 1}`,
        gossip: { host: '127.0.0.1', port: ports[3 * index]! },
        rpc: { host: '127.0.0.1', port: ports[3 * index + 1]! },
        httpPort: ports[3 * index + 2]!,
        folder,
        ready: () => dial(node),
        exited: (how) => exited(node, how),
      }),
      client: undefined,
      workload: undefined,
      view: undefined,
      link: undefined,
      ended: undefined,
      startedMs: 0,
      downSinceMs: undefined,
      heldBefore: [],
      catchingUp: undefined,
      expectedExit: false,
      runs: 0,
    }
    return node
  })

  function tell(text: string): void {
    const event = { atMs: elapsedMs(), text }
    events.push(event)
    happened(event)
  }

  function start(node: DemoNode): void {
    const others = nodes.filter((other) => other !== node)
    const firstTime = node.runs === 0
    node.process.start(
      (firstTime ? nodes.slice(0, nodes.indexOf(node)).slice(0, 1) : others).map((n) => n.process.gossip),
    )
    node.startedMs = elapsedMs()
    node.ended = undefined
    node.expectedExit = false
    node.runs += 1
  }

  /** Not before it listens: a channel that was refused waits ever longer before it tries again. */
  function dial(node: DemoNode): void {
    node.client = connect({ addresses: [node.process.rpc], discovery: false, timeoutMs: 0, env })
    void look(node)
  }

  function exited(node: DemoNode, how: string): void {
    node.ended = how
    node.heldBefore = node.view?.logs ?? node.heldBefore
    node.view = undefined
    node.link = undefined
    node.catchingUp = undefined
    node.downSinceMs ??= elapsedMs()
    node.client?.close()
    node.client = undefined
    void node.workload?.stop()
    node.workload = undefined
    if (!node.expectedExit && !stopping) tell(`${node.process.name} is gone (${how})`)
  }

  function toggle(index: number): void {
    const node = nodes[index]
    if (!node || stopping) return
    if (node.process.pid === undefined) {
      tell(`${node.process.name} starts again`)
      start(node)
    } else {
      node.expectedExit = true
      node.downSinceMs = elapsedMs()
      tell(`${node.process.name} killed`)
      node.process.kill()
    }
  }

  async function observe(): Promise<void> {
    await Promise.all(nodes.map(look))
    const views = nodes.map((node) => node.view)
    if (joinedMs === undefined && views.every((view) => view && aliveIn(view) >= count)) {
      joinedMs = elapsedMs()
      tell(`all ${count} see each other after ${seconds(joinedMs)}`)
    }
    const origins = nodes.map((node) => node.process.name)
    if (convergedMs === undefined && views.every((view) => view && holdsAll(view, origins))) {
      convergedMs = elapsedMs()
      tell(`each holds records of each after ${seconds(convergedMs)}`)
    }
  }

  async function look(node: DemoNode): Promise<void> {
    const client = node.client
    if (!client) return
    try {
      const [servers, topics] = await Promise.all([client.servers(), client.topics()])
      if (node.client !== client) return
      const before = node.view
      node.view = { servers, logs: topics.filter((topic) => topic.name === demoTopic).flatMap((topic) => topic.logs) }
      if (!before) answered(node, client)
      else compare(node, before, node.view)
      caughtUp(node, node.view)
    } catch {
      // Not up yet, or just killed: the next look tells.
    }
  }

  function answered(node: DemoNode, client: Client): void {
    if (writing && recordsPerSecond > 0) {
      node.workload = startWorkload(client, node.process.name, recordsPerSecond, tally)
    }
    // Without it there is no page to open, and everything else goes on.
    client.inspectorLink().then(
      (link) => {
        if (node.client === client) node.link = link
      },
      () => undefined,
    )
    if (node.downSinceMs === undefined) return
    node.downSinceMs = undefined
    const ends = endsOf(nodes.filter((other) => other !== node).flatMap((other) => other.view?.logs ?? []))
    node.catchingUp = { ends, records: missing(node.heldBefore, ends) }
  }

  function caughtUp(node: DemoNode, view: View): void {
    const { catchingUp } = node
    if (!catchingUp || missing(view.logs, catchingUp.ends) > 0) return
    node.catchingUp = undefined
    const took = seconds(elapsedMs() - node.startedMs)
    tell(
      `${node.process.name} is back and has the ${counted(catchingUp.records, 'record')} it missed, ${took} after its start`,
    )
  }

  function compare(node: DemoNode, before: View, after: View): void {
    const known = new Map(before.servers.map((server) => [server.name, server.status]))
    for (const server of after.servers) {
      const was = known.get(server.name)
      if (was === server.status || server.name === node.process.name) continue
      const other = nodes.find((each) => each.process.name === server.name)
      if (!other && was === undefined) tell(`${node.process.name} sees ${server.name} join`)
      else if (was !== undefined) {
        const since = other?.downSinceMs
        const after = server.status === 'failed' && since !== undefined ? ` after ${seconds(elapsedMs() - since)}` : ''
        tell(`${node.process.name} sees ${server.name} ${server.status}${after}`)
      }
    }
  }

  tell(`starting ${count} node processes; they find each other by gossip`)
  for (const node of nodes) start(node)

  return {
    nodes,
    tally,
    events,
    get joinedMs() {
      return joinedMs
    },
    get convergedMs() {
      return convergedMs
    },
    elapsedMs,
    scores: () => scoresOf(new Map(nodes.flatMap((node) => (node.view ? [[node.process.name, node.view]] : [])))),
    toggle,
    observe,
    stopWorkload: async () => {
      writing = false
      await Promise.all(nodes.map((node) => node.workload?.stop()))
    },
    anybody: () => nodes.some(({ ended }) => ended === undefined),
    complete: () => {
      const views = nodes.flatMap((node) => (node.view ? [node.view] : []))
      const wanted = endsOf(views.flatMap((view) => view.logs))
      for (const [key, end] of tally.ends) wanted.set(key, Math.max(end, wanted.get(key) ?? 0))
      return views.length > 0 && views.every((view) => missing(view.logs, wanted) === 0)
    },
    startFailure: () =>
      nodes.find((node) => node.ended !== undefined && node.runs === 1 && !node.expectedExit && joinedMs === undefined),
    stop: async () => {
      stopping = true
      await Promise.all(nodes.map((node) => node.process.stop(stopLimitMs)))
    },
  }
}

function aliveIn(view: View): number {
  return view.servers.filter((server) => server.status === 'alive').length
}

function holdsAll(view: View, origins: readonly string[]): boolean {
  const held = new Set(view.logs.filter((log) => log.end > 0).map((log) => log.origin))
  return origins.every((origin) => held.has(origin))
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
