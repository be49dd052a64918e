import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { metrics, propagation, SpanKind, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { pino } from 'pino'
import { parseAddress } from '../../src/address.ts'
import { pathOf } from '../../src/client/call.ts'
import { LogService, ProduceRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { createNode, createRealEnv, type ReeveError, type ReeveNode } from '../../src/index.ts'

class WhenAsked extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const folder = mkdtempSync(join(tmpdir(), 'reeve-library-'))
const reader = new WhenAsked()
const kept = new InMemorySpanExporter()
let node: ReeveNode

before(async () => {
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(kept)] }))
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const settings = { nodeName: 'a', dataDir: folder, bindAddr: '127.0.0.1:0', rpcPort: 0 }
  node = createNode(settings, { log: pino({ level: 'silent' }) })
  await node.start()
})
after(() => rmSync(folder, { recursive: true, force: true }))

async function produce(topic: string, metadata: Record<string, string>): Promise<ReeveError | undefined> {
  const channel = createRealEnv().rpc.dial({ to: parseAddress(node.status().rpcAddress!)! })
  const request = create(ProduceRequestSchema, { topic, batch: { records: [{ value: new Uint8Array(5) }] } })
  const outcome = await new Promise<ReeveError | undefined>((resolve) => {
    const options = { metadata: new Map(Object.entries(metadata)) }
    const call = channel.call(pathOf(LogService.method.produce), options, { message() {}, closed: resolve })
    call.send(toBinary(ProduceRequestSchema, request))
    call.end()
  })
  channel.close()
  return outcome
}

async function valueOfMetric(name: string): Promise<unknown> {
  const { resourceMetrics, errors } = await reader.collect()
  assert.deepEqual(errors, [])
  const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  return all.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0]?.value
}

test('a call that is part of a trace gets a span in it, with what became of it; others get none', async () => {
  assert.equal(await produce('orders', {}), undefined)
  assert.deepEqual(kept.getFinishedSpans(), [])
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
  assert.equal(await produce('orders', { traceparent }), undefined)
  assert.equal((await produce('no/topic', { traceparent }))?.code, 'TOPIC_NAME_INVALID')
  const [stored, refused] = kept.getFinishedSpans()
  assert.equal(stored?.kind, SpanKind.SERVER)
  assert.equal(stored?.name, 'reeve.v1.LogService/Produce')
  assert.equal(stored?.spanContext().traceId, '1'.repeat(32))
  assert.equal(stored?.parentSpanContext?.spanId, '2'.repeat(16))
  assert.equal(stored?.attributes['rpc.response.status_code'], 'OK')
  assert.equal(refused?.attributes['rpc.response.status_code'], 'INVALID_ARGUMENT')
})

test("a program's own SDK measures its node, and has no trouble once that has ended", async () => {
  assert.equal(await valueOfMetric('reeve.produce.records'), 2)
  assert.equal(await valueOfMetric('nodejs.eventloop.utilization'), undefined, 'that is for the program')
  await node.stop()
  await valueOfMetric('reeve.logs')
})
