/** The cluster in the terminal: the picture of hand-made facts, and of real nodes. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { pictureOf } from '../../src/cli/top/picture.ts'
import { connect } from '../../src/index.ts'
import type { NodeFacts } from '../../src/inspector/facts.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { reeve } from './capture.ts'
import { type RunningAgent, startAgent } from './processes.ts'

const epoch = '018cc251-f745-7b5a-875d-364ec89f06dd'
const plain = { columns: 200, rows: undefined, colour: false }

function node(name: string, facts: NodeFacts): NodeReplay {
  const replay = new NodeReplay(name)
  const actor = { actor: 'supervisor', parent: null, id: 'supervisor', chart: 'supervisor', logic: 'supervisor' }
  const view = { ...actor, states: [], context: {}, startedAt: 1, startedMs: 0, handled: 0 }
  replay.apply({ kind: 'snapshot', node: name, epoch, sequence: 1, atMs: 0, actors: [view], facts })
  return replay
}

const log = (origin: string, end: number) => {
  return { topic: 'orders', origin, epoch, own: false, start: 0, end, bytes: 10 * end, peers: {} }
}

describe('the picture of a cluster', () => {
  const syncs = { count: 9, medianMs: 0.2, p99Ms: 1.5, maxMs: 30 }
  const load = { periodMs: 500, loopDelayMs: 3, written: 100, copied: 20, syncs }
  const a = node('a', {
    load,
    disk: { totalBytes: 1000 * 2 ** 30, freeBytes: 250 * 2 ** 30 },
    links: [
      {
        peer: 'b',
        address: '',
        state: 'catchingUp',
        lagRecords: 1200,
        lagLogs: 1,
        clock: { skewMs: -5200, withinMs: 2 },
      },
    ],
    logs: { whole: true, entries: [log('a', 50), log('b', 7)], omitted: 0 },
    alarms: [{ what: 'disk', severity: 'error', text: 'the disk is full', sinceMs: 0 }],
  })
  const b = node('b', { load, logs: { whole: true, entries: [log('a', 50)], omitted: 0 } })

  test('says rates a second, lags, what each holds, and what is wrong', () => {
    const picture = pictureOf({ nodes: [b, a], relays: [], recent: [] }, plain)
    assert.match(picture, /2 nodes · 400 written\/s · 80 copied\/s · 1,200 behind/)
    assert.match(picture, /\na +◐ starting +200 +40 +2 /)
    assert.match(picture, /◐ catchingUp -1,200/)
    assert.match(picture, /\norders +2 +57 +57 +50(\n|$)/)
    assert.match(picture, /\n! a: the disk is full\n/)
    assert.match(picture, /\na +250\.0 GiB 25% +0\.20 +1\.50 +3 +-5\.2 s b /)
  })

  test('is no wider than 80 columns, with everything in it', () => {
    const wide = pictureOf({ nodes: [a, b], relays: [], recent: [] }, { ...plain, columns: 200 })
    for (const line of wide.split('\n')) assert.ok(line.length <= 80, line)
  })

  test('says who cannot be asked, and why', () => {
    const reason = { code: 'UNAVAILABLE', message: 'nobody there' }
    const away = { kind: 'relay', by: '', node: 'c', atMs: 0, state: 'away', reason } as const
    assert.match(pictureOf({ nodes: [a], relays: [away], recent: [] }, plain), /\n✕ c: nobody there\n/)
  })

  test('claims nothing of nodes that tell nothing', () => {
    const refused = {
      kind: 'relay',
      node: 'c',
      state: 'refused',
      reason: { code: 'PERMISSION_DENIED', message: 'not allowed' },
    }
    const picture = pictureOf({ nodes: [], relays: [refused as never], recent: [] }, plain)
    assert.match(picture, /^reeve top +no node tells what it does\n/)
    assert.match(picture, /✕ c: not allowed/)
    assert.doesNotMatch(picture, /nobody behind/)
  })

  test('fits the terminal, of which it needs neither width nor height', () => {
    const lines = pictureOf({ nodes: [a, b], relays: [], recent: [] }, { columns: 20, rows: 6, colour: true }).split(
      '\n',
    )
    assert.ok(lines.length <= 5)
    for (const line of lines) assert.ok(line.replaceAll(/\x1b\[\d+m/g, '').length <= 20, line)
  })
})

describe('reeve top', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-top-'))
  const running: RunningAgent[] = []
  after(async () => {
    for (const agent of running) agent.child.kill('SIGKILL')
    await Promise.all(running.map((agent) => agent.exited))
    rmSync(folder, { recursive: true })
  })
  const start = async (name: string, words: string[] = []) => {
    const agent = await startAgent(['--node-name', name, '--data-dir', join(folder, name), ...words])
    running.push(agent)
    return agent
  }

  test('shows every node of the cluster, whichever is asked, and which of them tells nothing', async () => {
    const a = await start('a')
    await start('b', ['--start-join-addrs', a.gossipAddress])
    await start('c', ['--start-join-addrs', a.gossipAddress, '--inspect', 'false'])
    for (;;) {
      const { code, stdout } = await reeve('top', '--once', '--addr', a.rpcAddress)
      assert.equal(code, 0)
      if (!/\na +● live +● live/.test(stdout) || !/\n✕ c: /.test(stdout)) continue
      assert.match(stdout, /^reeve top {2}cluster reeve · 2 nodes/)
      assert.match(stdout, /\nb +● serving/)
      break
    }
  })

  test('shows once what is there now, although nobody watched before', async () => {
    const [a, b] = [await start('d'), await start('e')]
    for (const { rpcAddress } of [a, b]) {
      const client = connect({ addresses: [rpcAddress] })
      await client.producer({ topic: 'orders' }).send({ value: 'one' })
      await client.close()
      const { stdout } = await reeve('top', '--once', '--addr', rpcAddress)
      assert.match(stdout, /\norders +1 +1 +1(\n|$)/)
    }
  })

  test('ends with the reason where no server answers', async () => {
    const { code, stderr } = await reeve('top', '--once', '--addr', '127.0.0.1:1', '--timeout-ms', '200')
    assert.equal(code, 3)
    assert.match(stderr, /no server answers/)
  })
})
