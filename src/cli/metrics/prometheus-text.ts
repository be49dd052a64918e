/**
 * Prometheus' text format of what OpenTelemetry's SDK collected, with names and units after its rules for that.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */

import type { Attributes } from '@opentelemetry/api'
import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { prometheusName } from '../../metrics/catalogue.ts'

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

export function prometheusText({ resource, scopeMetrics }: ResourceMetrics): string {
  const about = family('target_info', 'gauge', 'What this is', [sample('target_info', resource.attributes, 1)])
  return about + scopeMetrics.flatMap(({ metrics }) => metrics.map(familyOf)).join('')
}

function familyOf(metric: MetricData): string {
  const { name, unit, description } = metric.descriptor
  const monotonic = metric.dataPointType === DataPointType.SUM && metric.isMonotonic
  const shown = prometheusName(name, unit, monotonic)
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    const samples = metric.dataPoints.flatMap(({ attributes, value: { buckets, sum = 0, count } }) => {
      let below = 0
      const cumulated = buckets.boundaries.map((bound, index) => {
        below += buckets.counts[index] ?? 0
        return sample(`${shown}_bucket`, { ...attributes, le: String(bound) }, below)
      })
      return [
        ...cumulated,
        sample(`${shown}_bucket`, { ...attributes, le: '+Inf' }, count),
        sample(`${shown}_sum`, attributes, sum),
        sample(`${shown}_count`, attributes, count),
      ]
    })
    return family(shown, 'histogram', description, samples)
  }
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return ''
  const samples = metric.dataPoints.map(({ attributes, value }) => sample(shown, attributes, value))
  return family(shown, monotonic ? 'counter' : 'gauge', description, samples)
}

function family(name: string, type: string, description: string, samples: readonly string[]): string {
  if (samples.length === 0) return ''
  const help = description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join('')}`
}

function sample(name: string, attributes: Attributes, value: number): string {
  const labels = Object.entries(attributes).map(
    ([key, text]) => `${key.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escaped(String(text))}"`,
  )
  return `${name}${labels.length > 0 ? `{${labels.join(',')}}` : ''} ${numberText(value)}\n`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
