/**
 * The pages that watch through this node. Owns the hub that they share: it is filled from the node's own recorder and by
 * asking the peers, from the first page on until a while after the last.
 */

import type { Clock, Random, Timer, WebOutput, WebOutputListener } from '../env/env.ts'
import { Hub } from './hub.ts'
import type { ClusterSnapshot, TraceRecord } from './record.ts'
import { parseRecord } from './record-shape.ts'
import type { Recorder } from './recorder.ts'
import { Relay, type RelayOptions } from './relay.ts'
import { Watcher } from './watcher.ts'

export interface ViewingOptions {
  readonly recorder: Recorder
  readonly clock: Clock
  readonly random: Random
  readonly relay: Omit<RelayOptions, 'hub' | 'node' | 'clock' | 'random' | 'history'>
}

const watchersMax = 16
/** A page that is loaded again finds everything still there. */
const lingerMs = 30_000
/** Records of before that a page gets of each node. */
const history = 2000

interface Shared {
  readonly hub: Hub
  readonly id: string
  close(): void
}

export class Viewing {
  readonly #options: ViewingOptions
  readonly #watchers = new Set<Watcher>()
  #shared: Shared | undefined
  #lingering: Timer | undefined

  constructor(options: ViewingOptions) {
    this.#options = options
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** `last`: where the page left off. Undefined: there are too many pages. */
  watch(last?: { hub: string; id: number }): ((output: WebOutput) => WebOutputListener) | undefined {
    if (this.#watchers.size >= watchersMax) return undefined
    return (output) => {
      const { hub, id } = this.#open()
      const known = last?.hub === id
      const watcher = new Watcher(
        {
          hub,
          hubId: id,
          clock: this.#options.clock,
          lastId: known ? last.id : undefined,
          lost: last !== undefined && !known,
          closed: () => {
            this.#watchers.delete(watcher)
            if (this.#watchers.size === 0) this.#linger()
          },
        },
        output,
      )
      this.#watchers.add(watcher)
      return watcher
    }
  }

  snapshot(): ClusterSnapshot {
    const { recorder } = this.#options
    const own = recorder.history(0).snapshot
    const hub = this.#shared?.hub
    const others = hub?.snapshots().filter(({ node }) => node !== own.node) ?? []
    return { self: own.node, nodes: [own, ...others], relays: hub?.relays() ?? [] }
  }

  /** All that there is, to be read once: of this node, and while somebody watches of the others. */
  *trace(): Generator<TraceRecord, undefined> {
    const own = this.#options.recorder.node
    const { snapshot, records } = this.#options.recorder.history()
    yield snapshot
    yield* records
    const hub = this.#shared?.hub
    if (!hub) return
    for (const record of hub.beginning()) if (record.node !== own) yield record
    const end = hub.nextId
    for (let id = hub.firstId; id < end; id++) {
      const entry = hub.at(id)
      // It may fall out while a slow reader takes its time.
      if (!entry || entry.node === own) continue
      const record = parseRecord(entry.text)
      if (record.ok) yield record.value
    }
  }

  close(): void {
    this.#options.clock.clearTimeout(this.#lingering)
    for (const watcher of [...this.#watchers]) watcher.end()
    this.#shared?.close()
    this.#shared = undefined
  }

  #open(): Shared {
    const { recorder, clock, random, relay } = this.#options
    clock.clearTimeout(this.#lingering)
    if (this.#shared) return this.#shared
    const hub = new Hub()
    const unsubscribe = recorder.onRecords((records) => hub.add(records))
    const { snapshot, records } = recorder.history(history)
    hub.add([snapshot, ...records])
    const others = new Relay({ ...relay, hub, node: recorder.node, clock, random, history })
    this.#shared = {
      hub,
      id: Buffer.from(random.bytes(8)).toString('hex'),
      close: () => {
        unsubscribe()
        others.close()
      },
    }
    return this.#shared
  }

  #linger(): void {
    const { clock } = this.#options
    clock.clearTimeout(this.#lingering)
    this.#lingering = clock.setTimeout(() => {
      this.#shared?.close()
      this.#shared = undefined
    }, lingerMs)
  }
}
