import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogFacts } from '../../src/inspector/facts.ts'
import { type FactSources, Gather } from '../../src/inspector/gather.ts'
import type { FactsRecord } from '../../src/inspector/record.ts'
import { Recorder } from '../../src/inspector/recorder.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { SyncTimes } from '../../src/inspector/sync-times.ts'
import type { LogView } from '../../src/log/log-view.ts'

type TestLog = { -readonly [K in 'id' | 'key' | 'own' | 'start' | 'end' | 'bytes' | 'newest']: LogView[K] }

function logOf(topic: string, { own = false, end = 1, newest = 1n } = {}): TestLog {
  const id = { topic, origin: own ? 'a' : 'b', epoch: 'e' }
  return { id, key: `${topic}/${id.origin}/e`, own, start: 0, end, bytes: 10 * end, newest }
}

/** A node whose parts say what the test says; `second` lets one pass, `late` ms too late. */
function looked(change: Partial<FactSources> = {}, logs: TestLog[] = []) {
  const timers: (() => void)[] = []
  let nowMs = 1_000_000
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    setTimeout: (work: () => void) => timers.push(work),
    clearTimeout: () => {},
  }
  const recorder = new Recorder({ node: 'a', epoch: 'e', clock })
  const gather = new Gather(recorder, clock, {
    logs: () => logs as unknown as LogView[],
    peersOf: () => new Map(),
    node: () => ({
      ...{ version: '1', cluster: 'c', durability: 'fsync', phase: 'serving' },
      ...{ rpcAddress: null, httpAddress: null, gossipAddress: null, serfRpcAddress: null },
    }),
    members: () => [],
    rttMs: async () => undefined,
    gossip: () => undefined,
    links: () => [],
    server: () => ({ calls: 0, watchers: 0 }),
    disk: () => undefined,
    syncs: () => undefined,
    findings: () => [],
    ...change,
  })
  gather.start()
  return {
    gather,
    nowMs: () => nowMs,
    watch: () => recorder.onRecords(() => {}),
    change: (log: TestLog) => gather.logs.changed(log as unknown as LogView),
    async second(late = 0) {
      nowMs += 1000 + late
      for (const work of timers.splice(0)) work()
      await new Promise((resolve) => setImmediate(resolve))
    },
    told: () => recorder.history().records.filter((each): each is FactsRecord => each.kind === 'facts'),
    replay() {
      const replay = new NodeReplay('a')
      const { snapshot, records } = recorder.history()
      for (const record of [snapshot, ...records]) replay.apply(record)
      return replay.facts
    },
  }
}

