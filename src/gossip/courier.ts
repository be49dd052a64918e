/**
 * Packs messages into packets: owns the four queues of broadcasts and what rides along with which packet. Never
 * decides whom to tell.
 */

import { BroadcastQueue, retransmitLimit } from './broadcast-queue.ts'
import type { Effect } from './effects.ts'
import { type Endpoint, endpointKey } from './ip.ts'
import { encodeMessage } from './memberlist-codec.ts'
import type { Message } from './messages.ts'
import type { NodeRecord } from './node-list.ts'
import { encodePacket, maxCompoundParts } from './packet.ts'
import type { Profile } from './profile.ts'
import type { Sealing } from './sealing.ts'
import { understands } from './versions.ts'

/** memberlist's UDPBufferSize. */
export const packetBudgetBytes = 1400
/** A compound packet's own two bytes, and two for the length of each part. */
const compoundBytes = 2
const partBytes = 2
/** Serf's MaxQueueDepth. */
const maxUserQueueDepth = 4096
/** The part of a packet that user broadcasts get for sure, however much is said about nodes. */
const userShare = 1 / 4

export interface CourierParts {
  readonly profile: Profile
  readonly compression: boolean
  readonly sealing: Sealing
  /** How many nodes and how many members there are: the reach of the two kinds of broadcast. */
  readonly nodeCount: () => number
  readonly memberCount: () => number
  readonly emit: (effect: Effect) => void
}

export class Courier {
  /** About nodes, named. */
  readonly nodes = this.#queue()
  readonly intents = this.#queue(maxUserQueueDepth)
  readonly queries = this.#queue(maxUserQueueDepth)
  readonly events = this.#queue(maxUserQueueDepth)
  /**
   * We have just joined, and so have others perhaps: what gossip misses of them, the exchanges of state that we have
   * still to do will mend. Until then we pass on less often who else is here.
   */
  settling = false
  readonly #parts: CourierParts
  /** What we began and gossip is through with, oldest first. */
  #ownNews: Uint8Array[] = []

  constructor(parts: CourierParts) {
    this.#parts = parts
  }

  /** Something waits to be told. */
  get hasNews(): boolean {
    return this.nodes.depth + this.intents.depth + this.queries.depth + this.events.depth > 0
  }

  /** The largest message that can ever ride along. */
  get maxBroadcastBytes(): number {
    return this.#roomBytes - compoundBytes - partBytes
  }

  /** To an address, with as many broadcasts as fit. `probe`: see `Effect`. */
  send(to: Endpoint, message: Message, probe?: number): void {
    const bytes = encodeMessage(message)
    const riders = this.#take(to, this.#roomBytes - bytes.length - compoundBytes, maxCompoundParts - 1)
    this.#post(to, [bytes, ...riders], false, probe)
  }

  /** To a node, these messages and nothing else. */
  sendAlone(node: NodeRecord, messages: readonly Message[], probe?: number): void {
    this.#post(
      node,
      messages.map((message) => encodeMessage(message)),
      understands(node.vsn, 'checksum'),
      probe,
    )
  }

  /** To an address, one user message and nothing else. */
  sendUser(to: Endpoint, payload: Uint8Array): void {
    this.#post(to, [encodeMessage({ kind: 'user', payload })], false)
  }

  /** Tells one node news; false: there is none. */
  gossip(node: NodeRecord): boolean {
    const news = this.#take(node, this.#roomBytes - compoundBytes, maxCompoundParts)
    if (news.length > 0) this.#post(node, news, understands(node.vsn, 'checksum'))
    return news.length > 0
  }

  get hasOwnNews(): boolean {
    return this.#ownNews.length > 0
  }

  /** As much of it as one packet holds; gossip told older news as well as it could. */
  takeOwnNews(): Uint8Array[] {
    const news: Uint8Array[] = []
    let room = this.#roomBytes - compoundBytes
    for (const bytes of this.#ownNews.reverse()) {
      room -= bytes.length + partBytes
      if (room < 0 || news.length === maxCompoundParts) break
      news.unshift(bytes)
    }
    this.#ownNews = []
    return news
  }

  /** Tells one node what `takeOwnNews` gave. */
  tell(node: NodeRecord, news: readonly Uint8Array[]): void {
    this.#post(node, news, understands(node.vsn, 'checksum'))
  }

  /** Tells one node these messages, in as many packets as they take. */
  tellAll(node: NodeRecord, news: readonly Uint8Array[]): void {
    let parts: Uint8Array[] = []
    let room = this.#roomBytes - compoundBytes
    for (const bytes of news) {
      if (bytes.length + partBytes > room || parts.length === maxCompoundParts) {
        this.tell(node, parts)
        parts = []
        room = this.#roomBytes - compoundBytes
      }
      parts.push(bytes)
      room -= bytes.length + partBytes
    }
    this.tell(node, parts)
  }

  #queue(maxDepth?: number): BroadcastQueue {
    return new BroadcastQueue(
      maxDepth,
      (bytes) => this.#ownNews.push(bytes),
      () => this.settling,
    )
  }

  get #roomBytes(): number {
    return packetBudgetBytes - this.#parts.sealing.packetOverheadBytes
  }

  /** How long it takes until all that waits now was sent as often as it has to be. */
  loadMs(): number {
    const { profile, nodeCount, memberCount } = this.#parts
    const limit = retransmitLimit(profile.retransmitMult, Math.max(nodeCount(), memberCount()))
    const queues = [this.nodes, this.intents, this.queries, this.events]
    const bytes = queues.reduce((sum, queue) => sum + queue.bytes + queue.depth * partBytes, 0)
    const heard = Math.max(1, Math.min(profile.gossipNodes, nodeCount() - 1))
    const rounds = (bytes * limit) / (this.#roomBytes * heard)
    return rounds * profile.gossipIntervalMs
  }

  #take(to: Endpoint, maxBytes: number, maxCount: number): Uint8Array[] {
    if (!this.hasNews) return []
    const { profile, nodeCount, memberCount } = this.#parts
    const userQueues = [this.intents, this.queries, this.events]
    const waiting = userQueues.reduce((sum, queue) => sum + queue.bytes + queue.depth * partBytes, 0)
    const reserved = Math.min(waiting, Math.floor(maxBytes * userShare))
    const limit = retransmitLimit(profile.retransmitMult, nodeCount())
    const key = endpointKey(to)
    const taken = this.nodes.take(maxBytes - reserved, partBytes, limit, maxCount, key)
    const userLimit = retransmitLimit(profile.retransmitMult, memberCount())
    for (const queue of userQueues) {
      const room = maxBytes - taken.reduce((sum, bytes) => sum + bytes.length + partBytes, 0)
      taken.push(...queue.take(room, partBytes, userLimit, maxCount - taken.length, key))
    }
    return taken
  }

  #post({ host, port }: Endpoint, parts: readonly Uint8Array[], crc: boolean, probe?: number): void {
    const { compression, sealing } = this.#parts
    const bytes = sealing.sealPacket(encodePacket(parts, { compress: compression, crc }))
    this.#parts.emit({ kind: 'packet', to: { host, port }, bytes, ...(probe !== undefined && { probe }) })
  }
}
