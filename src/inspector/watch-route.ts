/** Watch and Invite: a node's records for its peers and for tools, and a link to its page. */

import type { RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { InspectorService, type WatchRequest, type WatchResponseSchema } from '../gen/reeve/v1/inspector_pb.ts'
import { epochFromBytes } from '../log/log-id.ts'
import { nodeStopping, type PhaseSource } from '../server/phase.ts'
import { serverStream, type TypedStream, unary } from '../server/typed.ts'
import type { TraceRecord } from './record.ts'
import type { Recorder } from './recorder.ts'

/** At once, of all callers. */
const callsMax = 32
/** Records go together in one message up to this size. */
const messageLength = 128 * 1024

export interface WatchRoutesDeps {
  readonly recorder: Recorder
  readonly phase: PhaseSource
  /** A link to the page; undefined: none is served. */
  readonly link: () => string | undefined
}

export function watchRoutes({ recorder, phase, link }: WatchRoutesDeps): RpcRoute[] {
  const calls = new Set<WatchCall>()
  // They would never end by themselves, and hold up a node that stops.
  phase.onChange((now) => {
    if (now === 'draining' || now === 'stopped') for (const call of calls) call.finish()
  })
  return [
    serverStream(InspectorService.method.watch, (request, stream) => {
      if (calls.size === callsMax) throw new ReeveError('OVERLOADED', `${callsMax} others watch this node already`)
      const call = new WatchCall(recorder, request, stream, () => calls.delete(call))
      calls.add(call)
      return call
    }),
    unary(InspectorService.method.invite, () => ({ url: link() ?? '' })),
  ]
}

/** Sends from the recorder's ring at the pace of the caller; queues nothing. */
class WatchCall {
  readonly #recorder: Recorder
  readonly #stream: TypedStream<typeof WatchResponseSchema>
  readonly #closed: () => void
  readonly #unsubscribe: () => void
  #sequence: number
  #blocked = false

  constructor(
    recorder: Recorder,
    request: WatchRequest,
    stream: TypedStream<typeof WatchResponseSchema>,
    closed: () => void,
  ) {
    this.#recorder = recorder
    this.#stream = stream
    this.#closed = closed
    this.#unsubscribe = recorder.onRecords(() => this.#pump())
    const epoch = epochFromBytes(request.epoch)
    const sequence = Number(request.sequence)
    if (epoch.ok && epoch.value === recorder.epoch && recorder.has(sequence)) {
      this.#sequence = sequence
      this.#pump()
    } else {
      const { snapshot, records } = recorder.history(request.history)
      this.#sequence = snapshot.sequence
      this.#send([snapshot, ...records])
    }
  }

  drained(): void {
    this.#blocked = false
    this.#pump()
  }

  cancelled(): void {
    this.#unsubscribe()
    this.#closed()
  }

  finish(): void {
    this.cancelled()
    this.#stream.finish(nodeStopping())
  }

  #pump(): void {
    if (this.#blocked) return
    const { node, epoch } = this.#recorder
    if (this.#recorder.has(this.#sequence)) {
      this.#send(this.#recorder.after(this.#sequence))
      return
    }
    const { snapshot, records } = this.#recorder.history()
    const first = this.#sequence + 1
    this.#send([{ kind: 'gap', node, epoch, first, last: snapshot.sequence, why: 'slow' }, snapshot, ...records])
  }

  #send(records: readonly TraceRecord[]): void {
    let message: string[] = []
    let length = 0
    const flush = () => {
      if (message.length > 0 && !this.#stream.send({ records: message })) this.#blocked = true
      message = []
      length = 0
    }
    for (const record of records) {
      const text = JSON.stringify(record)
      message.push(text)
      length += text.length
      if ('sequence' in record) this.#sequence = record.sequence
      if (length < messageLength) continue
      flush()
      // The rest is in the ring, or will be told as a gap.
      if (this.#blocked) return
    }
    flush()
  }
}
