/**
 * Drives the core of a member: carries bytes and time in, and effects out. Owns its one wake-up timer and what is open:
 * orders and queries; never knows what an order is for, and nothing of the protocol.
 */

import type { Logger } from 'pino'
import { formatAddress } from '../address.ts'
import { type Address, type Clock, NetworkError, type Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { Question } from '../gossip/asking.ts'
import type { GossipCore, GossipStats, Reply } from '../gossip/core.ts'
import type { Effect, Fact, HeardQuery } from '../gossip/effects.ts'
import type { Done } from '../gossip/orders.ts'
import type { StreamMessage } from '../gossip/stream-codec.ts'
import type { GossipTransport } from './gossip-transport.ts'
import { OpenQueries } from './open-queries.ts'
import type { ProblemLog } from './problem-log.ts'
import type { Query, ReceivedQuery, SerfFact } from './serf-member.ts'
import type { SnapshotFile } from './snapshot-file.ts'

export interface GossipDriverParts {
  readonly name: string
  readonly clock: Clock
  readonly log: Logger
  /** Closed with us, like the snapshot. */
  readonly transport: GossipTransport
  readonly problems: ProblemLog
  readonly snapshot: SnapshotFile | undefined
  readonly emit: (fact: SerfFact) => void
  /** By itself, after it was closed; told last. */
  readonly ended: (error: ReeveError) => void
}

/** What may be asked of the core at any moment: it changes nothing. */
export type GossipView = Pick<GossipCore, 'members' | 'coordinate' | 'rttMs'>

export class GossipDriver {
  readonly #core: GossipCore
  readonly #parts: GossipDriverParts
  readonly #orders = new Map<number, { resolve: (done: Done) => void; reject: (error: ReeveError) => void }>()
  readonly #queries = new OpenQueries((lTime) => this.#core.forgetQuery(lTime, this.#nowMs))
  #timer: Timer | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(core: GossipCore, parts: GossipDriverParts) {
    this.#core = core
    this.#parts = parts
    this.#settle()
  }

  get view(): GossipView {
    return this.#core
  }

  /** What went wrong at the sockets counts, too. */
  stats(): GossipStats {
    const stats = this.#core.stats()
    const problems = new Map(stats.problems)
    for (const [reason, count] of this.#parts.problems.counts) problems.set(reason, (problems.get(reason) ?? 0) + count)
    return { ...stats, problems }
  }

  // --- from the sockets and the disk ---------------------------------------------------------------------------------

  packet(bytes: Uint8Array, from: Address): void {
    this.#fromOutside(from, (nowMs) => this.#core.receivePacket(bytes, from, nowMs))
  }

  stream(message: StreamMessage, from: Address, reply: Reply): void {
    this.#fromOutside(from, (nowMs) => this.#core.receiveStream(message, from, nowMs, reply))
  }

  keysStored(problem?: string): void {
    if (this.#closed) return
    this.#core.keysStored(this.#nowMs, problem)
    this.#settle()
  }

  // --- orders and questions ------------------------------------------------------------------------------------------

  /** `give` returns its number; resolves once it is done. Rejects with `NODE_STOPPING`, or what `give` throws. */
  order(give: (core: GossipCore, nowMs: number) => number): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#assertOpen()
      this.#orders.set(give(this.#core, this.#nowMs), { resolve, reject })
      this.#settle()
    })
  }

  /** Also what the public `query` leaves to Serf itself. Throws `REQUEST_MALFORMED` or `NODE_STOPPING`. */
  ask(question: Question): Query {
    this.#assertOpen()
    const query = this.#queries.add(this.#core.query(question, this.#nowMs))
    this.#settle()
    return query
  }

  /** Throws `REQUEST_MALFORMED` or `NODE_STOPPING`. */
  sendEvent(name: string, payload: Uint8Array, coalesce: boolean): void {
    this.#assertOpen()
    this.#core.sendEvent(name, payload, coalesce, this.#nowMs)
    this.#settle()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const { clock, transport, snapshot } = this.#parts
    clock.clearTimeout(this.#timer)
    transport.close()
    this.#queries.close()
    snapshot?.close()
    for (const { reject } of this.#orders.values()) reject(new ReeveError('NODE_STOPPING', 'gossip was closed'))
    this.#orders.clear()
  }

  // --- between the core and the world --------------------------------------------------------------------------------

  get #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }

  /** Whatever comes from outside may at most waste our time. */
  #fromOutside(from: Address, action: (nowMs: number) => void): void {
    if (this.#closed) return
    try {
      action(this.#nowMs)
    } catch (error) {
      this.#parts.problems.add('crashed', toReeveError(error).message, from)
      this.#parts.log.error({ err: error, from }, 'gossip failed on a message')
    } finally {
      this.#settle()
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new ReeveError('NODE_STOPPING', 'gossip is closed')
  }

  /** Does what the core wants done, and sees to it that it is woken in time. */
  #settle(): void {
    if (this.#closed) return
    const { clock, snapshot } = this.#parts
    for (const effect of this.#core.take()) this.#perform(effect)
    snapshot?.witness(this.#core.times())
    const wakeMs = this.#core.nextWakeMs()
    if (this.#closed || wakeMs === this.#timerMs) return
    clock.clearTimeout(this.#timer)
    this.#timerMs = wakeMs
    this.#timer = clock.setTimeout(() => this.#wake(), Math.max(0, wakeMs - clock.monotonicMs()))
  }

  #wake(): void {
    this.#timerMs = Number.POSITIVE_INFINITY
    try {
      this.#core.wake(this.#nowMs)
      this.#settle()
    } catch (error) {
      this.#end(toReeveError(error))
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'packet':
        this.#parts.transport.send(effect.bytes, effect.to, (error) => {
          this.#parts.problems.add('unsent', error.message, effect.to)
          if (effect.probe === undefined || this.#closed) return
          this.#core.sendFailed(effect.probe, this.#nowMs)
          this.#settle()
        })
        return
      case 'stream':
        this.#request(effect)
        return
      case 'fact':
        this.#tell(effect.fact)
        return
      case 'problem':
        this.#parts.problems.log(effect.reason, effect.detail, effect.from)
        return
      case 'answer':
        this.#queries.hear(effect)
        return
      case 'done':
        this.#orders.get(effect.order)?.resolve(effect)
        this.#orders.delete(effect.order)
        return
    }
  }

  #request({ id, to, bytes, timeoutMs }: Extract<Effect, { kind: 'stream' }>): void {
    const report = (action: () => void) => {
      if (!this.#closed) this.#fromOutside(to, action)
    }
    this.#parts.transport.request(bytes, to, timeoutMs).then(
      ({ value, key }) => report(() => this.#core.streamAnswered(id, value, this.#nowMs, key)),
      (error: Error) => {
        const refused = error instanceof NetworkError && error.code === 'ECONNREFUSED'
        report(() => this.#core.streamFailed(id, error.message, this.#nowMs, refused))
      },
    )
  }

  #tell(fact: Fact): void {
    const { name, log, emit, snapshot } = this.#parts
    if (fact.kind === 'query') {
      emit({ kind: 'query', query: this.#received(fact.query) })
      return
    }
    if (fact.kind === 'nameLost') {
      const rival = formatAddress(fact.rival)
      this.#end(new ReeveError('NAME_TAKEN', `the name ${name} belongs to the member at ${rival}`))
      return
    }
    snapshot?.note(fact)
    if (fact.kind === 'conflict') log.error({ conflict: fact }, 'two members claim one name')
    else if ('member' in fact) {
      const { name, host, port } = fact.member
      log.info({ member: name, at: `${host}:${port}` }, `member ${fact.kind}`)
    }
    emit(fact)
  }

  #received(heard: HeardQuery): ReceivedQuery {
    const { name, payload, lTime, sourceNode, deadlineMs } = heard
    const respond = (answer: Uint8Array) => {
      this.#assertOpen()
      this.#core.respond(heard, answer, this.#nowMs)
      this.#settle()
    }
    return { name, payload, lTime, from: sourceNode, deadlineMs, respond }
  }

  #end(error: ReeveError): void {
    if (this.#closed) return
    this.close()
    this.#parts.ended(error)
  }
}
