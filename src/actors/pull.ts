/**
 * The replica's end of a pull: one stream from one peer. Tells the directory what the peer holds, asks for what the
 * assignment says, appends frames to our copies as they come and answers with what is fsynced. It resumes from the
 * copies' own ends and remembers nothing beyond the stream.
 */

import type { Peer, PullFact, PullOrder, Reason } from '../../machines/messages.ts'
import { parseAddress } from '../address.ts'
import type { ClientCall, Clock, Rpc, TlsMaterial } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import {
  type Digests,
  type Frames,
  type Holdings,
  type PullHello,
  type Refusal,
  RefusalReason,
} from '../gen/reeve/v1/replication_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochToBytes, type LogId, logKey } from '../log/log-id.ts'
import type { Assignment } from '../replication/assignment.ts'
import { Comparison, type Listings } from '../replication/comparison.ts'
import type { Directory, Run } from '../replication/directory.ts'
import { decodeFrames, encodeSynced } from '../replication/frames-message.ts'
import {
  decodePullResponse,
  digestFromMessage,
  encodePullRequest,
  holdingsFromMessage,
  offsetFrom,
  pullMessageMaxBytes,
  pullPath,
  pullVersion,
  wantsMax,
} from '../replication/pull-messages.ts'
import { groupKey, type Summary } from '../replication/summary.ts'
import type { Healer } from './healer.ts'
import { LateLogs } from './late-logs.ts'
import type { LeftOut } from './left-out.ts'
import { orderly, type Scope, toReason } from './orderly.ts'
import { PeerClock, type PeerClocks } from './peer-clock.ts'
import { checkPeer, runsBeside } from './pull-peer.ts'
import { PullRanges } from './pull-ranges.ts'
import { PullWants, type Wanted } from './pull-wants.ts'

export interface PullOptions {
  readonly rpc: Rpc
  readonly clock: Clock
  readonly cluster: string
  /** What we show to peers and check them with; undefined: plain text. */
  readonly peerTls: () => TlsMaterial | undefined
  readonly journal: () => Journal
  readonly summary: Summary
  readonly directory: Directory
  readonly listings: Listings
  readonly assignment: Assignment
  readonly healer: Healer
  readonly leftOut: LeftOut
  readonly clocks: PeerClocks
  /** Told of every stream that could not be opened or did not last. */
  readonly lost: (peer: Peer, reason: Reason) => void
}

