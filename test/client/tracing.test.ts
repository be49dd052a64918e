import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { context, propagation, type Span, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { ConsumedRecord, OutgoingRecord } from '../../src/client/record.ts'
import { processRecord, recordContext } from '../../src/client/tracing.ts'
import { ReeveError } from '../../src/errors.ts'
import { fakeCluster, first, type Handler } from './fake-cluster.ts'
import { logOf, producerOf } from './fake-log.ts'

const kept = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(kept)] })

before(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
})
after(() => provider.shutdown())

/** What was written, and the spans that were made by it. */
async function written(
  work: (producer: ReturnType<typeof producerOf>) => Promise<unknown>,
  handler?: Handler,
): Promise<{ headers: Record<string, string>[]; spans: ReadableSpan[] }> {
  kept.reset()
  const log = logOf(1)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: handler ?? log.handler } }))
  await work(producer)
  await producer.close()
  const records = log.batches.flatMap(({ batch }) => batch!.records)
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  return {
    headers: records.map(({ headers }) => Object.fromEntries(headers.map(({ name, value }) => [name, text(value)]))),
    spans: kept.getFinishedSpans(),
  }
}

const consumed = (headers: readonly (readonly [string, string])[]): ConsumedRecord => ({
  ...{ topic: 't', origin: 'a', epoch: 'e', offset: 7, timestampMs: 0, producedMs: undefined },
  ...{ key: new Uint8Array(), value: new Uint8Array() },
  headers: headers.map(([name, value]) => [name, new TextEncoder().encode(value)] as const),
})

const within = <T>(name: string, work: (span: Span) => T): T =>
  trace.getTracer('test').startActiveSpan(name, (span) => {
    const result = work(span)
    span.end()
    return result
  })

test('a record carries the trace of who sent it, also where it had to wait for room', async () => {
  const { headers, spans } = await written((producer) =>
    within('order', () => producer.send({ value: 'apples', headers: [['kind', 'fruit']] })),
  )
  const [order, send] = [spans.find(({ name }) => name === 'order')!, spans.find(({ name }) => name === 'send t')!]
  assert.equal(send.kind, SpanKind.PRODUCER)
  assert.equal(send.parentSpanContext?.spanId, order.spanContext().spanId)
  assert.equal(send.attributes['messaging.destination.name'], 't')
  const { traceId, spanId } = send.spanContext()
  assert.deepEqual(headers, [{ kind: 'fruit', traceparent: `00-${traceId}-${spanId}-01` }])
})

test('all records of one call carry the same; what a record says already stays', async () => {
  const given = '00-11111111111111111111111111111111-2222222222222222-01'
  function* once(): Iterable<readonly [string, string]> {
    yield ['traceparent', given]
  }
  const records: OutgoingRecord[] = [{ value: '1' }, { value: '2' }, { value: '3', headers: once() }]
  const { headers, spans } = await written((producer) => producer.sendAll(records))
  assert.equal(spans.length, 1)
  assert.equal(headers[0]!.traceparent, headers[1]!.traceparent)
  assert.ok(headers[0]!.traceparent!.includes(spans[0]!.spanContext().spanId))
  assert.equal(headers[2]!.traceparent, given)
})

test('a span of what was refused says why', async () => {
  const refusing: Handler = (call) => {
    call.onMessage = () => call.finish(new ReeveError('BATCH_TOO_LARGE', 'too much'))
  }
  const { spans } = await written(
    (producer) => assert.rejects(producer.send({ value: 'x' }), { code: 'BATCH_TOO_LARGE' }),
    refusing,
  )
  assert.equal(spans[0]?.attributes['error.type'], 'BATCH_TOO_LARGE')
})

test('whoever works on a record goes on in its trace, or links it to a trace of his own', async () => {
  kept.reset()
  const record = consumed([['traceparent', '00-11111111111111111111111111111111-2222222222222222-01']])
  assert.equal(await processRecord(record, async () => 5), 5)
  const failure = new Error('mill')
  assert.throws(
    () =>
      within('mill', () =>
        processRecord(record, () => {
          throw failure
        }),
      ),
    failure,
  )
  const [alone, nested] = kept.getFinishedSpans().filter(({ name }) => name === 'process t')
  assert.equal(alone!.spanContext().traceId, '1'.repeat(32))
  assert.equal(alone!.parentSpanContext?.spanId, '2'.repeat(16))
  assert.equal(alone!.attributes['messaging.message.id'], 'a/e/7')
  assert.notEqual(nested!.spanContext().traceId, '1'.repeat(32))
  assert.equal(nested!.links[0]?.context.spanId, '2'.repeat(16))
})

test('headers that are no trace are none', () => {
  for (const text of [
    '',
    '00-zz',
    '\u0000',
    '00-00000000000000000000000000000000-0000000000000000-01',
    'x'.repeat(9999),
  ]) {
    assert.equal(trace.getSpanContext(recordContext(consumed([['traceparent', text]]))), undefined)
  }
})
