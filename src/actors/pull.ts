/**
 * The replica's end of a pull: one stream from one peer. Tells the directory what the peer holds, asks for what the
 * assignment says, appends frames to our copies as they come and answers with what is fsynced. It resumes from the
 * copies' own ends and remembers nothing beyond the stream.
 */

import type { Peer, PullFact, PullOrder, Reason } from '../../machines/messages.ts'
import { parseAddress } from '../address.ts'
import type { ClientCall, Rpc, TlsMaterial } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { type Frames, type PullHello, type Refusal, RefusalReason } from '../gen/reeve/v1/replication_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochFromBytes, epochToBytes, type LogId, logKey } from '../log/log-id.ts'
import type { Assignment } from '../replication/assignment.ts'
import type { Directory, Holding } from '../replication/directory.ts'
import {
  decodePullResponse,
  encodePullRequest,
  holdingFromMessage,
  logIdToMessage,
  pullMessageMaxBytes,
  pullPath,
  pullVersion,
  wantsMax,
} from '../replication/pull-messages.ts'
import { orderly, type Scope, toReason } from './orderly.ts'

export interface PullOptions {
  readonly rpc: Rpc
  readonly cluster: string
  /** What we show to peers and check them with; undefined: plain text. */
  readonly peerTls: () => TlsMaterial | undefined
  readonly journal: () => Journal
  readonly directory: Directory
  readonly assignment: () => Assignment
  /** Told of every stream that could not be opened or did not last. */
  readonly lost: (peer: Peer, reason: Reason) => void
}

/** Frames received but not yet fsynced, a peer; beyond it the stream is paused. */
const unsyncedMaxBytes = 16 * 1024 * 1024
/** A live replicator whose peer is known to be this many records ahead has fallen behind. */
const behindRecords = 10_000

interface Wanted {
  readonly ref: number
  readonly id: LogId
  readonly key: string
}

export const pullLogic = (options: PullOptions) =>
  orderly<PullOrder, PullFact, { readonly peer: Peer }>(
    (reason, { peer }) => {
      options.lost(peer, reason)
      return { type: 'pull.failed', reason }
    },
    (scope) => {
      const pull = new Pull(options, scope)
      scope.own(() => pull.close())
      pull.open()
      scope.receive(() => pull.assign())
    },
  )

class Pull {
  readonly #options: PullOptions
  readonly #scope: Scope<PullOrder, PullFact, { readonly peer: Peer }>
  readonly #peer: Peer
  #call: ClientCall | undefined
  #closeChannel: (() => void) | undefined
  #greeted = false
  #opened = false
  #live = false
  #nextRef = 1
  readonly #byRef = new Map<number, Wanted>()
  readonly #byKey = new Map<string, Wanted>()
  /** Wanted logs of which the peer is known to have more, while catching up. */
  readonly #behind = new Set<string>()
  #unsyncedBytes = 0
  #paused = false

  constructor(options: PullOptions, scope: Scope<PullOrder, PullFact, { readonly peer: Peer }>) {
    this.#options = options
    this.#scope = scope
    this.#peer = scope.input.peer
  }

