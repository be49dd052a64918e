/** Which links do not get on, and for how long: owns since when each is as it is, by one clock that never jumps. */

import type { Finding } from './alarms.ts'
import type { LinkFacts } from './facts.ts'

/** A link may take so long to be made, or to get over a burst. */
const patienceMs = 60_000
/** A replica that lacks more than that has fallen behind; see `src/actors/pull.ts`. */
const behindRecords = 10_000

export class LinkWatch {
  /** By peer. */
  #broken = new Map<string, number>()
  #behind = new Map<string, number>()

  /** To be given all links at each look. */
  look(links: readonly LinkFacts[], nowMs: number): (Finding & { readonly about: string })[] {
    this.#broken = since(this.#broken, links.filter(isBroken), nowMs)
    this.#behind = since(this.#behind, links.filter(isBehind), nowMs)
    return links.flatMap((link): (Finding & { readonly about: string })[] => {
      const alarm = { what: 'link', severity: 'warning', about: link.peer } as const
      if (lasts(this.#broken, link, nowMs)) {
        const text = `nothing is copied from ${link.peer}: gossip has it alive, but it cannot be called at ${link.address}`
        return [{ ...alarm, severity: 'error', text }]
      }
      if (!lasts(this.#behind, link, nowMs)) return []
      return [
        {
          ...alarm,
          text: `${link.lagRecords} records of ${link.peer} are not here yet, and have not been for a while`,
        },
      ]
    })
  }
}

function isBroken({ state }: LinkFacts): boolean {
  return state === 'dialing' || state === 'backoff'
}

function isBehind({ lagRecords }: LinkFacts): boolean {
  return lagRecords >= behindRecords
}

function since(before: ReadonlyMap<string, number>, links: readonly LinkFacts[], nowMs: number): Map<string, number> {
  return new Map(links.map(({ peer }) => [peer, before.get(peer) ?? nowMs]))
}

function lasts(from: ReadonlyMap<string, number>, { peer }: LinkFacts, nowMs: number): boolean {
  const sinceMs = from.get(peer)
  return sinceMs !== undefined && nowMs - sinceMs >= patienceMs
}
