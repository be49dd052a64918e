/**
 * The serving end of a pull: one stream to one replica. Owns what that replica wants and how far it has been sent;
 * reads frames as stored and never decodes a record. What the replica says it has fsynced goes to the count of copies.
 */

import type { CallListener, Clock, RpcRoute, ServerCall } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { type PullHello, RefusalReason, ReplicationService, type Want } from '../gen/reeve/v1/replication_service_pb.ts'
import { framesIn } from '../log/frame.ts'
import type { Journal, LogView } from '../log/journal.ts'
import { epochToBytes, logKey } from '../log/log-id.ts'
import { ReusedMemory } from '../log/memory.ts'
import { decodeSynced, encodeFrames } from '../replication/frames-message.ts'
import {
  decodePullRequest,
  encodePullResponse,
  logIdFromMessage,
  offsetFrom,
  pullVersion,
  wantsMax,
} from '../replication/pull-messages.ts'
import type { Summary } from '../replication/summary.ts'
import type { Access } from './access.ts'
import { wholeCluster } from './authorizer.ts'
import { requireNodeName } from './peer-identity.ts'
import { PullNews } from './pull-news.ts'

export interface PullSourceOptions {
  readonly clock: Clock
  readonly cluster: string
  readonly journal: () => Journal
  /** Of what the journal holds. */
  readonly summary: Summary
  readonly access: Access
  /** This node has fsynced the log, one that was written here, from `start` up to `end`. */
  readonly synced: (node: string, key: string, end: number, start: number) => void
}

/** Frames a message: large enough to amortise a call, small enough to take turns. */
const framesMaxBytes = 256 * 1024
/** Frames are copied into their message at once, so one is enough for all: nobody waits in between. */
const readMemory = new ReusedMemory(framesMaxBytes)

interface Subscription {
  readonly ref: number
  readonly log: LogView
  /** Where the replica's copy begins. */
  readonly start: number
  /** The next offset to send. */
  position: number
  /** How far the replica has it, as far as it has said. */
  held: number
  /** Of a part that it has to replace: where that ends; undefined: it follows the log. */
  readonly until: number | undefined
  /** The replica's last frame was found to be ours too. */
  verified: boolean
  readonly chain: bigint
  queued: boolean
}

export function pullRoute(options: PullSourceOptions): RpcRoute {
  return { method: ReplicationService.method.pull, hot: true, handle: (call) => new PullStream(options, call) }
}

class PullStream implements CallListener {
  readonly #options: PullSourceOptions
  readonly #call: ServerCall
  readonly #journal: Journal
  readonly #news: PullNews
  #replica: string | undefined
  readonly #byRef = new Map<number, Subscription>()
  readonly #byKey = new Map<string, Subscription>()
  /** Subscriptions with something to send, in turn. */
  #ready: Subscription[] = []
  #blocked = false
  #unsubscribe: (() => void) | undefined

  constructor(options: PullSourceOptions, call: ServerCall) {
    this.#options = options
    this.#call = call
    this.#journal = options.journal()
    const { clock, summary } = options
    this.#news = new PullNews({ clock, summary, send: (kind) => this.#send(kind), blocked: () => this.#blocked })
  }

  message(bytes: Uint8Array): void {
    try {
      const synced = this.#replica === undefined ? undefined : decodeSynced(bytes)
      if (synced) {
        this.#synced(synced.ref, synced.end)
        return
      }
      const kind = decodePullRequest(bytes)
      if (!this.#replica) {
        if (kind.case !== 'hello') throw new ReeveError('REQUEST_MALFORMED', 'a pull begins with a hello')
        this.#greet(kind.value)
      } else if (kind.case === 'want') this.#want(kind.value)
      else if (kind.case === 'unwant') this.#unwant(kind.value.ref)
      else if (kind.case === 'synced') {
        for (const { ref, end } of kind.value.logs) this.#synced(ref, offsetFrom(end))
      } else if (kind.case === 'following') this.#news.following(kind.value)
      else if (kind.case === 'compare') this.#answer(() => this.#news.compare())
      else if (kind.case === 'list') this.#answer(() => this.#news.list(kind.value))
      else if (kind.case === 'readClock') this.#answer(() => this.#tellTime())
    } catch (error) {
      this.#end(toReeveError(error))
    }
  }

  ended(): void {
    this.#end()
  }

  drained(): void {
    this.#blocked = false
    this.#call.resume()
    this.#news.drained()
    this.#pump()
  }

  cancelled(): void {
    this.#release()
  }