  open(): void {
    const { rpc, cluster, peerTls, journal } = this.#options
    const to = parseAddress(this.#peer.address)
    if (!to) throw new ReeveError('PEER_MISMATCH', `${this.#peer.name} announces no usable address`)
    const tls = peerTls()
    const channel = rpc.dial({
      to,
      maxMessageBytes: pullMessageMaxBytes,
      ...(tls && { tls, serverName: this.#peer.name }),
    })
    this.#closeChannel = () => channel.close()
    this.#call = channel.call(
      pullPath,
      {},
      {
        message: this.#scope.guard((bytes) => this.#message(bytes)),
        closed: this.#scope.guard((error) => {
          throw error ?? new ReeveError('UNAVAILABLE', `${this.#peer.name} ended the stream`)
        }),
      },
    )
    const { node, epoch } = journal()
    this.#send({
      case: 'hello',
      value: { version: pullVersion, cluster, node, epoch: epochToBytes(epoch), internalTopics: true },
    })
  }

  close(): void {
    this.#options.directory.forget(this.#peer.name)
    this.#call?.cancel()
    this.#closeChannel?.()
  }

  /** Makes what we asked for what the assignment says. */
  assign(): void {
    const share: ReadonlyMap<string, LogId> = this.#options.assignment().get(this.#peer.name) ?? new Map()
    for (const wanted of [...this.#byKey.values()]) {
      if (!share.has(wanted.key)) this.#unwant(wanted)
    }
    for (const [key, id] of share) {
      // The others' turn comes with the next assignment, when these have arrived.
      if (this.#byKey.size >= wantsMax) break
      if (!this.#byKey.has(key)) this.#want(key, id)
    }
    this.#judge()
  }

  #message(bytes: Uint8Array): void {
    const kind = decodePullResponse(bytes)
    if (!this.#greeted) {
      if (kind.case !== 'hello') throw new ReeveError('REQUEST_MALFORMED', 'a pull begins with a hello')
      this.#checkPeer(kind.value)
      this.#greeted = true
    } else if (kind.case === 'holdings') {
      const { name, epoch } = this.#peer
      const holdings = kind.value.logs.map((log) => holdingFromMessage(log))
      this.#options.directory.update(name, epoch, holdings, kind.value.complete)
      if (!this.#opened) {
        this.#opened = true
        this.#scope.tell({ type: 'pull.opened' })
      } else if (holdings.some((holding) => this.#isNews(holding))) this.#scope.tell({ type: 'pull.holdingsChanged' })
    } else if (kind.case === 'frames') this.#frames(kind.value)
    else if (kind.case === 'refusal') this.#refused(kind.value)
  }

  /** More than we have, of a log that does not come from its live origin anyway. */
  #isNews({ id, end }: Holding): boolean {
    const { journal, assignment } = this.#options
    return end > (journal().log(id)?.end ?? 0) && !assignment().get(id.origin)?.has(logKey(id))
  }

  /** Gossip decided whom to call; only the peer itself (and its certificate) says who it is. */
  #checkPeer({ cluster, node, epoch }: PullHello): void {
    if (cluster !== this.#options.cluster)
      throw new ReeveError('CLUSTER_MISMATCH', `${this.#peer.name} belongs to cluster ${cluster}`)
    const run = epochFromBytes(epoch)
    if (node !== this.#peer.name || !run.ok || run.value !== this.#peer.epoch) {
      throw new ReeveError(
        'PEER_MISMATCH',
        `${this.#peer.address} is not (or no longer) the run of ${this.#peer.name} we meant`,
      )
    }
  }

  #want(key: string, id: LogId): void {
    const wanted = { ref: this.#nextRef++, id, key }
    this.#byRef.set(wanted.ref, wanted)
    this.#byKey.set(key, wanted)
    const copy = this.#options.journal().log(id)
    this.#send({
      case: 'want',
      value: { ref: wanted.ref, log: logIdToMessage(id), offset: BigInt(copy?.end ?? 0), chain: copy?.chain ?? 0n },
    })
  }

  #unwant(wanted: Wanted): void {
    this.#forget(wanted)
    this.#send({ case: 'unwant', value: { ref: wanted.ref } })
  }

  #forget({ ref, key }: Wanted): void {
    this.#byRef.delete(ref)
    this.#byKey.delete(key)
    this.#behind.delete(key)
  }

  #frames({ ref, frames }: Frames): void {
    const wanted = this.#byRef.get(ref)
    if (!wanted) return // sent before our `unwant` arrived
    this.#unsyncedBytes += frames.length
    this.#regulate()
    this.#scope.run(async () => {
      try {
        const end = await this.#options.journal().replicate(wanted.id, frames)
        if (this.#scope.ended) return
        this.#options.directory.noteEnd(this.#peer.name, wanted.id, end)
        if (this.#byRef.has(ref)) this.#tellSynced(wanted, end)
        this.#arrived(wanted.key, end)
      } catch (error) {
        if (error instanceof ReeveError && error.code === 'LOG_DIVERGED') this.#diverged(wanted, error)
        else throw error
      } finally {
        this.#unsyncedBytes -= frames.length
        this.#regulate()
      }
    })
  }

  #refused({ ref, reason }: Refusal): void {
    const wanted = this.#byRef.get(ref)
    if (!wanted) return
    this.#forget(wanted)
    if (reason === RefusalReason.DIVERGED) {
      this.#diverged(
        wanted,
        new ReeveError('LOG_DIVERGED', `${this.#peer.name}'s copy of ${wanted.key} contradicts ours`),
      )
      return
    }
    // It cannot serve this log (trimmed, unknown or damaged there); somebody else may.
    this.#options.directory.exclude(this.#peer.name, this.#peer.epoch, wanted.key)
    this.#scope.tell({ type: 'pull.holdingsChanged' })
  }

  #diverged(wanted: Wanted, error: ReeveError): void {
    this.#options.directory.exclude(this.#peer.name, this.#peer.epoch, wanted.key)
    this.#scope.tell({ type: 'pull.diverged', reason: toReason(error) })
  }

  #tellSynced({ ref }: Wanted, end: number): void {
    this.#send({ case: 'synced', value: { logs: [{ ref, end: BigInt(end) }] } })
  }

  /** Caught up, or fallen behind? One fact a change. Goes over all wanted logs, so not for every message. */
  #judge(): void {
    this.#behind.clear()
    let missing = 0
    for (const { key, id } of this.#byKey.values()) {
      const gap = this.#peerEnd(key) - (this.#options.journal().log(id)?.end ?? 0)
      if (gap <= 0) continue
      this.#behind.add(key)
      missing += gap
    }
    if (!this.#live) this.#tellCaughtUp()
    else if (missing > behindRecords) {
      this.#live = false
      this.#scope.tell({ type: 'pull.fellBehind' })
    }
  }

  #arrived(key: string, end: number): void {
    if (this.#live || end < this.#peerEnd(key)) return
    this.#behind.delete(key)
    this.#tellCaughtUp()
  }

  #tellCaughtUp(): void {
    if (this.#behind.size > 0) return
    this.#live = true
    this.#scope.tell({ type: 'pull.caughtUp' })
  }

  #peerEnd(key: string): number {
    return this.#options.directory.source(this.#peer.name)?.logs.get(key)?.end ?? 0
  }

  #regulate(): void {
    const full = this.#unsyncedBytes >= unsyncedMaxBytes
    if (full === this.#paused) return
    this.#paused = full
    if (full) this.#call?.pause()
    else this.#call?.resume()
  }

  #send(kind: Parameters<typeof encodePullRequest>[0]): void {
    this.#call?.send(encodePullRequest(kind))
  }
}
