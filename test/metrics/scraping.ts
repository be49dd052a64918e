/** What Prometheus would make of `/metrics`, but stricter: whatever is not as the format says is thrown. */

import assert from 'node:assert/strict'
import { request } from 'node:http'

export interface Family {
  readonly type: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** Rejects where the answer is cut short. */
export function fetchMetrics(httpAddress: string, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const ask = request(`http://${httpAddress}/metrics`, { method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text })
      })
    })
    ask.on('error', reject).end()
  })
}

export async function scrape(httpAddress: string): Promise<Map<string, Family>> {
  const { status, type, text } = await fetchMetrics(httpAddress)
  assert.equal(status, 200)
  assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
  return readFamilies(text)
}

export function readFamilies(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends, too')
  const families = new Map<string, Family>()
  const lines = text.slice(0, -1).split('\n')
  const seen = new Set<string>()
  for (let at = 0; at < lines.length; ) {
    const [, name] =
      /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*$/.exec(lines[at++]!) ?? assert.fail(`no HELP: ${lines[at - 1]}`)
    const [, typed, type] =
      /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[at++]!) ?? assert.fail(`no TYPE: ${name}`)
    assert.equal(typed, name)
    assert.ok(!families.has(name!), `${name} comes twice`)
    const samples: Sample[] = []
    while (at < lines.length && !lines[at]!.startsWith('#')) {
      const sample = readSample(lines[at]!)
      assert.ok(!seen.has(lines[at]!.replace(/ \S+$/, '')), `twice: ${lines[at]}`)
      seen.add(lines[at++]!.replace(/ \S+$/, ''))
      const suffix = sample.name.slice(name!.length)
      assert.ok(sample.name.startsWith(name!), `${sample.name} is not of ${name}`)
      assert.ok((type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).includes(suffix), sample.name)
      samples.push(sample)
    }
    assert.ok(samples.length > 0, `${name} has no samples`)
    if (type === 'counter') assert.ok(name!.endsWith('_total') && samples.every(({ value }) => value >= 0), name)
    if (type === 'histogram') checkHistogram(name!, samples)
    families.set(name!, { type: type!, samples })
  }
  return families
}

function readSample(line: string): Sample {
  const [, name, inner = '', value] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/.exec(line) ??
    assert.fail(`no sample: ${line}`)
  const labels = new Map<string, string>()
  let rest = inner
  while (rest !== '') {
    const [all, key, text] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest) ?? assert.fail(`no labels: ${line}`)
    assert.ok(!labels.has(key!), `${key} twice: ${line}`)
    labels.set(key!, text!)
    rest = rest.slice(all.length)
  }
  return { name: name!, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }
}

/** By labels without `le`: buckets grow, the last is +Inf and the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = JSON.stringify([...sample.labels].filter(([name]) => name !== 'le'))
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const each of series.values()) {
    const buckets = each.filter((sample) => sample.name === `${name}_bucket`)
    const count = each.find((sample) => sample.name === `${name}_count`)
    assert.ok(count && each.some((sample) => sample.name === `${name}_sum`), name)
    const bounds = buckets.map(({ labels }) => Number(labels.get('le')?.replace('+Inf', 'Infinity')))
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY)
    for (let at = 1; at < buckets.length; at++) {
      assert.ok(bounds[at]! > bounds[at - 1]! && buckets[at]!.value >= buckets[at - 1]!.value, name)
    }
    assert.equal(buckets.at(-1)!.value, count.value)
  }
}

/** Of the samples that have these labels, added up; 0: there is none. */
export function sumOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  const wanted = Object.entries(labels)
  const found = (family?.samples ?? []).filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels.get(key) === value),
  )
  return found.reduce((sum, { value }) => sum + value, 0)
}
