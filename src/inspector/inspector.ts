/** All of a node's inspector: its recorder, what is looked at now and then, the page, and the records for its peers. */

import type { AnyActorRef } from 'xstate'
import type { Peer } from '../../machines/messages.ts'
import type { GossipFact } from '../actors/gossip.ts'
import type { Clock, Env, OpenCall, RpcRoute, TlsMaterial, WebHandler } from '../env/env.ts'
import { toReeveError } from '../errors.ts'
import type { Journal } from '../log/journal.ts'
import type { PhaseSource } from '../server/phase.ts'
import { Door } from './door.ts'
import { elide } from './elide.ts'
import type { ServerPart } from './facts.ts'
import { type FactSources, Gather } from './gather.ts'
import { longCalls } from './long-calls.ts'
import type { PageFiles } from './page-files.ts'
import { Recorder } from './recorder.ts'
import { Viewing } from './viewing.ts'
import { watchRoutes } from './watch-route.ts'
import { inspectorWeb } from './web.ts'

export interface InspectorOptions {
  readonly node: string
  readonly epoch: string
  readonly env: Pick<Env, 'clock' | 'random' | 'rpc'>
  /** Whose time is on the records; default: the node's clock. */
  readonly recordClock?: Clock
  readonly phase: PhaseSource
  readonly page: () => PageFiles | undefined
  readonly facts: Omit<FactSources, 'server'> & { readonly calls: () => ReadonlySet<OpenCall> }
  readonly tls: () => TlsMaterial | undefined
  /** Nodes of this cluster that gossip believes alive. */
  readonly peers: () => readonly Peer[]
  /** host:port of the HTTP port, once it is bound; null: there is none. */
  readonly httpAddress: () => string | null
  /** Told once, when something could not be recorded. */
  readonly failed: (message: string) => void
}

export class Inspector {
  readonly recorder: Recorder
  readonly gather: Gather
  readonly web: WebHandler
  /** To be put behind the right to `inspect`. */
  readonly routes: readonly RpcRoute[]
  readonly #viewing: Viewing
  readonly #door: Door
  readonly #httpAddress: () => string | null
  /** Each begins to listen to something, and returns what ends that. */
  readonly #ears: (() => () => void)[] = []
  #deafen: (() => void)[] | undefined = []

  constructor(options: InspectorOptions) {
    const { node, epoch, env, phase, page, tls, peers } = options
    const { clock, random, rpc } = env
    const failed = (error: unknown) => options.failed(toReeveError(error).message)
    this.recorder = new Recorder({ node, epoch, clock: options.recordClock ?? clock, failed })
    this.#viewing = new Viewing({ recorder: this.recorder, clock, random, relay: { rpc, tls, peers } })
    this.#door = new Door({ clock, random })
    this.#httpAddress = options.httpAddress
    this.web = inspectorWeb({ node, clock, door: this.#door, viewing: this.#viewing, files: page })
    this.routes = watchRoutes({ recorder: this.recorder, phase, link: () => this.link() })
    const { calls, ...facts } = options.facts
    const server = (): ServerPart => {
      const open = calls()
      const long = longCalls(open, clock.monotonicMs(), clock.now())
      return { calls: open.size, watchers: this.#viewing.watchers, ...(long.length > 0 && { long }) }
    }
    this.gather = new Gather(this.recorder, clock, { ...facts, server })
  }

  /** A link to the page that works once; undefined: no page is served. */
  link(): string | undefined {
    const address = this.#httpAddress()
    if (address === null) return undefined
    // What listens on all interfaces is reached here by this one.
    const host = address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')
    return `http://${host}/inspector/?token=${this.#door.invite()}`
  }

  heard(news: GossipFact): void {
    if (news.kind === 'userEvent') {
      const { name, lTime, payload } = news.event
      this.recorder.heard({ what: 'event', name, lTime: String(lTime), payload: elide(payload) })
    } else if (news.kind === 'query') {
      const { name, from, lTime, payload } = news.query
      this.recorder.heard({ what: 'query', name, from, lTime: String(lTime), payload: elide(payload) })
    }
  }

  /** All of the node's actors, before they start. */
  attend(actors: AnyActorRef): void {
    this.#listen(() => {
      const subscription = actors.system.inspect(this.recorder.inspect)
      return () => subscription.unsubscribe()
    })
  }

  /** The logs are open: from now on it looks at the node now and then. */
  follow(journal: Journal): void {
    this.gather.start()
    this.#listen(() => journal.onCommit((log) => this.gather.logs.changed(log)))
    this.#listen(() => journal.onTrim((log) => this.gather.logs.changed(log)))
  }

  /**
   * Until `resume` the node is as one without an inspector, and whoever watches is sent away: to measure what it costs.
   * What happens meanwhile is unknown for ever, actors that begin or end included.
   */
  pause(): void {
    for (const deafen of this.#deafen ?? []) deafen()
    this.#deafen = undefined
    this.gather.pause()
    this.#viewing.close()
  }

  resume(): void {
    this.#deafen ??= this.#ears.map((listen) => listen())
    this.gather.resume()
  }

  close(): void {
    this.gather.close()
    this.#viewing.close()
  }

  #listen(listen: () => () => void): void {
    this.#ears.push(listen)
    this.#deafen?.push(listen())
  }
}
