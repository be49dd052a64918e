/** A real Prometheus that asks real nodes: every query of the dashboard has an answer, and its linter likes what they tell. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { type Agent, until } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { missing } from '../component.ts'
import { fetchMetrics } from './scraping.ts'

const isThere = ['prometheus', 'promtool'].every((each) => spawnSync(each, ['--version']).status === 0)
const skip = !isThere && missing('Prometheus is not installed (Debian: apt-get install prometheus)')

interface Variable {
  readonly name: string
  readonly type: string
  readonly definition?: string
}
const dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'src', 'metrics', 'grafana.json'), 'utf8'),
) as { panels: { title: string; targets: { expr: string }[] }[]; templating: { list: Variable[] } }

/** Nothing is told of a write that failed before one does, nor of a certificate where there is no TLS. */
const untold = /reeve_append_failures|reeve_certificate_remaining/

interface Answer {
  readonly status: 'success' | 'error' | 'away'
  readonly error?: string
  readonly result: readonly unknown[]
}

test("a real Prometheus understands the nodes and answers all of the dashboard's queries", {
  skip,
}, async (context) => {
  const stage = new Stage()
  context.after(() => stage.end())
  const words = ['--http-port', '0', '--profile', 'local']
  const a = await stage.start('a', { words })
  const b = await stage.start('b', { join: [a], words })
  await stage.together([a, b])
  const traffic = startTraffic(stage, a)
  context.after(() => traffic.end())
  const ask = await startPrometheus(context, [a, b].map(addressOf))

  await context.test('its linter finds no fault with any name, unit or text', async () => {
    const { text } = await until(
      'a was written to and read',
      () => fetchMetrics(addressOf(a)),
      (reply) => /^reeve_consume_records_total\S* [1-9]/m.test(reply.text),
      [a],
    )
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: '' })
  })

  for (const { name, type, definition = '' } of dashboard.templating.list) {
    if (type !== 'query') continue
    await context.test(`what can be chosen as $${name}`, async () => {
      const [, series = '', label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? assert.fail(definition)
      const path = `label/${label}/values?${new URLSearchParams({ 'match[]': filled(series) })}`
      await until(
        definition,
        () => ask(path),
        ({ result }) => result.length > 0,
        [a],
      )
    })
  }

  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      await context.test(`${title}: ${expr}`, async () => {
        const path = `query?${new URLSearchParams({ query: filled(expr) })}`
        const isAnswer = ({ status, result }: Answer) =>
          status === 'success' && (untold.test(expr) || result.length > 0)
        const { error } = await until(
          expr,
          () => ask(path),
          (answer) => answer.error !== undefined || isAnswer(answer),
          [a],
        )
        assert.equal(error, undefined)
      })
    }
  }
  await traffic.end()
})

function addressOf(agent: Agent): string {
  return String(agent.lines.find(({ msg }) => msg === 'ready')?.httpAddress)
}

/** As Grafana does where everything is chosen. */
function filled(expr: string): string {
  return expr.replaceAll(/\$(job|instance)\b/g, '.*').replaceAll('$__rate_interval', '20s')
}

/** Written, copied, read; and what goes wrong: calls that are refused, packets that are no gossip. */
function startTraffic(stage: Stage, agent: Agent): { end(): Promise<void> } {
  let going = true
  const client = stage.client([agent])
  const producer = client.producer({ topic: 'orders', copies: 2 })
  const socket = createSocket('udp4')
  const [host, port] = agent.gossipAddress.split(':')
  const ended = (async () => {
    while (going) {
      await producer.sendAll(Array.from({ length: 50 }, () => ({ value: 'x' })))
      for await (const _ of client.consumer({ topic: 'orders' })) if (!going) break
      await assert.rejects(client.producer({ topic: '../no name' }).send({ value: 'x' }))
      await new Promise((resolve) => socket.send('no gossip', Number(port), host, resolve))
    }
    socket.close()
  })()
  // Whoever waits for the end hears of it.
  ended.catch(() => {})
  return {
    end() {
      going = false
      return ended
    },
  }
}

/** Gives what asks its HTTP API. */
async function startPrometheus(
  context: TestContext,
  addresses: readonly string[],
): Promise<(path: string) => Promise<Answer>> {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-prometheus-'))
  const config = join(folder, 'prometheus.yml')
  const targets = [{ targets: addresses }]
  const scraping = { scrape_interval: '500ms', scrape_timeout: '500ms' }
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({ global: scraping, scrape_configs: [{ job_name: 'reeve', static_configs: targets }] }),
  )
  const [port] = await freePorts(1)
  const prometheus = spawn(
    'prometheus',
    [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const exit = once(prometheus, 'exit')
  context.after(async () => {
    prometheus.kill('SIGKILL')
    await exit
    rmSync(folder, { recursive: true, force: true })
  })
  return async (path) => {
    // It listens a while after it began.
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined)
    if (!reply || reply.status === 503) return { status: 'away', result: [] }
    const { status, error, data } = (await reply.json()) as {
      status: Answer['status']
      error?: string
      data?: unknown[] | { result: unknown[] }
    }
    return { status, ...(error !== undefined && { error }), result: (Array.isArray(data) ? data : data?.result) ?? [] }
  }
}