/** Frames received but not yet fsynced, a peer; beyond it the stream is paused. */
const unsyncedMaxBytes = 16 * 1024 * 1024
/** Logs of which all has arrived: so many are let go of at once. */
const finishedAtOnce = 64
/** A live replicator whose peer is known to be this many records ahead has fallen behind. */
const behindRecords = 10_000

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
  #comparison: Comparison | undefined
  readonly #release: (() => void)[] = []
  #assigned = false
  #live = false
  readonly #wants: PullWants
  readonly #clock: PeerClock
  readonly #ranges = new PullRanges((kind) => this.#send(kind))
  /** Assigned, but more than may be wanted at once. */
  readonly #waiting = new Map<string, LogId>()
  readonly #late: LateLogs
  /** Wanted logs of which the peer is known to have more, while catching up. */
  readonly #behind = new Set<string>()
  #finished = 0
  #unsyncedBytes = 0
  #paused = false

  constructor(options: PullOptions, scope: Scope<PullOrder, PullFact, { readonly peer: Peer }>) {
    this.#options = options
    this.#scope = scope
    this.#peer = scope.input.peer
    const { clock, clocks, journal } = options
    this.#wants = new PullWants(
      (kind) => this.#send(kind),
      (id) => journal().log(id),
    )
    this.#clock = new PeerClock({
      clock,
      ask: scope.guard(() => this.#send({ case: 'readClock', value: {} })),
      found: (skew) => clocks.found(this.#peer.name, skew),
    })
    this.#late = new LateLogs(
      clock,
      scope.guard((id) => scope.run(() => this.#beginAnew(id))),
    )
  }

  open(): void {
    const { rpc, cluster, peerTls, journal } = this.#options
    const to = parseAddress(this.#peer.address)
    if (!to) throw new ReeveError('PEER_MISMATCH', `${this.#peer.name} announces no usable address`)
    const tls = peerTls()
    const channel = rpc.dial({
      ...{ to, lean: true },
      maxMessageBytes: pullMessageMaxBytes,
      ...(tls && { tls, serverName: this.#peer.name }),
    })
    this.#release.push(() => channel.close())
    const call = channel.call(
      pullPath,
      {},
      {
        message: this.#scope.guard((bytes) => this.#message(bytes)),
        closed: this.#scope.guard((error) => {
          throw error ?? new ReeveError('UNAVAILABLE', `${this.#peer.name} ended the stream`)
        }),
      },
    )
    this.#call = call
    this.#release.push(() => call.cancel())
    const { node, epoch } = journal()
    this.#send({ case: 'hello', value: { version: pullVersion, cluster, node, epoch: epochToBytes(epoch) } })
  }

  close(): void {
    this.#comparison?.end()
    this.#late.close()
    this.#clock.close()
    this.#options.clocks.forget(this.#peer.name)
    this.#options.leftOut.forget(this.#peer.name)
    for (const release of this.#release.splice(0).reverse()) release()
    this.#options.directory.forget(this.#peer.name)
    this.#ranges.close()
  }

  /** Makes what we asked for what the assignment says. */
  assign(): void {
    const { assignment, directory, journal } = this.#options
    const share = assignment.share(this.#peer.name)
    const changes = assignment.takeChanges(this.#peer.name)
    for (const key of this.#assigned ? changes : share.keys()) {
      const id = share.get(key)
      const wanted = this.#wants.of(key)
      if (id && !wanted) this.#waiting.set(key, id)
      else if (!id) {
        this.#waiting.delete(key)
        this.#late.drop(key)
        if (wanted) this.#unwant(wanted)
      }
    }
    this.#assigned = true
    this.#finished = 0
    let missing = 0
    for (const [key, id] of this.#waiting) {
      if (this.#wants.size >= wantsMax) break
      this.#waiting.delete(key)
      if (directory.lateStart(this.#peer.name, key) !== undefined) {
        this.#late.wait(id)
        continue
      }
      this.#wants.add(key, id)
      const gap = directory.endAt(this.#peer.name, key) - (journal().log(id)?.end ?? 0)
      if (gap <= 0) continue
      this.#behind.add(key)
      missing += gap
    }
    if (this.#live && missing > behindRecords) {
      this.#live = false
      this.#scope.tell({ type: 'pull.fellBehind' })
    } else this.#judge()
  }

  #message(bytes: Uint8Array): void {
    const frames = this.#comparison && decodeFrames(bytes)
    if (frames) {
      this.#frames(frames)
      return
    }
    const kind = decodePullResponse(bytes)
    if (!this.#comparison) {
      if (kind.case !== 'hello') throw new ReeveError('REQUEST_MALFORMED', 'a pull begins with a hello')
      this.#greeted(kind.value)
    } else if (kind.case === 'frames') this.#frames(kind.value)
    else if (kind.case === 'holdings') this.#holdings(kind.value, this.#comparison)
    else if (kind.case === 'digests') this.#digests(kind.value, this.#comparison)
    else if (kind.case === 'refusal') this.#refused(kind.value)
    else if (kind.case === 'clockReading') this.#clock.answered(Number(kind.value.nowMs))
  }

  #greeted(hello: PullHello): void {
    checkPeer(this.#peer, this.#options.cluster, hello)
    const { summary, directory, listings } = this.#options
    const { name, epoch } = this.#peer
    const runs = directory.runs()
    directory.open(name, epoch)
    this.#release.push(
      directory.onRun((run, followed) => this.#tellFollowing(followed ? [run] : [], followed ? [] : [run])),
    )
    this.#tellFollowing(runs, [])
    this.#comparison = new Comparison({
      ...{ peer: name, summary, directory, listings },
      list: (topic, origin) => this.#send({ case: 'list', value: { topic, origin } }),
      over: this.#scope.guard(() => this.#judge()),
    })
    if (this.#comparison.begin(hello.root)) this.#send({ case: 'compare', value: {} })
    // What it holds of its own as we do, it may go on with.
    for (const { id, start, end } of summary.logsOfRun(name, epoch)) directory.learn(name, { id, start, end })
    this.#release.push(
      this.#options.healer.join({
        peer: name,
        fetch: (id, missing, take) => this.#ranges.fetch(this.#wants.nextRef(), id, missing, take),
      }),
    )
    this.#clock.ask()
    this.#scope.tell({ type: 'pull.opened' })
  }

  #digests({ groups, last }: Digests, comparison: Comparison): void {
    for (const group of groups) comparison.digest(digestFromMessage(group))
    if (last) comparison.digested()
    this.#scope.tell({ type: 'pull.holdingsChanged' })
  }

  #holdings({ groups }: Holdings, comparison: Comparison): void {
    const { directory } = this.#options
    let news = false
    for (const group of groups) {
      for (const holding of holdingsFromMessage(group)) {
        const more = directory.learn(this.#peer.name, holding)
        news ||= more && !this.#wants.of(logKey(holding.id))
      }
      if (group.listed) comparison.listed(groupKey(group))
    }
    if (news) this.#scope.tell({ type: 'pull.holdingsChanged' })
  }

  #tellFollowing(begunRuns: readonly Run[], endedRuns: readonly Run[]): void {
    const [begun, ended] = [runsBeside(this.#peer, begunRuns), runsBeside(this.#peer, endedRuns)]
    if (begun.length + ended.length > 0) this.#send({ case: 'following', value: { begun, ended } })
  }

  #unwant(wanted: Wanted): void {
    this.#behind.delete(wanted.key)
    this.#wants.drop(wanted)
  }

  #frames({ ref, frames }: Pick<Frames, 'ref' | 'frames'>): void {
    const wanted = this.#wants.at(ref)
    // Else sent before our `unwant` arrived.
    if (!wanted && !this.#ranges.has(ref)) return
    this.#unsyncedBytes += frames.length
    this.#regulate()
    this.#scope.run(async () => {
      try {
        if (!wanted) return await this.#ranges.frames(ref, frames)
        const end = await this.#options.journal().replicate(wanted.id, frames)
        this.#grown(wanted.id, end)
        if (this.#scope.ended) return
        if (this.#wants.at(ref)) this.#call?.send(encodeSynced(ref, end))
        this.#arrived(wanted, end)
      } catch (error) {
        const { code } = toReeveError(error)
        if (wanted && code === 'LOG_DIVERGED') this.#diverged(wanted, toReeveError(error))
        else if (wanted && code === 'FORMAT_NEWER') this.#leaveOut(wanted, toReeveError(error))
        // Behind frames that are of no use here others were on their way.
        else if (code !== 'DATA_CORRUPT' || this.#wants.at(ref)) throw error
      } finally {
        this.#unsyncedBytes -= frames.length
        this.#regulate()
      }
    })
  }

  /** Also when the stream has ended meanwhile: what others were known to have more may be no more than we have. */
  #grown(id: LogId, end: number): void {
    this.#options.directory.grown(this.#peer.name, id, end)
  }

  /** Nobody turned up who has what would come next; if the assignment still says so, the copy begins at their start. */
  async #beginAnew(id: LogId): Promise<void> {
    const { assignment, directory, journal } = this.#options
    const key = logKey(id)
    const start = directory.lateStart(this.#peer.name, key)
    if (!assignment.share(this.#peer.name).has(key)) return
    if (start !== undefined) {
      await journal().beginAt(id, start)
      this.#grown(id, start)
    }
    if (this.#scope.ended) return
    if (assignment.share(this.#peer.name).has(key)) this.#waiting.set(key, id)
    this.#scope.tell({ type: 'pull.holdingsChanged' })
    this.assign()
  }

  #refused(refusal: Refusal): void {
    const { ref, reason, start, end } = refusal
    this.#ranges.refused(refusal)
    const wanted = this.#wants.at(ref)
    if (!wanted) return
    this.#behind.delete(wanted.key)
    this.#wants.forget(wanted)
    if (reason === RefusalReason.TRIMMED) {
      // It has trimmed since it told us of this log.
      const { directory } = this.#options
      directory.learn(this.#peer.name, { id: wanted.id, start: offsetFrom(start), end: offsetFrom(end) })
      if (directory.lateStart(this.#peer.name, wanted.key) !== undefined) {
        this.#late.wait(wanted.id)
        this.#scope.tell({ type: 'pull.holdingsChanged' })
        this.#judge()
        return
      }
    }
    if (reason === RefusalReason.DIVERGED) {
      this.#diverged(
        wanted,
        new ReeveError('LOG_DIVERGED', `${this.#peer.name}'s copy of ${wanted.key} contradicts ours`),
      )
      return
    }
    // It cannot serve this log (unknown or damaged there); somebody else may.
    this.#options.directory.exclude(this.#peer.name, wanted.key, 'untilNews')
    this.#scope.tell({ type: 'pull.holdingsChanged' })
    this.#judge()
  }

  #diverged(wanted: Wanted, error: ReeveError): void {
    this.#options.directory.exclude(this.#peer.name, wanted.key, 'whileItRuns')
    this.#scope.tell({ type: 'pull.diverged', reason: toReason(error) })
  }

  /** All others go on. */
  #leaveOut(wanted: Wanted, error: ReeveError): void {
    if (this.#wants.at(wanted.ref)) this.#unwant(wanted)
    const decideAnew = () => this.#scope.tell({ type: 'pull.holdingsChanged' })
    this.#options.leftOut.add(this.#peer.name, wanted.id, toReason(error), decideAnew)
    decideAnew()
    this.#judge()
  }

  #arrived({ key, id }: Wanted, end: number): void {
    const { directory } = this.#options
    if (directory.endAt(this.#peer.name, key) > end) return
    this.#behind.delete(key)
    // Of a log that nobody writes to any more this was all; the assignment lets go of it.
    if (!directory.isLive(this.#peer.name, id)) this.#finished++
    if (this.#finished >= finishedAtOnce || (this.#finished > 0 && this.#behind.size === 0)) {
      this.#finished = 0
      this.#scope.tell({ type: 'pull.holdingsChanged' })
    }
    this.#judge()
  }

  /** Caught up? One fact a change. */
  #judge(): void {
    if (this.#live || this.#behind.size + this.#waiting.size > 0 || !this.#assigned || !this.#comparison?.isOver) return
    this.#live = true
    this.#scope.tell({ type: 'pull.caughtUp' })
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
