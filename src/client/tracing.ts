/**
 * Traces that follow a record: the context of who sent it travels in its headers (W3C's `traceparent` and `tracestate`, or
 * whatever the program's propagator writes), through every node and copy, to who reads it. By OpenTelemetry's API alone:
 * without an SDK in the program all of this is nothing, and costs nothing.
 *
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */

import {
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { toReeveError } from '../errors.ts'
import { bytesOf, type ConsumedRecord, type OutgoingRecord } from './record.ts'

const utf8 = new TextDecoder()
const system = 'reeve'

/** Whether the program has a propagator; else there is nothing to write into headers, nor to find there. */
export function isTracing(): boolean {
  return propagation.fields().length > 0
}

/** Around one `send` or `sendAll`: a span of its own, and what puts it into records. */
export interface Sending {
  /** The same record, with the context in its headers; as it is where they have one. */
  mark(record: OutgoingRecord): OutgoingRecord
  /** Ends the span as this ends, and gives that. */
  over<T>(outcome: Promise<T>): Promise<T>
}

export function beginSending(topic: string): Sending {
  const span = trace.getTracer(system).startSpan(`send ${topic}`, {
    kind: SpanKind.PRODUCER,
    attributes: attributesOf(topic, 'send'),
  })
  const carrier: Record<string, string> = {}
  propagation.inject(trace.setSpan(context.active(), span), carrier)
  const added = Object.entries(carrier)
  const fields = new Set(propagation.fields())
  return {
    mark(record) {
      if (added.length === 0) return record
      const headers = [...(record.headers ?? [])]
      if (headers.some(([name]) => fields.has(name))) return { ...record, headers }
      return { ...record, headers: [...headers, ...added] }
    },
    over(outcome) {
      outcome.then(
        () => span.end(),
        (error) => failed(span, error),
      )
      return outcome
    },
  }
}

/** The context that a record was sent in, upon `within` (default: none); `within` itself where its headers say nothing. */
export function recordContext(record: Pick<ConsumedRecord, 'headers'>, within: Context = ROOT_CONTEXT): Context {
  return propagation.extract(within, record.headers, {
    keys: (headers) => headers.map(([name]) => name),
    get: (headers, key) => {
      const found = headers.find(([name]) => name === key)
      return found && utf8.decode(bytesOf(found[1]))
    },
  })
}

/**
 * Does this with a record, in a span: of the trace in which it was sent or, where something is being traced already, of
 * that, with a link to the other. Gives what `work` gives, and ends when that does.
 */
export function processRecord<T>(record: ConsumedRecord, work: (span: Span) => T): T {
  const active = context.active()
  const sent = recordContext(record)
  const sentBy = trace.getSpanContext(sent)
  const nested = trace.getSpan(active) !== undefined
  const links: Link[] = nested && sentBy ? [{ context: sentBy }] : []
  const parent = nested || !sentBy ? active : sent
  const { topic, origin, epoch, offset } = record
  const attributes = { ...attributesOf(topic, 'process'), 'messaging.message.id': `${origin}/${epoch}/${offset}` }
  const options = { kind: SpanKind.CONSUMER, attributes, links }
  return trace.getTracer(system).startActiveSpan(`process ${topic}`, options, parent, (span) => {
    try {
      const result = work(span)
      if (!(result instanceof Promise)) {
        span.end()
        return result
      }
      result.then(
        () => span.end(),
        (error) => failed(span, error),
      )
      return result
    } catch (error) {
      failed(span, error)
      throw error
    }
  })
}

function attributesOf(topic: string, operation: 'send' | 'process') {
  return {
    'messaging.system': system,
    'messaging.destination.name': topic,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
  }
}

function failed(span: Span, error: unknown): void {
  const { code, message } = toReeveError(error)
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}
