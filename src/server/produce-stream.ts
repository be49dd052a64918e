/**
 * A stream of batches, one answer each, in order.
 *
 * Owns: the appends of this stream that are not answered yet, bounded in number and bytes by pausing the caller.
 * Never: answers out of order, takes or answers anything after a refusal, reads on while its answers are not taken.
 */

import type { CallListener, RpcHandler, ServerCall } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { Placed } from '../log/journal.ts'
import { Waits } from './acks.ts'
import type { PhaseSource } from './phase.ts'
import { isClosing, nodeStopping } from './phase.ts'
import type { Appender, ProduceDeps } from './produce.ts'
import { createAppender } from './produce.ts'
import { isPlain, type ProduceCommand, parseProduceRequest } from './produce-request.ts'
import { attempt } from './typed.ts'

export interface ProduceStreamDeps extends ProduceDeps {
  readonly phase: PhaseSource
}

/** Enough for a group commit under way and the next one; more would only be memory. */
const pendingCountMax = 4096
const pendingBytesMax = 8 * 1024 * 1024

/** What became of all that go to the disk together. */
interface Commit {
  readonly durable: Promise<void>
  outcome: 'waits' | 'durable' | ReeveError
}

/** An append in the order of arrival: one that only has to be durable, or one with an answer of its own. */
interface Pending {
  readonly bytes: number
  readonly placed?: Placed
  readonly commit?: Commit
  outcome?: Uint8Array | ReeveError
}

export function produceStream(deps: ProduceStreamDeps): RpcHandler {
  return (call) => {
    const subject = deps.access.subjectOf(call.caller)
    return new ProducingStream(call, subject, createAppender(deps), deps.phase)
  }
}

class ProducingStream implements CallListener {
  readonly #call: ServerCall
  readonly #subject: string
  readonly #appender: Appender
  readonly #unsubscribe: () => void
  readonly #pending: Pending[] = []
  /** Index of the first entry of `#pending` that is not answered. */
  #head = 0
  #pendingBytes = 0
  /** Of the last that was placed. */
  #commit: Commit | undefined
  #topic = ''
  #producerId: Uint8Array = new Uint8Array(0)
  /** Something was refused whose turn to be answered has not come: nothing behind it is taken. */
  #refused = false
  readonly #waits = new Waits()
  #flushDue = false
  #paused = false
  /** The transport holds more than a window of answers. */
  #clogged = false
  /** What ends the call once everything before it is answered; `undefined` in it: status OK. */
  #ending: { error: ReeveError | undefined } | undefined
  #over = false

  constructor(call: ServerCall, subject: string, appender: Appender, phase: PhaseSource) {
    this.#call = call
    this.#subject = subject
    this.#appender = appender
    this.#unsubscribe = phase.onChange((now) => {
      if (isClosing(now)) this.#end(nodeStopping())
    })
  }

  message(bytes: Uint8Array): void {
    if (this.#ending || this.#over || this.#refused) return
    let entry: Pending
    try {
      const command = parseProduceRequest(bytes)
      if (command.topic !== '') this.#topic = command.topic
      // A copy: it is a view into whatever came with it.
      if (command.producerId.length > 0) this.#producerId = command.producerId.slice()
      const plain = this.#producerId.length === 0 && isPlain(command)
      entry = plain ? this.#place(command.batch, bytes.length) : this.#append(command, bytes.length)
    } catch (error) {
      this.#end(toReeveError(error))
      return
    }
    this.#pending.push(entry)
    this.#pendingBytes += entry.bytes
    this.#throttle()
  }

  #place(batch: Uint8Array, bytes: number): Pending {
    const placed = this.#appender.place(this.#subject, this.#topic, batch)
    const { durable } = placed
    if (this.#commit?.durable !== durable) {
      const commit: Commit = { durable, outcome: 'waits' }
      const settle = (outcome: 'durable' | ReeveError) => {
        commit.outcome = outcome
        if (outcome instanceof ReeveError) this.#refused = true
        if (this.#pending[this.#head]?.commit === commit) this.#flushSoon()
      }
      this.#commit = commit
      this.#appender.timed?.(durable)
      durable.then(
        () => settle('durable'),
        (error) => settle(toReeveError(error)),
      )
    }
    return { bytes, placed, commit: this.#commit }
  }

  #append(command: ProduceCommand, bytes: number): Pending {
    const entry: Pending = { bytes }
    const settle = (outcome: Uint8Array | ReeveError) => {
      entry.outcome = outcome
      if (outcome instanceof ReeveError) this.#refused = true
      if (this.#pending[this.#head] === entry) this.#flushSoon()
    }
    this.#appender
      .append({
        ...command,
        subject: this.#subject,
        topic: this.#topic,
        producerId: this.#producerId,
        remainingMs: () => this.#call.remainingMs(),
        waits: this.#waits,
      })
      .then(settle, (error) => settle(toReeveError(error)))
    return entry
  }

  ended(): void {
    this.#end(undefined)
  }

  drained(): void {
    this.#clogged = false
    attempt(this.#call, () => this.#throttle())
  }

  cancelled(): void {
    this.#close()
  }

  #end(error: ReeveError | undefined): void {
    if (this.#over) return
    this.#ending ??= { error }
    this.#flushSoon()
  }

  /** All answers that one commit brought go out in one loop, after all of its promises have been told. */
  #flushSoon(): void {
    if (this.#flushDue) return
    this.#flushDue = true
    queueMicrotask(() => {
      this.#flushDue = false
      if (!this.#over) this.#flush()
    })
  }

  #flush(): void {
    for (;;) {
      const placed = this.#takeDurable()
      if (placed.length > 0 && !this.#call.sendFramed(this.#appender.answers(placed))) this.#clogged = true
      const entry = this.#pending[this.#head]
      const outcome = entry && this.#outcomeOf(entry)
      if (!outcome) break
      if (outcome instanceof ReeveError) {
        this.#finish(outcome)
        return
      }
      if (!this.#call.send(outcome)) this.#clogged = true
      this.#pendingBytes -= entry.bytes
      this.#head++
    }
    this.#forgetAnswered()
    if (this.#ending && this.#pending.length === this.#head) this.#finish(this.#ending.error)
    else this.#throttle()
  }

  /** Those whose turn it is that only had to become durable, and are. */
  #takeDurable(): Placed[] {
    const taken: Placed[] = []
    for (;;) {
      const entry = this.#pending[this.#head]
      if (!entry?.placed || entry.commit?.outcome !== 'durable') return taken
      taken.push(entry.placed)
      this.#pendingBytes -= entry.bytes
      this.#head++
    }
  }

  /** Undefined: not known yet. */
  #outcomeOf({ commit, outcome }: Pending): Uint8Array | ReeveError | undefined {
    return commit && commit.outcome instanceof ReeveError ? commit.outcome : outcome
  }

  #forgetAnswered(): void {
    if (this.#head === this.#pending.length || this.#head >= 1024) {
      this.#pending.splice(0, this.#head)
      this.#head = 0
    }
  }

  #throttle(): void {
    // Once paused, half must be free again: else every answer would start and stop the caller.
    const share = this.#paused ? 0.5 : 1
    const count = this.#pending.length - this.#head
    const full = count >= share * pendingCountMax || this.#pendingBytes >= share * pendingBytesMax
    const pause = full || this.#clogged
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#call.pause()
    else this.#call.resume()
  }

  #finish(error: ReeveError | undefined): void {
    this.#close()
    this.#call.finish(error)
  }

  #close(): void {
    this.#over = true
    this.#unsubscribe()
    this.#waits.end()
  }
}
