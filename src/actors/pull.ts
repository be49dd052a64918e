/**
 * The replica's end of a pull: one stream from one peer. Tells the directory what the peer holds, asks for what the
 * assignment says, appends frames to our copies as they come and answers with what is fsynced. It resumes from the
 * copies' own ends and remembers nothing beyond the stream.
 */

import type { Peer, PullFact, PullOrder, Reason } from '../../machines/messages.ts'
import { parseAddress } from '../address.ts'
import type { ClientCall, Clock, Rpc, TlsMaterial } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { Digests, Frames, Holdings, PullHello, Refusal } from '../gen/reeve/v1/replication_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochToBytes, logKey } from '../log/log-id.ts'
import type { Assignment } from '../replication/assignment.ts'
import { Comparison, type Listings } from '../replication/comparison.ts'
import type { Directory, Run } from '../replication/directory.ts'
import { decodeFrames, encodeSynced } from '../replication/frames-message.ts'
import {
  decodePullResponse,
  digestFromMessage,
  encodePullRequest,
  holdingsFromMessage,
  pullMessageMaxBytes,
  pullPath,
  pullVersion,
} from '../replication/pull-messages.ts'
import { groupKey, type Summary } from '../replication/summary.ts'
import type { Healer } from './healer.ts'
import type { LeftOut } from './left-out.ts'
import { orderly, type Scope } from './orderly.ts'
import { PeerClock, type PeerClocks } from './peer-clock.ts'
import { checkPeer, runsBeside } from './pull-peer.ts'
import { PullRanges } from './pull-ranges.ts'
import { PullShare } from './pull-share.ts'
import { PullWants } from './pull-wants.ts'

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
      scope.receive(() => pull.share.assign())
    },
  )

class Pull {
  readonly #options: PullOptions
  readonly #scope: Scope<PullOrder, PullFact, { readonly peer: Peer }>
  readonly #peer: Peer
  #call: ClientCall | undefined
  #comparison: Comparison | undefined
  readonly #release: (() => void)[] = []
  readonly #wants: PullWants
  readonly #clock: PeerClock
  readonly #ranges = new PullRanges((kind) => this.#send(kind))
  /** What is to be pulled on the stream. */
  readonly share: PullShare
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
    this.share = new PullShare({
      ...options,
      ...{ peer: this.#peer.name, scope, wants: this.#wants, isCompared: () => this.#comparison?.isOver ?? false },
    })
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
    this.share.close()
    this.#clock.close()
    this.#options.clocks.forget(this.#peer.name)
    this.#options.leftOut.forget(this.#peer.name)
    for (const release of this.#release.splice(0).reverse()) release()
    this.#options.directory.forget(this.#peer.name)
    this.#ranges.close()
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
      over: this.#scope.guard(() => this.share.judge()),
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
        this.share.grown(wanted.id, end)
        if (this.#scope.ended) return
        if (this.#wants.at(ref)) this.#call?.send(encodeSynced(ref, end))
        this.share.arrived(wanted, end)
      } catch (error) {
        const { code } = toReeveError(error)
        if (wanted && code === 'LOG_DIVERGED') this.share.diverged(wanted, toReeveError(error))
        else if (wanted && code === 'FORMAT_NEWER') this.share.leaveOut(wanted, toReeveError(error))
        // Behind frames that are of no use here others were on their way.
        else if (code !== 'DATA_CORRUPT' || this.#wants.at(ref)) throw error
      } finally {
        this.#unsyncedBytes -= frames.length
        this.#regulate()
      }
    })
  }

  #refused(refusal: Refusal): void {
    this.#ranges.refused(refusal)
    const wanted = this.#wants.at(refusal.ref)
    if (wanted) this.share.refused(wanted, refusal)
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
