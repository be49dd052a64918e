/**
 * Who joined through us, and who of them came after whose answer. Many that join at once are answered one after the
 * other, and the first have to hear of the last by gossip: of twenty, one in every third burst did not, until an exchange
 * of state. We know each of these pairs. Whenever nobody comes any more, each is told who came after its answer.
 */

import type { Agenda } from './agenda.ts'
import { retransmitLimit } from './broadcast-queue.ts'
import type { Courier } from './courier.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { NodeState } from './messages.ts'
import type { NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import type { Swim } from './swim.ts'

/** Nobody was answered for so long: half as long again as answers are gathered. */
const calmMs = 60
/** Who goes on coming does not keep us from it for longer. */
const longestMs = 1000
/** On a busy machine one burst has gaps: who was told is told of who comes this soon, too. */
const memoryMs = 500
/** What one member can tell all others at once; in larger bursts that is left to gossip and to further exchanges. */
const mostTold = 64

export interface LatecomersParts {
  readonly profile: Profile
  readonly agenda: Agenda
  readonly swim: Pick<Swim, 'list'>
  readonly courier: Pick<Courier, 'tellAll'>
}

/** No name: it did not come alone. */
type Joiner = { readonly name: string | undefined }

export class Latecomers {
  readonly #parts: LatecomersParts
  /** Of those answered before they all know. */
  #told: Joiner[] = []
  /** Since then; who was answered together knows of each other. */
  #answered: (readonly Joiner[])[] = []
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(parts: LatecomersParts) {
    this.#parts = parts
  }

  /** These have just been told all that we know. */
  answered(joiners: readonly Joiner[], nowMs: number): void {
    if (joiners.length === 0) return
    if (nowMs - this.#lastMs > memoryMs) this.#told = []
    this.#lastMs = nowMs
    this.#answered.push(joiners)
    if (this.#answered.length === 1) this.#whenCalm(nowMs + longestMs)
  }

  #whenCalm(latestMs: number): void {
    const untilMs = Math.min(this.#lastMs + calmMs, latestMs)
    const look = (nowMs: number) => {
      if (nowMs < Math.min(this.#lastMs + calmMs, latestMs)) this.#whenCalm(latestMs)
      else this.#tell()
    }
    this.#parts.agenda.at(untilMs, look, true)
  }

  #tell(): void {
    const { profile, swim, courier } = this.#parts
    const groups = [this.#told, ...this.#answered].map((joiners) => joiners.flatMap(({ name }) => this.#alive(name)))
    this.#told = [...this.#told, ...this.#answered.flat()].slice(-mostTold)
    this.#answered = []
    const { size } = swim.list
    // Among so few each tells all others by itself.
    if (size - 1 <= retransmitLimit(profile.retransmitMult, size) || groups.flat().length > mostTold) return
    const later: Uint8Array[] = []
    for (const group of groups.reverse()) {
      if (later.length > 0) for (const node of group) courier.tellAll(node, later)
      later.push(...group.map(arrivalOf))
    }
  }

  #alive(name: string | undefined): NodeRecord[] {
    const node = name === undefined ? undefined : this.#parts.swim.list.get(name)
    return node?.state === NodeState.alive ? [node] : []
  }
}

function arrivalOf({ name, incarnation, addr, port, meta, vsn }: NodeRecord): Uint8Array {
  return encodeMessage({ kind: 'alive', node: name, incarnation, addr, port, meta, vsn })
}
