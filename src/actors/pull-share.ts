/**
 * The logs that are to be pulled from one peer: which of them wait for their turn, are asked for, are behind. Owns what of
 * its share of the assignment is asked for, and whether we have caught up with it; never what comes on the stream
 * (`pull.ts`).
 */

import type { PullFact } from '../../machines/messages.ts'
import type { Clock } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { type Refusal, RefusalReason } from '../gen/reeve/v1/replication_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { type LogId, logKey } from '../log/log-id.ts'
import type { Assignment } from '../replication/assignment.ts'
import type { Directory } from '../replication/directory.ts'
import { offsetFrom, wantsMax } from '../replication/pull-messages.ts'
import { LateLogs } from './late-logs.ts'
import type { LeftOut } from './left-out.ts'
import { type Scope, toReason } from './orderly.ts'
import type { PullWants, Wanted } from './pull-wants.ts'

/** Logs of which all has arrived: so many are let go of at once. */
const finishedAtOnce = 64
/** A live replicator whose peer is known to be this many records ahead has fallen behind. */
const behindRecords = 10_000

export interface PullShareOptions {
  readonly peer: string
  readonly scope: Pick<Scope<never, PullFact, unknown>, 'ended' | 'guard' | 'run' | 'tell'>
  readonly clock: Clock
  readonly journal: () => Journal
  readonly directory: Directory
  readonly assignment: Assignment
  readonly leftOut: LeftOut
  readonly wants: PullWants
  /** All that the peer has beyond us is known. */
  readonly isCompared: () => boolean
}

export class PullShare {
  readonly #options: PullShareOptions
  #assigned = false
  #live = false
  /** Assigned, but more than may be wanted at once. */
  readonly #waiting = new Map<string, LogId>()
  readonly #late: LateLogs
  /** Wanted logs of which the peer is known to have more, while catching up. */
  readonly #behind = new Set<string>()
  #finished = 0

  constructor(options: PullShareOptions) {
    this.#options = options
    const { clock, scope } = options
    this.#late = new LateLogs(
      clock,
      scope.guard((id) => scope.run(() => this.#beginAnew(id))),
    )
  }

  close(): void {
    this.#late.close()
  }

  /** Makes what we asked for what the assignment says. */
  assign(): void {
    const { peer, scope, wants, assignment, directory, journal } = this.#options
    const share = assignment.share(peer)
    const changes = assignment.takeChanges(peer)
    for (const key of this.#assigned ? changes : share.keys()) {
      const id = share.get(key)
      const wanted = wants.of(key)
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
      if (wants.size >= wantsMax) break
      this.#waiting.delete(key)
      if (directory.lateStart(peer, key) !== undefined) {
        this.#late.wait(id)
        continue
      }
      wants.add(key, id)
      const gap = directory.endAt(peer, key) - (journal().log(id)?.end ?? 0)
      if (gap <= 0) continue
      this.#behind.add(key)
      missing += gap
    }
    if (this.#live && missing > behindRecords) {
      this.#live = false
      scope.tell({ type: 'pull.fellBehind' })
    } else this.judge()
  }

  /** Caught up? One fact a change. */
  judge(): void {
    const { scope, isCompared } = this.#options
    if (this.#live || this.#behind.size + this.#waiting.size > 0 || !this.#assigned || !isCompared()) return
    this.#live = true
    scope.tell({ type: 'pull.caughtUp' })
  }

  /** Also when the stream has ended meanwhile: what others were known to have more may be no more than we have. */
  grown(id: LogId, end: number): void {
    this.#options.directory.grown(this.#options.peer, id, end)
  }

  /** Frames of a log have; our copy ends there now. */
  arrived({ key, id }: Wanted, end: number): void {
    const { peer, scope, directory } = this.#options
    if (directory.endAt(peer, key) > end) return
    this.#behind.delete(key)
    // Of a log that nobody writes to any more this was all; the assignment lets go of it.
    if (!directory.isLive(peer, id)) this.#finished++
    if (this.#finished >= finishedAtOnce || (this.#finished > 0 && this.#behind.size === 0)) {
      this.#finished = 0
      scope.tell({ type: 'pull.holdingsChanged' })
    }
    this.judge()
  }

  /** The peer does not send this log. */
  refused(wanted: Wanted, { reason, start, end }: Refusal): void {
    const { peer, scope, wants, directory } = this.#options
    this.#behind.delete(wanted.key)
    wants.forget(wanted)
    if (reason === RefusalReason.TRIMMED) {
      // It has trimmed since it told us of this log.
      directory.learn(peer, { id: wanted.id, start: offsetFrom(start), end: offsetFrom(end) })
      if (directory.lateStart(peer, wanted.key) !== undefined) {
        this.#late.wait(wanted.id)
        scope.tell({ type: 'pull.holdingsChanged' })
        this.judge()
        return
      }
    }
    if (reason === RefusalReason.DIVERGED) {
      this.diverged(wanted, new ReeveError('LOG_DIVERGED', `${peer}'s copy of ${wanted.key} contradicts ours`))
      return
    }
    // It cannot serve this log (unknown or damaged there); somebody else may.
    directory.exclude(peer, wanted.key, 'untilNews')
    scope.tell({ type: 'pull.holdingsChanged' })
    this.judge()
  }

  diverged(wanted: Wanted, error: ReeveError): void {
    this.#options.directory.exclude(this.#options.peer, wanted.key, 'whileItRuns')
    this.#options.scope.tell({ type: 'pull.diverged', reason: toReason(error) })
  }

  /** All others go on. */
  leaveOut(wanted: Wanted, error: ReeveError): void {
    const { peer, scope, wants, leftOut } = this.#options
    if (wants.at(wanted.ref)) this.#unwant(wanted)
    const decideAnew = () => scope.tell({ type: 'pull.holdingsChanged' })
    leftOut.add(peer, wanted.id, toReason(error), decideAnew)
    decideAnew()
    this.judge()
  }

  /** Nobody turned up who has what would come next; if the assignment still says so, the copy begins at their start. */
  async #beginAnew(id: LogId): Promise<void> {
    const { peer, scope, assignment, directory, journal } = this.#options
    const key = logKey(id)
    const start = directory.lateStart(peer, key)
    if (!assignment.share(peer).has(key)) return
    if (start !== undefined) {
      await journal().beginAt(id, start)
      this.grown(id, start)
    }
    if (scope.ended) return
    if (assignment.share(peer).has(key)) this.#waiting.set(key, id)
    scope.tell({ type: 'pull.holdingsChanged' })
    this.assign()
  }

  #unwant(wanted: Wanted): void {
    this.#behind.delete(wanted.key)
    this.#options.wants.drop(wanted)
  }
}
