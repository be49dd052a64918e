/** The composition root: one configuration and one door to the world in, one running node out. */

import type { Logger } from 'pino'
import { createActor, type InspectionEvent } from 'xstate'
import { certificateEnds, createCredentials } from './actors/credentials.ts'
import type { ClusterMember, GossipActorOptions } from './actors/gossip-actor.ts'
import { journalLogic } from './actors/journal.ts'
import { LeftOut } from './actors/left-out.ts'
import { reportServer, warnOfEndedCertificates, warnOfOpenDoors } from './actors/log-lines.ts'
import { LogWindow } from './actors/log-window.ts'
import { membershipActor } from './actors/membership.ts'
import { PeerClocks } from './actors/peer-clock.ts'
import { replicatorActor } from './actors/replicator.ts'
import type { ProcessFacts } from './actors/serf-port.ts'
import { serverActor } from './actors/server.ts'
import { startMember } from './actors/start-member.ts'
import { phaseOf, replicatorStates, supervisorActor } from './actors/supervisor.ts'
import { formatAddress } from './address.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { NodeConfig } from './config.ts'
import type { Address, Env, RpcServer } from './env/env.ts'
import { mintEpoch } from './epoch.ts'
import { type ErrorCode, isErrorCode, ReeveError, toReeveError } from './errors.ts'
import type { PageFiles } from './inspector/page-files.ts'
import type { NodeParts, Onlooker } from './inspector/sources.ts'
import type { Journal } from './log/journal.ts'
import { type MetricsOutlet, webOf } from './metrics/measure-node.ts'
import type { NodeStatus } from './node-status.ts'
import { Assignment } from './replication/assignment.ts'
import { Listings } from './replication/comparison.ts'
import { Copies } from './replication/copies.ts'
import { Directory } from './replication/directory.ts'
import { Summary } from './replication/summary.ts'
import { createAccess } from './server/access.ts'
import { createPhase } from './server/phase.ts'
import { pullRoute } from './server/pull-source.ts'
import { createRoutes } from './server/routes.ts'
import { type OpenStorage, Storage } from './storage.ts'
import { watchNode } from './watching.ts'

export type { NodeStatus } from './node-status.ts'

export interface ReeveNode {
  readonly name: string
  /** This run; minted when the node was created. */
  readonly epoch: string
  /** Resolves once the node runs: in its cluster, or alone for as long as nobody answers. Rejects when it cannot. */
  start(): Promise<void>
  /** Leaves the cluster, lets calls end, closes the logs. Resolves when all of that is done; at once before `start`. */
  stop(): Promise<void>
  /** Looks at certificates and access rules again, now. */
  reload(): void
  /** Settles when the node has ended: undefined after `stop`, else why it failed. */
  readonly done: Promise<ReeveError | undefined>
  status(): NodeStatus
  /** A link to the inspector's page that works once; undefined: none is served, or not yet. */
  inspectorLink(): string | undefined
  /** The logs themselves, for embedding; undefined before they are open. */
  readonly journal: Journal | undefined
  /** What the cluster knows beside its records; undefined before the logs are open. */
  readonly catalog: Catalog | undefined
}

export interface NodeOptions {
  readonly log: Logger
  /** What the Serf RPC port tells of this process. */
  readonly process?: ProcessFacts
  /** XState's inspection stream of all actors; must not throw. */
  readonly inspect?: (event: InspectionEvent) => void
  /** The inspector's page; asked when somebody first comes. */
  readonly page?: () => PageFiles | undefined
  /** Of a simulated node, which must not be touched by it. */
  readonly onlooker?: Onlooker
  /** Of the program, to be told. */
  readonly version?: string
  /** Where what is measured goes; absent: nothing is. */
  readonly metrics?: MetricsOutlet | undefined
}

