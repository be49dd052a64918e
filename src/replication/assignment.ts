/**
 * Who pulls what from whom. A live origin's log is pulled from that origin, for as long as it runs. Any other log (its
 * origin runs under a new epoch, or cannot be reached) is pulled from the one connected peer that holds most of it, and
 * only while that is more than we hold: healing costs one copy, not one a peer. A peer that has trimmed what would come
 * next for us is asked only where nobody else has it.
 */

import type { LogId } from '../log/log-id.ts'
import type { Directory, Holding, Offer } from './directory.ts'

/** What is assigned to whom. Decides anew only of logs whose offers changed: the cost follows the change. */
export class Assignment {
  readonly #directory: Directory
  /** By log key. */
  readonly #sources = new Map<string, string>()
  /** Peer name to the logs to pull from it, by log key. */
  readonly #shares = new Map<string, Map<string, LogId>>()
  /** Peer name to the keys of logs that came to or went from its share. */
  readonly #changes = new Map<string, Set<string>>()

  constructor(directory: Directory) {
    this.#directory = directory
  }

  /** Decides anew; true for a peer whose share has changes that nobody took yet. */
  decide(): (peer: string) => boolean {
    for (const key of this.#directory.takeTouched()) {
      const offer = this.#directory.offer(key)
      const before = this.#sources.get(key)
      const now = offer && sourceOf(key, offer, this.#directory, before)
      if (now === before) continue
      if (before !== undefined) this.#shares.get(before)?.delete(key)
      if (before !== undefined) this.#change(before, key)
      if (now === undefined) this.#sources.delete(key)
      else {
        this.#sources.set(key, now)
        this.#shareOf(now).set(key, (offer as Offer).id)
        this.#change(now, key)
      }
    }
    return (peer) => this.#changes.has(peer)
  }

  /** The logs to pull from this peer, by log key. */
  share(peer: string): ReadonlyMap<string, LogId> {
    return this.#shares.get(peer) ?? new Map()
  }

  /** Keys of logs that came to or went from its share since this was last asked. */
  takeChanges(peer: string): ReadonlySet<string> {
    const changes = this.#changes.get(peer) ?? new Set()
    this.#changes.delete(peer)
    return changes
  }

  #shareOf(peer: string): Map<string, LogId> {
    let share = this.#shares.get(peer)
    if (!share) {
      share = new Map()
      this.#shares.set(peer, share)
    }
    return share
  }

  #change(peer: string, key: string): void {
    const changes = this.#changes.get(peer)
    if (changes) changes.add(key)
    // Nobody is there to take them.
    else if (this.#directory.isConnected(peer)) this.#changes.set(peer, new Set([key]))
  }
}

/** The peer to pull this log from; a copy under way, from `before`, is not moved without need. */
export function sourceOf(key: string, { id, by }: Offer, directory: Directory, before?: string): string | undefined {
  const inTime = [...by.keys()].filter((name) => directory.lateStart(name, key) === undefined)
  // Nobody has what would come next for us: the least is lost with whoever begins first.
  const names = inTime.length > 0 ? inTime : beginFirst(by)
  const live = names.find((name) => directory.isLive(name, id))
  if (live !== undefined) return live
  if (before !== undefined && names.includes(before)) return before
  const endOf = (name: string) => (by.get(name) as Holding).end
  const fullest = Math.max(...names.map(endOf))
  const equals = names.filter((name) => endOf(name) === fullest).sort()
  // Its own writer first; otherwise spread the logs over the equals, the same way at every call.
  return equals.find((name) => name === id.origin) ?? equals[spread(key) % equals.length]
}

function beginFirst(by: ReadonlyMap<string, Holding>): string[] {
  const first = Math.min(...[...by.values()].map(({ start }) => start))
  return [...by].filter(([, { start }]) => start === first).map(([name]) => name)
}

/** FNV-1a, 32 bits. */
function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
