import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import {
  type Metric,
  metricsTableMarkdown,
  nodeMetrics,
  processMetrics,
  prometheusName,
} from '../../src/metrics/catalogue.ts'
import { type Agent, until } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { type Family, fetchMetrics, scrape, sumOf } from './scraping.ts'

const root = join(import.meta.dirname, '..', '..')
const withPort = ['--http-port', '0', '--profile', 'local']
const addressOf = (agent: Agent) => String(agent.lines.find(({ msg }) => msg === 'ready')?.httpAddress)
const look = (agent: Agent) => scrape(addressOf(agent))
const upTo = (what: string, agent: Agent, holds: (seen: Map<string, Family>) => boolean) =>
  until(what, () => look(agent), holds, [agent])

describe('what a node shows Prometheus', () => {
  const stage = new Stage()
  after(() => stage.end())
  const nodes = (async () => {
    const a = await stage.start('a', { words: withPort })
    const b = await stage.start('b', { join: [a], words: withPort })
    await stage.together([a, b])
    return { a, b }
  })()

  test('moves with what is written, copied and read', async () => {
    const { a, b } = await nodes
    const before = await look(a)
    assert.equal(sumOf(before, 'reeve_produce_records_total'), 0, 'the catalog is not counted')
    const producer = stage.client([a]).producer({ topic: 'secret-topic', copies: 2 })
    const values = Array.from({ length: 300 }, (_, index) => ({ key: 'secret-key', value: `secret ${index}` }))
    await producer.sendAll(values)
    const read: unknown[] = []
    for await (const record of stage.client([a]).consumer({ topic: 'secret-topic' })) read.push(record)
    assert.equal(read.length, 300)

    const seen = await upTo(
      'a shows what was done',
      a,
      (now) => sumOf(now, 'rpc_server_call_duration_seconds_count') > 0,
    )
    assert.equal(sumOf(seen, 'reeve_produce_records_total'), 300)
    assert.equal(sumOf(seen, 'reeve_consume_records_total'), 300)
    assert.ok(sumOf(seen, 'reeve_produce_io_bytes_total') > 300 * 10)
    assert.ok(sumOf(seen, 'reeve_consume_io_bytes_total') > 300 * 10)
    assert.ok(sumOf(seen, 'reeve_log_size_bytes') > sumOf(before, 'reeve_log_size_bytes'))
    for (const name of ['reeve_append_duration_seconds', 'reeve_sync_duration_seconds', 'reeve_commit_records']) {
      assert.ok(sumOf(seen, `${name}_count`) > sumOf(before, `${name}_count`), name)
    }
    assert.ok(sumOf(seen, 'reeve_commit_records_sum') >= 300)
    assert.ok(sumOf(seen, 'reeve_disk_size_bytes') >= sumOf(seen, 'reeve_disk_free_bytes'))
    assert.ok(sumOf(seen, 'reeve_disk_free_bytes') > 0)
    const call = {
      rpc_method: 'reeve.v1.LogService/ConsumeStream',
      rpc_response_status_code: 'OK',
      rpc_system_name: 'grpc',
    }
    assert.equal(sumOf(seen, 'rpc_server_call_duration_seconds_count', call), 1)
    assert.equal(sumOf(seen, 'reeve_replication_links', { reeve_link_state: 'live' }), 1)
    assert.equal(sumOf(seen, 'reeve_gossip_members', { reeve_member_status: 'alive' }), 2)
    assert.equal(sumOf(seen, 'reeve_actors', { reeve_actor_chart: 'replicator' }), 1)

    const copy = await look(b)
    assert.ok(sumOf(copy, 'reeve_replication_records_total') >= 300)
    assert.equal(sumOf(copy, 'reeve_produce_records_total'), 0)
    assert.equal(sumOf(copy, 'reeve_replication_lag', { reeve_peer: 'a' }), 0)
  })

  test('has every metric of the table, and no other, for Grafana, too', async () => {
    const { a } = await nodes
    const all: [string, Metric][] = Object.entries({ ...nodeMetrics, ...processMetrics })
    // Those are there from the first time on that something of it goes wrong, and with TLS.
    const troubles = new Set(['reeve.append.failures', 'reeve.gossip.problems', 'reeve.certificate.remaining'])
    const shown = (wanted: readonly [string, Metric][]) =>
      wanted.map(([name, { kind, unit }]) => prometheusName(name, unit, kind === 'counter')).sort()
    const usual = all.filter(([name]) => !troubles.has(name))
    const seen = [...(await look(a)).keys()].filter((name) => name !== 'target_info').sort()
    const maybe = new Set(shown(all.filter(([name]) => troubles.has(name))))
    assert.deepEqual(
      seen.filter((name) => !maybe.has(name)),
      shown(usual),
    )
    const dashboard = readFileSync(join(root, 'src', 'metrics', 'grafana.json'), 'utf8')
    const named = new Set(dashboard.match(/\b(reeve|rpc|nodejs|process)_[a-z0-9_]+(?=\{)/g))
    const known = new Set(shown(all))
    assert.ok(named.size > 20)
    assert.deepEqual(
      [...named].filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, '')) && !known.has(name)),
      [],
    )
    for (const { targets } of JSON.parse(dashboard).panels) {
      for (const { expr } of targets) assert.match(expr, /(reeve|rpc|nodejs|process)_[a-z0-9_]+\{/)
    }
  })

  test('tells nothing of what users write, whatever they called it', async () => {
    const { a } = await nodes
    const { text } = await fetchMetrics(addressOf(a))
    assert.doesNotMatch(text, /secret/)
  })

  test('is there to look at, and nothing else', async () => {
    const { a } = await nodes
    assert.equal((await fetchMetrics(addressOf(a), 'POST')).status, 405)
    assert.deepEqual((await fetchMetrics(addressOf(a), 'HEAD')).text, '')
  })

  test('a peer that was killed shows among links and members', async () => {
    const { a, b } = await nodes
    await b.kill()
    const seen = await upTo(
      'the link to b is parked',
      a,
      (now) => sumOf(now, 'reeve_replication_links', { reeve_link_state: 'parked' }) === 1,
    )
    assert.equal(sumOf(seen, 'reeve_replication_links', { reeve_link_state: 'live' }), 0)
    assert.equal(sumOf(seen, 'reeve_gossip_members', { reeve_member_status: 'failed' }), 1)
    assert.ok(sumOf(seen, 'reeve_gossip_suspicions_total', { reeve_suspicion_kind: 'raised' }) >= 1)
    assert.ok(sumOf(seen, 'reeve_gossip_suspicions_total', { reeve_suspicion_kind: 'confirmed' }) >= 1)
    assert.equal(sumOf(seen, 'reeve_gossip_members', { reeve_member_status: 'alive' }), 1)
  })

  test('a node that is asked again and again while it stops ends in peace, and every answer is whole', async () => {
    const c = await stage.start('c', { words: withPort })
    const address = addressOf(c)
    let whole = 0
    const askers = Array.from({ length: 8 }, async () => {
      for (;;) {
        try {
          await scrape(address)
          whole++
        } catch (error) {
          // Nobody listens any more, or the connection was cut with the listener.
          if (/ECONNREFUSED|ECONNRESET|socket hang up|aborted/.test(String(error))) return
          throw error
        }
      }
    })
    await until(
      'it was asked',
      async () => whole,
      (count) => count > 20,
      [c],
    )
    await c.stop()
    await Promise.all(askers)
  })

  test('with `metrics: false` there is none, and the inspector is there', async () => {
    const off = await stage.start('off', { words: [...withPort, '--metrics', 'false'] })
    assert.equal((await fetchMetrics(addressOf(off))).status, 404)
    assert.match(off.story(), /inspector\/\?token=/)
  })
})

test('the README lists every metric as it is', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const between = /<!-- metrics: begin -->\n([\s\S]*)<!-- metrics: end -->/.exec(readme)?.[1]
  assert.equal(between?.trim(), metricsTableMarkdown().trim(), 'print metricsTableMarkdown() and paste it')
})