describe('looking at a node', () => {
  it('tells everything once, then only what changed', async () => {
    const log = logOf('orders', { own: true })
    let calls = 0
    const node = looked({ server: () => ({ calls, watchers: 0 }) }, [log])
    node.watch()
    await node.second()
    assert.deepEqual(Object.keys(node.told()[0]?.facts ?? {}).sort(), [
      ...['alarms', 'links', 'load', 'logs', 'members', 'node', 'server'],
    ])
    calls = 3
    log.end = 5
    node.change(log)
    await node.second()
    const { facts } = node.told().at(-1) as FactsRecord
    assert.deepEqual(Object.keys(facts).sort(), ['load', 'logs', 'server'])
    assert.deepEqual(
      facts.logs?.entries.map(({ end }) => end),
      [5],
    )
    assert.deepEqual([facts.load?.written, facts.load?.copied, facts.load?.periodMs], [4, 0, 1000])
    assert.equal(node.replay().server?.calls, 3)
  })

  it('looks ten times more rarely while nobody watches', async () => {
    let looks = 0
    const links = () => {
      looks++
      return []
    }
    const node = looked({ links })
    for (let second = 0; second < 30; second++) await node.second()
    assert.equal(looks, 3)
    node.watch()
    for (let second = 0; second < 10; second++) await node.second()
    assert.equal(looks, 13)
  })

  it('tells of the logs that changed last, so many and no more, and how many there are besides', async () => {
    const logs = Array.from({ length: 700 }, (_, index) => logOf(`t${index}`, { newest: BigInt(index) }))
    const node = looked({}, logs)
    node.watch()
    await node.second()
    assert.deepEqual([node.replay().logs?.entries.length, node.replay().logs?.omitted], [500, 200])
    const old = logs[0] as TestLog
    old.end = 9
    node.change(old)
    const fresh = logOf('fresh')
    logs.push(fresh)
    node.change(fresh)
    await node.second()
    const { entries = [], omitted } = node.replay().logs ?? {}
    assert.deepEqual([entries.length, omitted], [500, 201])
    const ends = new Map(entries.map(({ topic, end }: LogFacts) => [topic, end]))
    assert.deepEqual([ends.get('t0'), ends.get('fresh'), ends.get('t200')], [9, 1, undefined])
    assert.equal(node.told().at(-1)?.facts.load?.copied, 9)
  })

  it('tells how a member is suspected, and hides what its tags call a secret', async () => {
    const tags = new Map([
      ['role', 'web'],
      ['api_token', 'abc'],
    ])
    const vsn = new Uint8Array(6)
    let suspect = true
    const node = looked({
      members: () => [{ name: 'b', host: '::1', port: 7, status: 'alive', tags, vsn }],
      rttMs: async () => 1.23456,
      gossip: () => ({ part: undefined as never, detected: new Map([['b', { suspect, incarnation: 4 }]]) }),
    })
    node.watch()
    await node.second()
    const b = {
      name: 'b',
      address: '[::1]:7',
      incarnation: 4,
      rttMs: 1.2,
      tags: { role: 'web', api_token: '(hidden)' },
    }
    assert.deepEqual(node.replay().members, [{ ...b, status: 'suspect' }])
    suspect = false
    await node.second()
    assert.deepEqual(node.replay().members, [{ ...b, status: 'alive' }])
  })

  it('raises alarms, says since when, and drops them', async () => {
    let findings: ReturnType<FactSources['findings']> = []
    const ahead = logOf('t', { newest: BigInt(1_000_000 + 60_000) << 16n })
    const node = looked({ findings: () => findings }, [ahead])
    node.watch()
    node.gather.alarms.journal({ kind: 'full', log: 't/a/e', message: 'ENOSPC' })
    findings = [{ what: 'certificate', severity: 'warning', text: 'ends in 3 days', about: 'server' }]
    await node.second(700)
    const first = node.replay().alarms ?? []
    assert.deepEqual(first.map(({ what }) => what).sort(), ['certificate', 'clock', 'disk', 'slow'])
    assert.equal(node.told()[0]?.facts.load?.loopDelayMs, 700)
    const sinceMs = node.nowMs()
    findings = [{ what: 'certificate', severity: 'error', text: 'ends in 1 day', about: 'server' }]
    await node.second()
    const second = node.replay().alarms ?? []
    assert.deepEqual(second.map(({ what }) => what).sort(), ['certificate', 'clock', 'disk'])
    assert.ok(second.every((alarm) => alarm.sinceMs === sinceMs))
    node.gather.alarms.journal({ kind: 'fullOver', log: 't/a/e' })
    findings = []
    ahead.newest = 1n
    await node.second()
    assert.deepEqual(node.replay().alarms, [])
  })

  it('tells how much room the disk has when that changed, and of fsyncs what they took since the last look', async () => {
    let disk = { totalBytes: 1000, freeBytes: 500 }
    const syncs = new SyncTimes()
    const node = looked({ disk: () => disk, syncs: () => syncs.take() })
    node.watch()
    for (const ms of [1, 9, 2.34567]) syncs.note(ms)
    await node.second()
    assert.deepEqual(node.replay().disk, disk)
    assert.deepEqual(node.replay().load?.syncs, { count: 3, medianMs: 2.35, p99Ms: 9, maxMs: 9 })
    for (let ms = 0; ms < 5000; ms++) syncs.note(ms)
    await node.second()
    assert.equal(node.told().at(-1)?.facts.disk, undefined)
    const { count, medianMs = 0, maxMs } = node.replay().load?.syncs ?? {}
    assert.deepEqual([count, maxMs, medianMs > 4488], [5000, 5000, true], 'the median is of the last ones')
    disk = { totalBytes: 1000, freeBytes: 10 }
    await node.second()
    assert.deepEqual(node.told().at(-1)?.facts.disk, disk)
    assert.equal(node.replay().load?.syncs, undefined)
  })

  it('warns of links that do not get on for a minute, and of those alone', async () => {
    const link = { address: 'b:7', lagRecords: 0, lagLogs: 0 }
    const lagging = (lagRecords: number) => ({ ...link, peer: 'lagging', state: 'live', lagRecords, lagLogs: 1 })
    let links = [
      { ...link, peer: 'cut', state: 'dialing' },
      { ...link, peer: 'parked', state: 'parked' },
      { ...link, peer: 'fine', state: 'live', lagRecords: 9_999 },
      lagging(10_000),
    ]
    const node = looked({ links: () => links })
    node.watch()
    const seconds = async (count: number) => {
      for (let second = 0; second < count; second++) await node.second()
      return (node.replay().alarms ?? []).map(({ what, severity, text }) => `${what} ${severity} ${text}`)
    }
    assert.deepEqual(await seconds(60), [])
    links = links.map((each) => (each.peer === 'cut' ? { ...each, state: 'backoff' } : each))
    const alarms = await seconds(1)
    assert.equal(alarms.length, 2)
    assert.match(alarms[0] ?? '', /^link error nothing is copied from cut.* b:7$/)
    assert.match(alarms[1] ?? '', /^link warning 10000 records of lagging /)
    links = [lagging(0), { ...link, peer: 'cut', state: 'live' }]
    assert.deepEqual(await seconds(1), [])
    links = [lagging(50_000)]
    assert.deepEqual(await seconds(60), [])
    assert.equal((await seconds(1)).length, 1)
  })

  it('goes on when a part cannot be asked', async () => {
    let broken = true
    const parts = {
      links: () => {
        if (broken) throw new Error('a bug')
        return []
      },
      rttMs: () => Promise.reject(new Error('no agent')),
    }
    const node = looked(parts, [logOf('t')])
    node.watch()
    await node.second()
    assert.deepEqual(node.told(), [])
    broken = false
    await node.second()
    assert.equal(node.told().length, 1)
    assert.equal(node.replay().logs?.entries.length, 1)
    assert.equal(node.replay().node?.phase, 'serving')
  })
})
