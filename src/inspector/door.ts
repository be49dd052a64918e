/**
 * Who may see the pages. A link with a token, which works once, opens a session; the session is a cookie that no script
 * can read and no other site can use. Requests of other origins and of rebound host names are refused whatever they
 * carry.
 *
 * Owns the tokens that were given and the sessions that are open. All of it is in memory: another run knows none of it.
 */

import { isIpAddress } from '../config/kinds.ts'
import type { Clock, Random, WebRequest } from '../env/env.ts'

export interface DoorOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Pick<Random, 'bytes'>
}

const tokenBytes = 24
/** Links that were given and not used yet; the oldest goes first. */
const tokensMax = 16
const sessionsMax = 64
/** Since it was last used. */
const sessionMs = 12 * 3_600_000

export type Refusal = 'host' | 'origin' | 'session'

export class Door {
  readonly #options: DoorOptions
  readonly #tokens = new Set<string>()
  /** When each was last used. */
  readonly #sessions = new Map<string, number>()

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** A new token for one use. */
  invite(): string {
    if (this.#tokens.size === tokensMax) this.#tokens.delete(this.#tokens.values().next().value as string)
    const token = this.#secret()
    this.#tokens.add(token)
    return token
  }

  /** Spends the token; returns the session it opens. */
  enter(token: string): string | undefined {
    if (!this.#tokens.delete(token)) return undefined
    if (this.#sessions.size === sessionsMax) this.#sessions.delete(this.#sessions.keys().next().value as string)
    const session = this.#secret()
    this.#sessions.set(session, this.#options.clock.monotonicMs())
    return session
  }

  /**
   * Whether the request comes from a page of ours, or from no page at all. `landing`: it may also come by a link on
   * another page, for it shows nothing to that one.
   */
  refuses(request: WebRequest, landing: boolean): Exclude<Refusal, 'session'> | undefined {
    const host = request.headers.get('host') ?? ''
    if (!isOwnHost(host)) return 'host'
    const origin = request.headers.get('origin')
    if (origin !== undefined && origin !== `http://${host}`) return 'origin'
    const site = request.headers.get('sec-fetch-site') ?? 'none'
    if (site === 'same-origin' || site === 'none') return undefined
    return landing && request.headers.get('sec-fetch-mode') === 'navigate' ? undefined : 'origin'
  }

  hasSession(request: WebRequest): boolean {
    const session = cookieIn(request.headers.get('cookie') ?? '', cookieName(request))
    const usedMs = session === undefined ? undefined : this.#sessions.get(session)
    if (session === undefined || usedMs === undefined) return false
    this.#sessions.delete(session)
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - usedMs > sessionMs) return false
    // The one used last is the last to go.
    this.#sessions.set(session, nowMs)
    return true
  }

  cookie(request: WebRequest, session: string): string {
    return `${cookieName(request)}=${session}; Path=/inspector; HttpOnly; SameSite=Strict; Max-Age=${sessionMs / 1000}`
  }

  #secret(): string {
    return Buffer.from(this.#options.random.bytes(tokenBytes)).toString('base64url')
  }
}

/** Ports share the cookies of a host, and several nodes run on one. */
function cookieName(request: WebRequest): string {
  return `reeve-inspector-${/:(\d+)$/.exec(request.headers.get('host') ?? '')?.[1] ?? '80'}`
}

function cookieIn(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}

/** A name could be anybody's that points here now (DNS rebinding); an address cannot. */
function isOwnHost(host: string): boolean {
  const name = /^(.*?)(:\d{1,5})?$/.exec(host)?.[1] ?? ''
  return name === 'localhost' || isIpAddress(name.replace(/^\[(.*)\]$/, '$1'))
}
