/** What all nodes of a cluster tell of themselves, as it comes: asks one of them who there is, and each for its records. */

import { type Client, connect } from '../../client/client.ts'
import type { Address, Env, TlsMaterial } from '../../env/env.ts'
import type { RelayRecord, TraceRecord, TransitionRecord } from '../../inspector/record.ts'
import { Relay } from '../../inspector/relay.ts'
import { NodeReplay } from '../../inspector/replay.ts'
import type { Seen } from './picture.ts'

export interface WatchOptions {
  readonly addresses: readonly Address[]
  readonly tls: TlsMaterial | undefined
  readonly serverName: string | undefined
  readonly timeoutMs: number
  readonly env: Pick<Env, 'rpc' | 'clock' | 'random'>
}

const lookEveryMs = 1000
const recentMax = 50

export class ClusterWatch {
  readonly #client: Client
  readonly #clock: Env['clock']
  readonly #relay: Relay
  readonly #nodes = new Map<string, NodeReplay>()
  readonly #relays = new Map<string, RelayRecord>()
  readonly #recent: TransitionRecord[] = []
  /** Who has looked at itself since we watch it. */
  readonly #looked = new Set<string>()
  #peers: { name: string; address: string; epoch: string }[] = []
  #timer: ReturnType<Env['clock']['setTimeout']> | undefined
  #closed = false

  private constructor(options: WatchOptions) {
    const { addresses, tls, serverName, timeoutMs, env } = options
    this.#client = connect({
      ...{ addresses, timeoutMs, env },
      ...(tls && { tls }),
      ...(serverName !== undefined && { serverName }),
    })
    this.#clock = env.clock
    this.#relay = new Relay({
      hub: {
        add: (records) => {
          for (const record of records) this.#take(record)
        },
        reached: (node) => this.#nodes.get(node),
      },
      node: '',
      ...env,
      tls: () => tls,
      peers: () => this.#peers,
      history: 0,
    })
  }

  /** Rejects where no server answers. */
  static async open(options: WatchOptions): Promise<ClusterWatch> {
    const watch = new ClusterWatch(options)
    try {
      await watch.#look()
    } catch (error) {
      watch.close()
      throw error
    }
    watch.#lookLater()
    return watch
  }

  get seen(): Seen {
    return { nodes: [...this.#nodes.values()], relays: [...this.#relays.values()], recent: this.#recent }
  }

  /** Everybody who is there has told where it stands, or why not. */
  get isWhole(): boolean {
    return this.#peers.every(({ name }) => (this.#relays.get(name)?.state ?? 'asking') !== 'asking')
  }

  /** And what those tell who do is of now: a node that nobody watches looks at itself every ten seconds. */
  get isCurrent(): boolean {
    const isOpen = (name: string) => this.#relays.get(name)?.state === 'open'
    return this.isWhole && this.#peers.every(({ name }) => !isOpen(name) || this.#looked.has(name))
  }

  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    this.#relay.close()
    this.#client.close()
  }

  async #look(): Promise<void> {
    const servers = await this.#client.servers()
    this.#peers = servers.flatMap(({ name, rpcAddress, epoch, status }) =>
      rpcAddress !== undefined && epoch !== undefined && status === 'alive'
        ? [{ name, address: rpcAddress, epoch }]
        : [],
    )
  }

  #lookLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      // Nobody answers at present: the picture says what it knows.
      this.#look().then(
        () => this.#closed || this.#lookLater(),
        () => this.#closed || this.#lookLater(),
      )
    }, lookEveryMs)
  }

  #take(record: TraceRecord): void {
    if (record.kind === 'gap') return
    if (record.kind === 'relay') {
      this.#relays.set(record.node, record)
      if (record.state === 'gone') this.#nodes.delete(record.node)
      return
    }
    let node = this.#nodes.get(record.node)
    if (!node) {
      node = new NodeReplay(record.node)
      this.#nodes.set(record.node, node)
    }
    node.apply(record)
    if (record.kind === 'facts' && record.facts.load) this.#looked.add(record.node)
    if (record.kind !== 'transition' || record.before.join() === record.after.join()) return
    this.#recent.push(record)
    if (this.#recent.length > recentMax) this.#recent.shift()
  }
}
