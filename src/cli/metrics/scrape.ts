/** OpenTelemetry's SDK in this process, and what it collected at `/metrics`, whenever Prometheus asks. */

import type { Meter } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import type { WebAnswer, WebHandler } from '../../env/env.ts'
import { PlainHistograms } from './plain-histograms.ts'
import { measureProcess } from './process-metrics.ts'
import { prometheusContentType, prometheusText } from './prometheus-text.ts'

export interface Scrape {
  readonly meter: Meter
  readonly web: WebHandler
}

export interface Measured {
  readonly node: string
  readonly cluster: string
  readonly version: string
}

export function createScrape({ node, cluster, version }: Measured): Scrape {
  const resource = resourceFromAttributes({
    'service.name': 'reeve',
    'service.namespace': cluster,
    'service.instance.id': node,
    'service.version': version,
  })
  const histograms = new PlainHistograms(resource, { name: 'reeve', version })
  const reader = new WhenAsked({ metricProducers: [histograms] })
  const meter = new MeterProvider({ resource, readers: [reader] }).getMeter('reeve', version)
  measureProcess(meter)
  return {
    meter: Object.assign(Object.create(meter) as Meter, {
      createHistogram: (...[name, options]: Parameters<Meter['createHistogram']>) => histograms.create(name, options),
    }),
    web: ({ path, method }) => {
      if (path !== '/metrics') return undefined
      if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } }
      return answer(reader)
    },
  }
}

/** Collects for whoever asks, and nothing in between. */
class WhenAsked extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function answer(reader: MetricReader): WebAnswer {
  const headers = {
    'content-type': prometheusContentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  return {
    status: 200,
    headers,
    body: reader.collect().then(({ resourceMetrics, errors }) => {
      // Half of it would pass for all of it.
      if (errors.length > 0) throw errors[0]
      return prometheusText(resourceMetrics)
    }),
  }
}
