import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { PlainHistograms } from '../../src/cli/metrics/plain-histograms.ts'
import { prometheusText } from '../../src/cli/metrics/prometheus-text.ts'

class WhenAsked extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const bounds = [0.001, 0.01, 0.1, 1]
const options = { unit: 's', description: 'how long', advice: { explicitBucketBoundaries: bounds } }
const resource = resourceFromAttributes({})
const value = fc.oneof(fc.constantFrom(...bounds, 0, 2), fc.double({ min: 0, max: 5, noNaN: true }))
const record = fc.record({ value, method: fc.constantFrom('', 'a', 'b'), fresh: fc.boolean() })

test('what is recorded is shown as OpenTelemetry’s own histograms show it, whatever objects attributes come in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record), async (records) => {
      const theirs = new WhenAsked()
      const ours = new PlainHistograms(resource, { name: 'x', version: '1' })
      const sdk = new MeterProvider({ resource, readers: [theirs] }).getMeter('x', '1').createHistogram('took', options)
      const plain = ours.create('took', options)
      const kept = { a: { method: 'a', status: 'OK' }, b: { method: 'b', status: 'OK' } }
      for (const { value, method, fresh } of records) {
        const known = kept[method as keyof typeof kept]
        const attributes = method === '' ? undefined : fresh ? { status: 'OK', method } : known
        sdk.record(value, attributes)
        plain.record(value, attributes)
      }
      const [expected, shown] = await Promise.all([theirs.collect(), ours.collect()])
      assert.deepEqual(
        linesOf(prometheusText(shown.resourceMetrics)),
        linesOf(prometheusText(expected.resourceMetrics)),
      )
    }),
    { numRuns: 200 },
  )
})

/** Labels have no order. */
function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/\{(.*)\}/, (_, labels) => `{${labels.split(',').sort()}}`))
}
