/**
 * Histograms that cost little to record into: a series is known by the very object of its attributes, and a value is a
 * number that is added. What OpenTelemetry's SDK does instead takes a microsecond a value. Handed to its reader as any
 * other producer of metrics is; apart from names, units and bounds nothing is as in the SDK.
 */

import type { Attributes, Histogram, MetricOptions } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'

type Point = DataPoint<HistogramMetricData['dataPoints'][number]['value']>

export class PlainHistograms implements MetricProducer {
  readonly #resource: Resource
  readonly #scope: { readonly name: string; readonly version: string }
  readonly #histograms: PlainHistogram[] = []

  constructor(resource: Resource, scope: { readonly name: string; readonly version: string }) {
    this.#resource = resource
    this.#scope = scope
  }

  create(name: string, options: MetricOptions = {}): Histogram {
    const histogram = new PlainHistogram(name, options)
    this.#histograms.push(histogram)
    return histogram
  }

  async collect(): Promise<CollectionResult> {
    const metrics = this.#histograms.map((each) => each.data()).filter(({ dataPoints }) => dataPoints.length > 0)
    const scopeMetrics = [{ scope: this.#scope, metrics }]
    return { resourceMetrics: { resource: this.#resource, scopeMetrics }, errors: [] }
  }
}

interface Series {
  readonly attributes: Attributes
  /** By bucket; the last one is that above all bounds. */
  readonly counts: number[]
  sum: number
}

const noAttributes: Attributes = {}

class PlainHistogram implements Histogram {
  readonly #name: string
  readonly #options: MetricOptions
  readonly #bounds: readonly number[]
  readonly #byObject = new WeakMap<Attributes, Series>()
  /** What has the same attributes is the same series, whatever object they come in. */
  readonly #byText = new Map<string, Series>()
  /** Most values go where the one before went. */
  #last: Series | undefined
  readonly #beganMs = Date.now()

  constructor(name: string, options: MetricOptions) {
    this.#name = name
    this.#options = options
    this.#bounds = options.advice?.explicitBucketBoundaries ?? []
  }

  record(value: number, attributes: Attributes = noAttributes): void {
    const series = this.#last?.attributes === attributes ? this.#last : this.#seriesOf(attributes)
    this.#last = series
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++
    series.counts[bucket]!++
    series.sum += value
  }

  data(): HistogramMetricData {
    const { description = '', unit = '', valueType = 0 } = this.#options
    return {
      descriptor: { name: this.#name, description, unit, valueType },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [...this.#byText.values()].map((series) => this.#pointOf(series)),
    }
  }

  #seriesOf(attributes: Attributes): Series {
    const known = this.#byObject.get(attributes)
    if (known) return known
    const text = JSON.stringify(Object.entries(attributes).sort())
    const series = this.#byText.get(text) ?? {
      attributes,
      counts: new Array<number>(this.#bounds.length + 1).fill(0),
      sum: 0,
    }
    this.#byText.set(text, series)
    this.#byObject.set(attributes, series)
    return series
  }

  #pointOf({ attributes, counts, sum }: Series): Point {
    const count = counts.reduce((total, each) => total + each, 0)
    const nowMs = Date.now()
    return {
      ...{ startTime: hrTime(this.#beganMs), endTime: hrTime(nowMs), attributes },
      value: { buckets: { boundaries: [...this.#bounds], counts: [...counts] }, sum, count },
    }
  }
}

function hrTime(ms: number): [seconds: number, nanoseconds: number] {
  return [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)]
}
