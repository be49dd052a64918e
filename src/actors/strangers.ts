/**
 * Seeds at whose address no member is known. Two halves of a cluster that came up apart know nothing of each other, and
 * each has company: only a seed leads from one to the other. Owns which of them are asked now, and which have proven to
 * lead nowhere new. Never asks where somebody is known: who failed is tried by gossip itself, and who left is let go.
 */

import { formatAddress } from '../address.ts'
import type { Address } from '../env/env.ts'
import { canonicalHost } from '../gossip/ip.ts'
import type { Member } from '../gossip/member.ts'
import { shuffled } from './shuffled.ts'

/** However many seeds are stale. */
const askedAtOnce = 8
/**
 * Some places lead to members that are known under other addresses: that of a service, of a second network, of a
 * translation. They are passed over once, then twice as often each time, up to so often.
 */
const longestRest = 32

export interface StrangersOptions {
  /** Where seeds are, but for ourselves. */
  readonly find: (seeds: readonly string[]) => Promise<{ readonly places: readonly Address[] }>
  readonly members: () => readonly Member[]
  /** Exchanges state with whoever is there; never rejects for their sake. */
  readonly join: (at: Address) => Promise<{ readonly reached: number }>
  /** Uniform in [0, 1). */
  readonly fraction: () => number
  /** Members came to be known by asking there. */
  readonly met: (places: readonly string[]) => void
}

export class Strangers {
  readonly #options: StrangersOptions
  /** By place. */
  readonly #rests = new Map<string, { readonly length: number; left: number }>()
  #meeting: Promise<number> | undefined

  constructor(options: StrangersOptions) {
    this.#options = options
  }

  /** One attempt; resolves with how many places answered. Together with the one that is under way. */
  meet(seeds: readonly string[]): Promise<number> {
    this.#meeting ??= this.#ask(seeds).finally(() => {
      this.#meeting = undefined
    })
    return this.#meeting
  }

  async #ask(seeds: readonly string[]): Promise<number> {
    const { find, members, join, fraction, met } = this.#options
    const { places } = await find(seeds)
    const known = new Set(members().map(({ host, port }) => formatAddress({ host: canonicalHost(host), port })))
    const unknown = places.filter((at) => !known.has(formatAddress(at)))
    const rested = unknown.filter((at) => this.#isRested(formatAddress(at)))
    const asked = shuffled(rested, fraction).slice(0, askedAtOnce)
    const aliveBefore = this.#alive()
    const answers = await Promise.all(asked.map(join))
    const answered = asked.flatMap((at, i) => (answers[i]!.reached > 0 ? [formatAddress(at)] : []))
    const isNews = [...this.#alive()].some((name) => !aliveBefore.has(name))
    if (isNews && answered.length > 0) met(answered)
    else for (const place of answered) this.#rest(place)
    this.#forgetUnless(new Set(unknown.map(formatAddress)))
    return answered.length
  }

  #alive(): Set<string> {
    return new Set(this.#options.members().flatMap(({ name, status }) => (status === 'alive' ? [name] : [])))
  }

  #isRested(place: string): boolean {
    const rest = this.#rests.get(place)
    if (!rest || rest.left === 0) return true
    rest.left -= 1
    return false
  }

  #rest(place: string): void {
    const length = Math.min(longestRest, 2 * (this.#rests.get(place)?.length ?? 0.5))
    this.#rests.set(place, { length, left: length })
  }

  #forgetUnless(places: ReadonlySet<string>): void {
    for (const place of this.#rests.keys()) if (!places.has(place)) this.#rests.delete(place)
  }
}
