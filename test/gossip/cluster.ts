/** Cores that talk through a network of virtual time: packets and streams with delay, loss, cuts; all by one seed. */

import { createHash } from 'node:crypto'
import type { OpenQuery, Question } from '../../src/gossip/asking.ts'
import type { GossipCore, JoinManner, Reply } from '../../src/gossip/core.ts'
import type { Fact, HeardQuery, QueryAnswer } from '../../src/gossip/effects.ts'
import { createGossipCore } from '../../src/gossip/gossip.ts'
import type { Endpoint } from '../../src/gossip/ip.ts'
import { Keyring } from '../../src/gossip/keyring.ts'
import type { Keys } from '../../src/gossip/keys.ts'
import type { MemberStatus } from '../../src/gossip/member.ts'
import { type Profile, profiles } from '../../src/gossip/profile.ts'
import { type Sealing, type StreamSide, unsealed } from '../../src/gossip/sealing.ts'
import {
  createStreamReader,
  encodeStream,
  type StreamMessage,
  type StreamOutcome,
} from '../../src/gossip/stream-codec.ts'
import { sealed } from './sealed.ts'

export interface Node {
  readonly name: string
  readonly at: Endpoint
  readonly core: GossipCore
  readonly facts: Fact[]
  /** To its queries, by their Lamport times; undefined: the time is over. */
  readonly answers: Map<bigint, (QueryAnswer | undefined)[]>
  readonly done: Map<number, { reached: number; problems: readonly string[] }>
  running: boolean
  readonly sealing: Sealing
  /** As its key file has them. */
  keys: Keys
  /** Its key file cannot be written. */
  diskFull: boolean
  /** What a busy event loop leaves waiting: packets and ends of streams, in order; undefined: it runs. */
  waiting?: { readonly actions: (() => void)[]; packets: number } | undefined
}

interface NodeOptions {
  readonly tags?: Record<string, string>
  readonly port?: number
  /** What its key file holds; a restart is given what `keys` of the node has come to. */
  readonly keys?: Keys
  readonly coordinates?: boolean
  readonly compression?: boolean
}

/** Room of a Linux socket by default: 208 KiB doubled, of which a packet takes 2304 bytes whatever it holds. */
const socketPackets = 184
/** libuv reads so many from a socket before it looks at anything else. */
const packetsPerTurn = 32
const turnMs = 2

