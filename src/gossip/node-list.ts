/**
 * The nodes as failure detection sees them (memberlist's list), ourselves included. Owns identity, order and choice;
 * what becomes of a node is decided in `swim.ts`.
 */

import { type Endpoint, endpointKey, formatIp } from './ip.ts'
import { NodeState } from './messages.ts'

export type NodeStateNumber = (typeof NodeState)[keyof typeof NodeState]

export interface NodeRecord {
  readonly name: string
  /** As received: 4 or 16 bytes, passed on unchanged. */
  addr: Uint8Array
  /** The same as canonical text. */
  host: string
  port: number
  meta: Uint8Array
  /** [PMin, PMax, PCur, DMin, DMax, DCur] */
  vsn: Uint8Array
  incarnation: number
  state: NodeStateNumber
  stateChangedMs: number
}

/** Of a longer list some are picked without a look at all others, unless so many draws for each find too few. */
const smallList = 32
const triesEach = 8

/** Memory stays bounded whatever is gossiped: nobody runs a cluster of more. */
export const maxNodes = 16_384

export function isUp(node: NodeRecord): boolean {
  return node.state === NodeState.alive || node.state === NodeState.suspect
}

export function isGone(node: NodeRecord): boolean {
  return !isUp(node)
}

export class NodeList {
  readonly #byName = new Map<string, NodeRecord>()
  /** How many names have an address. */
  readonly #addresses = new Map<string, number>()
  readonly #random: () => number
  /** In random order, the order of probing. */
  #order: NodeRecord[] = []
  #probeIndex = 0

  constructor(random: () => number) {
    this.#random = random
  }

  get size(): number {
    return this.#order.length
  }

  get(name: string): NodeRecord | undefined {
    return this.#byName.get(name)
  }

  [Symbol.iterator](): IterableIterator<NodeRecord> {
    return this.#order.values()
  }

  knows(at: Endpoint): boolean {
    return this.#addresses.has(endpointKey(at))
  }

  /** At a random place, so that not everybody probes the newest node first. */
  add(node: NodeRecord): void {
    this.#byName.set(node.name, node)
    this.#countAddress(node, 1)
    const place = Math.floor(this.#random() * (this.#order.length + 1))
    const displaced = this.#order[place]
    this.#order[place] = node
    if (displaced) this.#order.push(displaced)
  }

  /** Takes over an address, as received. */
  move(node: NodeRecord, addr: Uint8Array, port: number): void {
    this.#countAddress(node, -1)
    node.addr = addr
    node.host = formatIp(addr) ?? ''
    node.port = port
    this.#countAddress(node, 1)
  }

  removeWhere(condition: (node: NodeRecord) => boolean): void {
    for (const node of this.#order) {
      if (!condition(node)) continue
      this.#byName.delete(node.name)
      this.#countAddress(node, -1)
    }
    this.#order = this.#order.filter((node) => this.#byName.has(node.name))
  }

  /** The next node that `wanted` accepts. `passed` is called at the end of each pass, before a new one in new order. */
  next(wanted: (node: NodeRecord) => boolean, passed: () => void): NodeRecord | undefined {
    for (let checked = 0; checked <= this.#order.length; checked += 1) {
      if (this.#probeIndex >= this.#order.length) {
        passed()
        this.#order = this.#drawn(this.#order)
        this.#probeIndex = 0
      }
      const node = this.#order[this.#probeIndex]
      this.#probeIndex += 1
      if (node && wanted(node)) return node
    }
    return undefined
  }

  /** Up to `count` different nodes that `wanted` accepts, at random. */
  pick(count: number, wanted: (node: NodeRecord) => boolean): NodeRecord[] {
    if (this.#order.length <= smallList) return this.#drawn(this.#order.filter(wanted), count)
    const picked: NodeRecord[] = []
    for (let tries = count * triesEach; tries > 0 && picked.length < count; tries -= 1) {
      const node = this.#order[Math.floor(this.#random() * this.#order.length)] as NodeRecord
      if (!picked.includes(node) && wanted(node)) picked.push(node)
    }
    if (picked.length === count) return picked
    const others = this.#order.filter((node) => !picked.includes(node) && wanted(node))
    return [...picked, ...this.#drawn(others, count - picked.length)]
  }

  /** The first `count` of the nodes in random order (Fisher and Yates). */
  #drawn(nodes: NodeRecord[], count = nodes.length): NodeRecord[] {
    const drawn = Math.min(count, nodes.length)
    for (let i = 0; i < drawn; i += 1) {
      const j = i + Math.floor(this.#random() * (nodes.length - i))
      const node = nodes[j] as NodeRecord
      nodes[j] = nodes[i] as NodeRecord
      nodes[i] = node
    }
    return nodes.slice(0, drawn)
  }

  #countAddress(node: NodeRecord, change: 1 | -1): void {
    const key = endpointKey(node)
    const count = (this.#addresses.get(key) ?? 0) + change
    if (count === 0) this.#addresses.delete(key)
    else this.#addresses.set(key, count)
  }
}