export function createNode(config: NodeConfig, env: Env, options: NodeOptions): ReeveNode {
  const { log, process, inspect } = options
  const epoch = mintEpoch(env.clock.now(), env.random.bytes(10))
  const credentials = createCredentials(config, env.disk, env.rpc)
  const directory = new Directory(epoch, (id) => storage.found?.journal.log(id)?.end ?? 0)
  const assignment = new Assignment(directory)
  const summary = new Summary()
  const copies = new Copies()
  const clocks = new PeerClocks()
  const phase = createPhase()
  const fraction = () => env.random.fraction()
  const cluster = config.clusterName
  let gossip: ClusterMember | undefined
  let started = false
  let serfRpcAddress: Address | undefined
  let rpcServer: RpcServer | undefined

  const parts: Omit<NodeParts, 'room' | 'syncs'> = {
    ...{ config, env, epoch, options, phase, copies, directory, assignment, clocks, credentials },
    journal: () => storage.found?.journal,
    member: () => gossip,
    serfRpcAddress: () => serfRpcAddress,
    calls: () => rpcServer?.calls ?? new Set(),
    snapshot: () => supervisor.getSnapshot(),
  }
  const { inspector, metrics, logDisk } = watchNode(parts)
  const storage = new Storage({
    ...{ config, epoch, log, clock: env.clock, disk: env.disk },
    logDisk,
    report: (event) => inspector?.gather.alarms.journal(event),
  })

  /** Where others reach what listens on all interfaces. */
  const reachable = (bound: Address): Address => {
    const wildcard = bound.host === '0.0.0.0' || bound.host === '::'
    if (!wildcard) return bound
    return { host: config.advertiseAddr?.host ?? env.streams.ownAddresses()[0] ?? '127.0.0.1', port: bound.port }
  }

  const members = () => gossip?.members() ?? []
  const access = createAccess(credentials.authorizer, config.serverTls !== undefined)
  const routes = ({ journal, cursors, topics }: OpenStorage) => [
    ...createRoutes({
      clock: env.clock,
      ...{ journal, cursors, topics },
      declarations: storage.declarations,
      copies,
      isLive: (log) => directory.isLive(log.origin, log),
      access,
      phase,
      members,
      replicators: () => replicatorStates(supervisor.getSnapshot()),
      rttMs: async (name) => gossip?.rtt(name),
      requestLeave: () => supervisor.send({ type: 'stop' }),
      inspecting: inspector?.routes ?? [],
      timed: metrics?.timed,
      consumed: metrics?.consumed,
      durability: config.durability,
      maxBatchBytes: config.maxBatchBytes,
      cluster,
    }),
    pullRoute({
      clock: env.clock,
      cluster,
      journal: () => journal,
      summary,
      access,
      synced: (...statement) => copies.note(...statement),
    }),
  ]

  const serverLog = log.child({ actor: 'server' })
  const refusals = new LogWindow(env.clock)
  const lookAtCertificates = () =>
    warnOfEndedCertificates(certificateEnds(credentials, env.rpc), env.clock.now(), serverLog)
  const server = serverActor({
    credentials,
    drainTimeoutMs: config.drainTimeoutMs,
    reachable,
    serve: async () => {
      lookAtCertificates()
      rpcServer = await env.rpc.serve({
        at: { host: config.rpcHost, port: config.rpcPort },
        ...(config.httpPort !== undefined && { httpAt: { host: config.httpHost, port: config.httpPort } }),
        ...(credentials.serverTls && { tls: credentials.serverTls }),
        ...webOf(inspector?.web, metrics && options.metrics?.web),
        routes: metrics?.routes(routes(storage.open)) ?? routes(storage.open),
        maxMessageBytes: config.maxBatchBytes + messageOverheadBytes,
        report: (event) => reportServer(serverLog, event, refusals),
      })
      return rpcServer
    },
    reloaded: () => {
      serverLog.info('certificates and access rules read again')
      lookAtCertificates()
    },
    reloadRefused: (error) =>
      serverLog.error({ reason: toReeveError(error).message }, 'reload refused; what was in force stays'),
  })

  const membershipLog = log.child({ actor: 'membership' })
  const gossipOptions: GossipActorOptions = {
    cluster,
    seeds: config.startJoinAddrs.map(formatAddress),
    unreached: ({ message }) => membershipLog.warn({ reason: message }, 'nobody to join answers; trying again'),
    started: (started) => {
      gossip = started
    },
    start: (emit, own) =>
      startMember({
        ...{ env, config, log, process, own },
        tags: new Map([
          ...config.tags,
          ['rpc_addr', supervisor.getSnapshot().context.rpcAddress ?? ''],
          ['epoch', epoch],
          ['cluster', cluster],
        ]),
        emit: (news) => {
          // What a member stated that will not come back counts as no copy any more.
          if (news.kind === 'reaped') copies.forget(news.member.name)
          inspector?.heard(news)
          emit(news)
        },
        serfRpcOpened: (address) => {
          serfRpcAddress = address
        },
        stop: () => supervisor.send({ type: 'stop' }),
      }),
  }

  const replicatorLog = log.child({ actor: 'replicator' })
  const leftOut = new LeftOut(env.clock, directory, (copy) =>
    replicatorLog.warn(copy, 'a log is left out: the peer has it in a form of a later version; all others go on'),
  )
  const machine = supervisorActor({
    drainTimeoutMs: config.drainTimeoutMs,
    assign: () => assignment.decide(),
    journal: journalLogic({
      open: (failed) => storage.openJournal(failed),
      opened: (journal) => {
        summary.follow(journal)
        const end = storage.start(journal)
        inspector?.follow(journal)
        metrics?.follow(journal)
        return end
      },
    }),
    server,
    membership: membershipActor({
      ...gossipOptions,
      joinRetryMs: config.joinRetryMs,
      joinRetryMaxMs: config.joinRetryMaxMs,
      fraction,
    }),
    replicator: replicatorActor({
      rpc: env.rpc,
      clock: env.clock,
      cluster,
      peerTls: () => credentials.peerTls,
      journal: () => storage.open.journal,
      ...{ summary, directory, assignment, leftOut, clocks, healer: storage.healer },
      listings: new Listings(),
      lost: ({ name, address }, reason) =>
        replicatorLog.warn({ peer: name, address, ...reason }, 'replication interrupted'),
      fraction,
    }),
  })

  const supervisor = createActor(machine, {
    id: 'supervisor',
    input: { node: config.nodeName, epoch },
    clock: env.clock as never,
    logger: () => {},
    ...(inspect && { inspect }),
  })
  inspector?.attend(supervisor)

  const done = new Promise<ReeveError | undefined>((resolve) => {
    supervisor.subscribe({
      next: (snapshot) => phase.set(phaseOf(snapshot)),
      error: (error) => {
        inspector?.recorder.crashed(supervisor, error)
        resolve(new ReeveError('INTERNAL', 'the supervisor crashed', { cause: error }))
      },
      complete: () => {
        const { reason } = supervisor.getSnapshot().context
        resolve(reason ? new ReeveError(codeOf(reason.code), reason.message) : undefined)
      },
    })
  }).then((failure) => {
    phase.set('stopped')
    inspector?.close()
    metrics?.close()
    return failure
  })

  return {
    name: config.nodeName,
    epoch,
    done,
    async start() {
      started = true
      warnOfOpenDoors(config, log)
      const running = new Promise<void>((resolve) => {
        const stopListening = phase.onChange((now) => {
          if (now === 'starting') return
          stopListening()
          resolve()
        })
      })
      supervisor.start()
      await running
      if (phase.current === 'stopped' || phase.current === 'draining') {
        const failure = await done
        if (failure) throw failure
      }
    },
    async stop() {
      if (!started) return
      supervisor.send({ type: 'stop' })
      await done
    },
    reload: () => supervisor.send({ type: 'reload' }),
    status() {
      const snapshot = supervisor.getSnapshot()
      const { rpcAddress, httpAddress, peers } = snapshot.context
      return {
        node: config.nodeName,
        epoch,
        phase: phase.current,
        rpcAddress: rpcAddress ?? undefined,
        httpAddress: httpAddress ?? undefined,
        gossipAddress: gossip && formatAddress(gossip.address),
        serfRpcAddress: serfRpcAddress && formatAddress(serfRpcAddress),
        members: members()
          .filter(({ status }) => status === 'alive')
          .map(({ name }) => name),
        wanted: peers.filter(({ up }) => up).map(({ name }) => name),
        replicators: Object.fromEntries(replicatorStates(snapshot)),
        durability: config.durability,
        damagedSegments: storage.found?.journal.soundness.damages().filter(({ unlikely }) => !unlikely).length ?? 0,
        leftOut: leftOut.logs(),
      }
    },
    inspectorLink: () => inspector?.link(),
    get journal() {
      return storage.found?.journal
    },
    get catalog() {
      return storage.found?.catalog
    },
  }
}

/** Around a batch in a message: topic and ids, or what a request says besides. */
const messageOverheadBytes = 1024 * 1024

function codeOf(text: string): ErrorCode {
  return isErrorCode(text) ? text : 'INTERNAL'
}