export type Link = (from: Endpoint, to: Endpoint, medium: 'packet' | 'stream') => boolean

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Cluster {
  nowMs = 0
  /** What is connected to what; everything at first. */
  link: Link = () => true
  /** The share of packets that get lost. */
  loss = 0
  /** Names of the kinds of message sent, for counting. */
  packets = 0
  readonly profile: Profile
  readonly nodes: Node[] = []
  readonly #random: () => number
  readonly #trace = createHash('sha256')
  #queue: { atMs: number; order: number; run: () => void }[] = []
  #order = 0
  #lastPort = 7000

  constructor(seed: number, profile: Profile = profiles.lan) {
    this.#random = seededRandom(seed)
    this.profile = profile
  }

  /** Of everything that was sent so far, to the byte and the moment. */
  get trace(): string {
    return this.#trace.copy().digest('hex')
  }

  start(name: string, { tags = {}, port, coordinates = true, keys = [], compression = true }: NodeOptions = {}): Node {
    this.#lastPort += 1
    const at = { host: '10.0.0.1', port: port ?? this.#lastPort }
    const nonces = seededRandom(at.port)
    const keyring = keys.length > 0 ? new Keyring(keys, (list) => this.#store(node, list)) : undefined
    const sealing = keyring
      ? sealed([], { keys: () => keyring.keys, nonce: () => Uint8Array.from({ length: 12 }, () => 256 * nonces()) })
      : unsealed
    const config = {
      name,
      advertise: at,
      tags: new Map(Object.entries(tags)),
      profile: this.profile,
      compression,
      coordinates,
      sealing,
      ...(keyring && { keyring }),
    }
    const random = seededRandom(Math.floor(this.#random() * 2 ** 32))
    const core = createGossipCore(config, random, this.nowMs)
    const idle = { facts: [], answers: new Map(), done: new Map(), running: true, diskFull: false }
    const node: Node = { name, at, core, sealing, keys, ...idle }
    this.nodes.push(node)
    return node
  }

  /** Takes a while; a crash before it is over leaves the old file or the new one. */
  #store(node: Node, keys: Keys): void {
    this.#later(() => {
      if (!node.diskFull && (node.running || this.#random() < 0.5)) node.keys = keys
      if (node.running) node.core.keysStored(this.nowMs, node.diskFull ? 'disk full' : undefined)
    }, node.at)
  }

  /** Stops without a word. */
  crash(node: Node): void {
    node.running = false
  }

  /** Blocks its event loop: nothing is read and no timer fires; packets wait as far as the socket has room for them. */
  stall(node: Node, forMs: number): void {
    node.waiting = { actions: [], packets: 0 }
    this.#schedule(forMs, () => {
      if (this.#random() < 0.5) this.#wake(node)
      this.#turn(node)
    })
  }

  /** One turn of the event loop after it was blocked; what is due comes between the turns. */
  #turn(node: Node): void {
    const { waiting } = node
    if (!waiting || !node.running) return
    for (const action of waiting.actions.splice(0, packetsPerTurn)) {
      action()
      this.#collect(node)
    }
    this.#wake(node)
    if (waiting.actions.length === 0) node.waiting = undefined
    else this.#schedule(turnMs, () => this.#turn(node))
  }

  #wake(node: Node): void {
    if (node.core.nextWakeMs() > this.nowMs) return
    node.core.wake(this.nowMs)
    this.#collect(node)
  }

  join(node: Node, ...seeds: Node[]): number {
    return this.#join(node, seeds, { replay: false })
  }

  joinAndReplay(node: Node, ...seeds: Node[]): number {
    return this.#join(node, seeds, { replay: true })
  }

  /** Asks somebody, who may turn out to be known. */
  meet(node: Node, other: Node): number {
    return this.#join(node, [other], { replay: true, quiet: true })
  }

  #join(node: Node, seeds: Node[], manner: JoinManner): number {
    const places = seeds.map(({ at }) => at)
    const order = node.core.join(places, manner, this.nowMs)
    this.#collect(node)
    return order
  }

  leave(node: Node): number {
    const order = node.core.leave(this.nowMs)
    this.#collect(node)
    return order
  }

  setTags(node: Node, tags: Record<string, string>): number {
    const order = node.core.setTags(new Map(Object.entries(tags)), this.nowMs)
    this.#collect(node)
    return order
  }

  sendEvent(node: Node, name: string, payload = '', coalesce = false): void {
    node.core.sendEvent(name, new TextEncoder().encode(payload), coalesce, this.nowMs)
    this.#collect(node)
  }

  query(node: Node, name: string, question: Partial<Question> = {}): OpenQuery {
    const open = node.core.query({ name, payload: new Uint8Array(0), ...question }, this.nowMs)
    this.#collect(node)
    return open
  }

  respond(node: Node, query: HeardQuery, text: string): void {
    node.core.respond(query, new TextEncoder().encode(text), this.nowMs)
    this.#collect(node)
  }

  forceLeave(node: Node, name: string, prune = false): number {
    const order = node.core.forceLeave(name, prune, this.nowMs)
    this.#collect(node)
    return order
  }

  /** A datagram from somewhere. */
  inject(node: Node, bytes: Uint8Array, from: Endpoint = { host: '10.9.9.9', port: 9 }): void {
    node.core.receivePacket(bytes, from, this.nowMs)
    this.#collect(node)
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs
    this.until(() => false, forMs, false)
    this.nowMs = endMs
  }

  /** Runs until the condition holds; throws when it does not within the time. */
  until(condition: () => boolean, withinMs = 120_000, mustHold = true): void {
    const endMs = this.nowMs + withinMs
    while (!condition()) {
      const [event] = this.#queue
      let wakeMs = Number.POSITIVE_INFINITY
      for (const node of this.nodes) {
        if (node.running && !node.waiting) wakeMs = Math.min(wakeMs, node.core.nextWakeMs())
      }
      const nextMs = Math.max(this.nowMs, Math.min(event?.atMs ?? Number.POSITIVE_INFINITY, wakeMs))
      if (nextMs > endMs) {
        if (mustHold) throw new Error(`not within ${withinMs} ms of virtual time: ${condition}`)
        return
      }
      this.nowMs = nextMs
      if (event && event.atMs <= nextMs) {
        this.#queue.shift()
        event.run()
        continue
      }
      for (const node of this.nodes) if (node.running && !node.waiting) this.#wake(node)
    }
  }

  status(observer: Node, name: string): MemberStatus | undefined {
    return observer.core.members().find((member) => member.name === name)?.status
  }

  /** Everybody who runs sees exactly these alive. */
  agree(names: readonly string[], observers = this.nodes.filter((node) => node.running)): boolean {
    const wanted = [...names].sort().join()
    return observers.every(({ core }) => {
      const alive = core.members().filter(({ status }) => status === 'alive')
      return (
        alive
          .map(({ name }) => name)
          .sort()
          .join() === wanted
      )
    })
  }

  #collect(node: Node): void {
    for (const effect of node.core.take()) {
      switch (effect.kind) {
        case 'packet': {
          this.packets += 1
          this.#trace.update(`${this.nowMs} ${node.name} ${effect.to.port} `).update(effect.bytes)
          if (!this.link(node.at, effect.to, 'packet') || this.#random() < this.loss) break
          this.#later(() => this.#at(effect.to)?.core.receivePacket(effect.bytes, node.at, this.nowMs), effect.to, true)
          break
        }
        case 'stream':
          this.#trace.update(`${this.nowMs} ${node.name} ${effect.to.port} stream `).update(effect.bytes)
          this.#stream(node, effect)
          break
        case 'fact':
          node.facts.push(effect.fact)
          this.#trace.update(`${this.nowMs} ${node.name} ${effect.fact.kind}`)
          break
        case 'answer':
          node.answers.set(effect.query, [...(node.answers.get(effect.query) ?? []), effect.answer])
          break
        case 'done':
          node.done.set(effect.order, effect)
          break
        case 'problem':
          break
      }
    }
  }

  #stream(
    node: Node,
    { id, to, bytes, timeoutMs }: { id: number; to: Endpoint; bytes: Uint8Array; timeoutMs: number },
  ) {
    const fail = (problem: string) => () => {
      if (node.running) node.core.streamFailed(id, problem, this.nowMs, problem === 'refused')
    }
    if (!this.link(node.at, to, 'stream')) {
      this.#later(fail('timed out'), node.at, false, timeoutMs)
      return
    }
    const answered: Reply = (answer) => {
      if (!answer) return this.#later(fail('no answer'), node.at)
      this.#later(() => {
        if (!node.running) return
        const outcome = outcomeIn(answer, node.sealing, 'answerer')
        if (outcome.ok) node.core.streamAnswered(id, outcome.value, this.nowMs, outcome.key)
        else node.core.streamFailed(id, outcome.problem, this.nowMs)
      }, node.at)
    }
    this.#later(() => {
      const other = this.#at(to)
      if (other) this.#accept(other, bytes, node.at, answered)
      else this.#later(fail('refused'), node.at)
    }, to)
  }

  /** As the transport does it. */
  #accept(node: Node, bytes: Uint8Array, from: Endpoint, reply: Reply): void {
    const outcome = outcomeIn(bytes, node.sealing, 'opener')
    if (outcome.ok) {
      node.core.receiveStream(outcome.value, from, this.nowMs, reply)
      return
    }
    const problem = encodeStream({ kind: 'error', text: outcome.problem }, { compress: false })
    reply(outcome.answer ? node.sealing.sealStream(problem, 'answerer') : undefined)
  }

  #at(place: Endpoint): Node | undefined {
    return this.nodes.find(({ at, running }) => running && at.host === place.host && at.port === place.port)
  }

  /** Does it within a few milliseconds, then collects what whoever is at `place` has to say. */
  #later(action: () => void, place: Endpoint, isPacket = false, delayMs = 0.2 + 3 * this.#random()): void {
    this.#schedule(delayMs, () => {
      const waiting = this.#at(place)?.waiting
      if (waiting) {
        if (isPacket && waiting.packets >= socketPackets) return
        if (!isPacket) return void waiting.actions.push(action)
        waiting.packets += 1
        waiting.actions.push(() => {
          waiting.packets -= 1
          action()
        })
        return
      }
      action()
      const node = this.#at(place)
      if (node) this.#collect(node)
    })
  }

  #schedule(delayMs: number, run: () => void): void {
    this.#order += 1
    const event = { atMs: this.nowMs + delayMs, order: this.#order, run }
    let place = this.#queue.length
    while (place > 0 && (this.#queue[place - 1]?.atMs as number) > event.atMs) place -= 1
    this.#queue.splice(place, 0, event)
  }
}

function outcomeIn(bytes: Uint8Array, sealing: Sealing, from: StreamSide): StreamOutcome {
  const reader = createStreamReader(undefined, sealing, from)
  return reader.push(bytes) ?? reader.end()
}

export function messageIn(bytes: Uint8Array): StreamMessage {
  const outcome = outcomeIn(bytes, unsealed, 'opener')
  if (!outcome.ok) throw new Error(outcome.problem)
  return outcome.value
}
