import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScrape } from '../../src/cli/metrics/scrape.ts'
import type { WebAnswer } from '../../src/env/env.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { ReeveError } from '../../src/errors.ts'
import type { LinkFacts } from '../../src/inspector/facts.ts'
import { type MeasuredNode, NodeMetrics } from '../../src/metrics/node-metrics.ts'
import { type Family, readFamilies, sumOf } from './scraping.ts'

const quiet: MeasuredNode = {
  snapshot: () => ({ children: {} }) as never,
  journal: () => undefined,
  calls: () => ({ size: 0 }),
  links: () => [],
  skew: () => undefined,
  memberStatuses: () => [],
  gossip: () => undefined,
  room: async () => undefined,
  certificates: () => new Map(),
}

function measured(node: Partial<MeasuredNode>) {
  const scrape = createScrape({ node: 'a"\\\n', cluster: 'c', version: '1' })
  const metrics = new NodeMetrics(scrape.meter, realClock, { ...quiet, ...node })
  const ask = async (): Promise<Map<string, Family>> => {
    const request = { method: 'GET', path: '/metrics', query: new Map(), headers: new Map() }
    const answer = scrape.web({ ...request, remote: { host: '', port: 0 } }) as WebAnswer
    return readFamilies(String(await (answer.body as Promise<string>)))
  }
  return { metrics, ask }
}

test('lag is told of 200 peers, and of all others together', async () => {
  const links = Array.from({ length: 300 }, (_, index): LinkFacts => {
    const peer = `peer "${String(index).padStart(3, '0')}"\n`
    return { peer, address: '', state: 'live', lagRecords: 1, lagLogs: 1 }
  })
  const seen = await measured({ links: () => links }).ask()
  assert.equal(seen.get('reeve_replication_lag')?.samples.length, 201)
  assert.equal(sumOf(seen, 'reeve_replication_lag'), 300)
  assert.equal(sumOf(seen, 'reeve_replication_lag', { reeve_peer: '(others)' }), 100)
  assert.equal(sumOf(seen, 'reeve_replication_links', { reeve_link_state: 'live' }), 300)
})

test('what the disk refuses is counted by why, once for all who wait for it', async () => {
  const { metrics, ask } = measured({})
  const full = Promise.reject(new ReeveError('DISK_FULL', 'no space'))
  for (let waiting = 0; waiting < 3; waiting++) metrics.timed(full)
  const failed = Promise.reject(new ReeveError('LOG_FAILED', 'gone'))
  metrics.timed(failed)
  const fine = Promise.resolve()
  metrics.timed(fine)
  metrics.timed(fine)
  await Promise.allSettled([full, failed, fine])
  const seen = await ask()
  assert.equal(sumOf(seen, 'reeve_append_failures_total', { error_type: 'DISK_FULL' }), 1)
  assert.equal(sumOf(seen, 'reeve_append_failures_total'), 2)
  assert.equal(sumOf(seen, 'reeve_append_duration_seconds_count'), 1)
})

test('where a part of it cannot be looked at there is no answer, instead of one that lacks it', async () => {
  const broken = () => {
    throw new Error('no links')
  }
  await assert.rejects(measured({ links: broken }).ask(), /no links/)
})

test('room on the disk and the time that is left of certificates are told where they are known', async () => {
  const certificates = new Map([
    ['server', 86_400],
    ['peer', -5],
  ])
  const known = { room: async () => ({ totalBytes: 100, freeBytes: 7 }), certificates: () => certificates }
  const seen = await measured(known).ask()
  assert.equal(sumOf(seen, 'reeve_disk_size_bytes'), 100)
  assert.equal(sumOf(seen, 'reeve_disk_free_bytes'), 7)
  assert.equal(sumOf(seen, 'reeve_certificate_remaining_seconds', { reeve_certificate_use: 'server' }), 86_400)
  assert.equal(sumOf(seen, 'reeve_certificate_remaining_seconds', { reeve_certificate_use: 'peer' }), -5)
  const unknown = await measured({}).ask()
  assert.ok(!unknown.has('reeve_disk_free_bytes') && !unknown.has('reeve_certificate_remaining_seconds'))
})