  #greet({ version, cluster, node }: PullHello): void {
    const { cluster: own } = this.#options
    if (version !== pullVersion)
      throw new ReeveError('REQUEST_MALFORMED', `this node speaks pull version ${pullVersion}`)
    if (cluster !== own) {
      throw new ReeveError('CLUSTER_MISMATCH', `this node belongs to cluster ${own}`, { facts: { cluster: own } })
    }
    this.#requireRight()
    requireNodeName(this.#call.caller, node)
    const { node: name, epoch } = this.#journal
    if (node === name) throw new ReeveError('PEER_MISMATCH', `${node} is the name of this node: no copy of its own`)
    this.#replica = node
    const root = this.#options.summary.root()
    this.#send({
      case: 'hello',
      value: { version: pullVersion, cluster: own, node: name, epoch: epochToBytes(epoch), root },
    })
    this.#unsubscribe = this.#journal.onCommit((log) => this.#committed(log))
  }

  #requireRight(): void {
    const { access } = this.#options
    access.require(access.subjectOf(this.#call.caller), 'replicate', wholeCluster)
  }

  #want(want: Want): void {
    const id = logIdFromMessage(want.log)
    const key = logKey(id)
    const twice = this.#byRef.has(want.ref) || (want.until === 0n && this.#byKey.has(key))
    if (twice || this.#byRef.size >= wantsMax) {
      throw new ReeveError('REQUEST_MALFORMED', 'wanted twice, or too many logs wanted')
    }
    const log = this.#journal.log(id)
    const position = offsetFrom(want.offset)
    const until = want.until === 0n ? undefined : offsetFrom(want.until)
    if (!log || position < log.start) {
      this.#answer(() => this.#refuse(want.ref, log ? RefusalReason.TRIMMED : RefusalReason.UNKNOWN, log))
      return
    }
    const start = offsetFrom(want.start)
    const subscription = {
      ref: want.ref,
      log,
      start,
      position,
      held: position,
      until,
      verified: false,
      chain: want.chain,
      queued: false,
    }
    this.#byRef.set(want.ref, subscription)
    if (until === undefined) this.#byKey.set(key, subscription)
    this.#queue(subscription)
    this.#pump()
  }

  #unwant(ref: number): void {
    const subscription = this.#byRef.get(ref)
    this.#drop(ref)
    if (subscription === undefined || subscription.until !== undefined) return
    // What was sent while its word was under way it has thrown away, and would hear of with the next record only.
    if (subscription.log.end > subscription.held) this.#news.moved(subscription.log)
  }

  #synced(ref: number, said: number): void {
    const subscription = this.#byRef.get(ref)
    if (!subscription) return
    // Only what was sent here can have been synced from here; what the replica had before it said by its position.
    const end = Math.min(said, subscription.position)
    subscription.held = Math.max(subscription.held, end)
    if (subscription.verified) this.#count(subscription, end)
  }

  /** Only who wrote a log answers for its copies. */
  #count({ log, start }: Subscription, end: number): void {
    if (log.own) this.#options.synced(this.#replica!, log.key, end, start)
  }

  #committed(log: LogView): void {
    const subscription = this.#byKey.get(log.key)
    if (subscription) {
      this.#queue(subscription)
      this.#pump()
      return
    }
    this.#news.moved(log)
  }

  #queue(subscription: Subscription): void {
    const { queued, log, position, until } = subscription
    if (queued || (log.end < position && until === undefined)) return
    subscription.queued = true
    this.#ready.push(subscription)
  }

  /** Sends one message a log in turn until the window is full or nothing is left. */
  #pump(): void {
    while (!this.#blocked) {
      const subscription = this.#ready.shift()
      if (!subscription) return
      subscription.queued = false
      if (this.#byRef.get(subscription.ref) !== subscription) continue
      if (this.#sendNext(subscription)) this.#queue(subscription)
    }
  }

  /** True when there may be more. */
  #sendNext(subscription: Subscription): boolean {
    const { ref, log, chain, until } = subscription
    try {
      if (!subscription.verified && until === undefined) {
        if (!follows(log, subscription.position, chain)) {
          this.#refuse(ref, RefusalReason.DIVERGED, log)
          return false
        }
        subscription.verified = true
        // What it has already counts as a copy from the first moment on.
        this.#count(subscription, subscription.position)
      }
      if (log.end <= subscription.position) return this.#sentAll(subscription)
      // A right that was taken away ends streams that have it, not only new ones.
      this.#requireRight()
      readMemory.again()
      const frames = log.read(subscription.position, framesMaxBytes, readMemory)
      for (const { baseOffset, recordCount } of framesIn(frames)) subscription.position = baseOffset + recordCount
      if (until !== undefined && subscription.position >= until) this.#drop(ref)
      if (!this.#call.send(encodeFrames(ref, frames))) this.#blocked = true
      return true
    } catch (error) {
      const { code } = toReeveError(error)
      if (code === 'OFFSET_TRIMMED') this.#refuse(ref, RefusalReason.TRIMMED, log)
      else if (code === 'DATA_CORRUPT') this.#refuse(ref, RefusalReason.CORRUPT, log)
      else this.#end(toReeveError(error))
      return false
    }
  }

  /** Of a part there is no more to come: the replica has to turn to somebody who has more. */
  #sentAll({ ref, log, until }: Subscription): false {
    if (until !== undefined) this.#refuse(ref, RefusalReason.UNKNOWN, log)
    return false
  }

  #refuse(ref: number, reason: RefusalReason, log?: LogView): void {
    this.#drop(ref)
    this.#send({
      case: 'refusal',
      value: { ref, reason, start: BigInt(log?.start ?? 0), end: BigInt(log?.end ?? 0) },
    })
  }

  /** Everything else that is sent waits for room; this answers at once, so that the next question has to wait. */
  #answer(work: () => void): void {
    work()
    if (this.#blocked) this.#call.pause()
  }

  #tellTime(): void {
    this.#send({ case: 'clockReading', value: { nowMs: BigInt(Math.floor(this.#options.clock.now())) } })
  }

  #drop(ref: number): void {
    const subscription = this.#byRef.get(ref)
    if (!subscription) return
    this.#byRef.delete(ref)
    if (subscription.until === undefined) this.#byKey.delete(subscription.log.key)
  }

  #send(kind: Parameters<typeof encodePullResponse>[0]): void {
    if (!this.#call.send(encodePullResponse(kind))) this.#blocked = true
  }

  #end(error?: ReeveError): void {
    this.#release()
    this.#call.finish(error)
  }

  #release(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#news.close()
    this.#ready = []
    this.#byRef.clear()
    this.#byKey.clear()
    this.#blocked = true
  }
}

/** Whether what the replica has is ours too, as far as that can be told before the next frame does by its chain. */
function follows(log: LogView, position: number, chain: bigint): boolean {
  if (position > 0 && (position === log.start || position === log.held || chain === 0n)) return true
  const ours = log.chainAt(position)
  return ours !== undefined && (position === 0 || ours === chain)
}
