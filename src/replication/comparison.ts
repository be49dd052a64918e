/**
 * Finds out what a peer has beyond us by as few words as possible: one number for everything; where that differs, one for
 * each group; where that differs, the logs of the group. Many peers that differ from us in the same way are not all asked
 * for the same: a group is listed by one peer at a time, and once what it has more has arrived, the others mostly have
 * nothing to add.
 */

import type { Directory } from './directory.ts'
import { type GroupDigest, groupKey, type Summary } from './summary.ts'

/** Groups that one peer lists or delivers at a time: the other peers have their turn with the others. */
const groupsAtOnce = 32

/** Who lists which group, for all comparisons of a node. */
export class Listings {
  /** Group key to peer. */
  readonly #claims = new Map<string, string>()
  readonly #comparisons = new Set<Comparison>()

  join(comparison: Comparison): void {
    this.#comparisons.add(comparison)
  }

  leave(comparison: Comparison): void {
    this.#comparisons.delete(comparison)
    for (const [group, peer] of [...this.#claims]) if (peer === comparison.peer) this.release(group)
  }

  /** True when it is this peer's turn with the group. */
  claim(group: string, peer: string): boolean {
    if (this.#claims.has(group)) return false
    this.#claims.set(group, peer)
    return true
  }

  release(group: string): void {
    this.#claims.delete(group)
    for (const comparison of [...this.#comparisons]) comparison.released(group)
  }
}

interface Difference {
  readonly topic: string
  readonly origin: string
  /** Of its latest run there. */
  readonly epoch: string
  readonly older: bigint
}

export class Comparison {
  readonly peer: string
  readonly #summary: Summary
  readonly #directory: Directory
  readonly #listings: Listings
  readonly #list: (topic: string, origin: string) => void
  readonly #over: () => void
  readonly #unsubscribe: () => void
  /** Groups whose older runs differ, and were not listed yet. */
  readonly #differing = new Map<string, Difference>()
  /** Groups that are this peer's turn: `true` once it has listed all of it. */
  readonly #claimed = new Map<string, boolean>()
  #digested = false
  #toldOver = false
  #ended = false

  constructor(options: {
    readonly peer: string
    readonly summary: Summary
    readonly directory: Directory
    readonly listings: Listings
    /** Asks the peer for all logs of a group. */
    readonly list: (topic: string, origin: string) => void
    /** All it has beyond us is known. Called once, and never from within a call of this. */
    readonly over: () => void
  }) {
    this.peer = options.peer
    this.#summary = options.summary
    this.#directory = options.directory
    this.#listings = options.listings
    this.#list = options.list
    this.#over = options.over
    this.#listings.join(this)
    this.#unsubscribe = this.#directory.onSettled((peer, group) => {
      if (peer === this.peer && this.#claimed.get(group)) this.#finish(group)
    })
  }

  get isOver(): boolean {
    return this.#digested && this.#differing.size === 0 && this.#claimed.size === 0
  }

  /** True when the digests are needed. */
  begin(root: bigint): boolean {
    this.#digested = root === this.#summary.root()
    return !this.#digested
  }

  digest({ latest, older }: GroupDigest): void {
    this.#directory.learn(this.peer, latest)
    const { topic, origin, epoch } = latest.id
    const difference = { topic, origin, epoch, older }
    if (older !== 0n && this.#differs(difference)) this.#differing.set(groupKey(latest.id), difference)
  }

  /** There are no more digests. */
  digested(): void {
    this.#digested = true
    this.#advance()
  }

  /** It has listed this group, and the directory has learnt what it said. */
  listed(group: string): void {
    if (!this.#claimed.has(group)) return
    this.#claimed.set(group, true)
    if (this.#directory.offersIn(this.peer, group) === 0) this.#finish(group)
  }

  /** Some other peer is through with the group. */
  released(group: string): void {
    const difference = this.#differing.get(group)
    if (!difference) return
    if (this.#differs(difference)) this.#advance()
    else {
      this.#differing.delete(group)
      this.#tell()
    }
  }

  end(): void {
    this.#ended = true
    this.#unsubscribe()
    this.#differing.clear()
    this.#claimed.clear()
    this.#listings.leave(this)
  }

  #finish(group: string): void {
    this.#claimed.delete(group)
    this.#listings.release(group)
    this.#advance()
  }

  #advance(): void {
    if (!this.#digested || this.#ended) return
    for (const [group, difference] of this.#differing) {
      if (this.#claimed.size >= groupsAtOnce) break
      if (!this.#differs(difference)) this.#differing.delete(group)
      else if (this.#listings.claim(group, this.peer)) {
        this.#differing.delete(group)
        this.#claimed.set(group, false)
        this.#list(difference.topic, difference.origin)
      }
    }
    this.#tell()
  }

  /** In this way or that: whether the peer has more only the list can say. */
  #differs({ topic, origin, epoch, older }: Difference): boolean {
    return older !== this.#summary.older(topic, origin, epoch)
  }

  #tell(): void {
    if (!this.isOver || this.#toldOver) return
    this.#toldOver = true
    queueMicrotask(() => {
      if (!this.#ended) this.#over()
    })
  }
}
