import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MembershipFact } from '../../src/gossip/effects.ts'
import { NodeState, type SerfMessage, type SerfPushPull } from '../../src/gossip/messages.ts'
import type { NodeRecord } from '../../src/gossip/node-list.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { Serf } from '../../src/gossip/serf.ts'
import { decodeSerfMessage } from '../../src/gossip/serf-codec.ts'

function node(name: string): NodeRecord {
  const addr = Uint8Array.of(10, 0, 0, 1)
  const meta = Uint8Array.of(0xff, 0x80)
  const rest = { vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1, stateChangedMs: 0 }
  return { name, addr, host: '10.0.0.1', port: 1, meta, state: NodeState.alive, ...rest }
}

function start(...others: string[]) {
  const facts: MembershipFact[] = []
  const sent: SerfMessage[] = []
  const asked: { at: string; message: SerfMessage }[] = []
  const problems: string[] = []
  const serf = new Serf({
    name: 'us',
    profile: profiles.lan,
    random: () => 0,
    emit: (fact) => facts.push(fact),
    broadcast: (intent) => {
      const message = decodeSerfMessage(intent)
      assert.ok(message.ok, 'decodes')
      sent.push(message.value)
    },
    send: ({ host, port }, intent) => {
      const message = decodeSerfMessage(intent)
      assert.ok(message.ok, 'decodes')
      asked.push({ at: `${host}:${port}`, message: message.value })
    },
    report: (reason) => problems.push(reason),
  })
  for (const name of ['us', ...others]) serf.nodeJoined(node(name), 0)
  facts.length = 0
  const status = (name: string) => serf.members().find((member) => member.name === name)?.status
  const told = () => facts.splice(0).map((fact) => ('member' in fact ? `${fact.member.name} ${fact.kind}` : fact.kind))
  return { serf, status, told, sent, asked, problems }
}

const leave = (name: string, lTime: bigint, prune = false) =>
  ({ kind: 'leaveIntent', lTime, node: name, prune }) as const
const join = (name: string, lTime: bigint) => ({ kind: 'joinIntent', lTime, node: name }) as const

const nothingNew: SerfPushPull = {
  kind: 'serfPushPull',
  lTime: 0n,
  statusLTimes: new Map(),
  leftMembers: [],
  eventLTime: 0n,
  events: [],
  queryLTime: 0n,
}

/** As an exchange of state does, but for what failure detection has of it. */
function merge(serf: Serf, state: SerfPushPull): void {
  serf.mergeLeft(state, 0)
  serf.merge(state, 0)
}

describe('intents', () => {
  test('who announced to leave has left, who did not has failed', () => {
    const { serf, status, told } = start('a', 'b')
    assert.equal(serf.hear(leave('a', 5n), 0), true)
    assert.equal(status('a'), 'leaving')
    serf.nodeDeparted(node('a'), 0)
    serf.nodeDeparted(node('b'), 0)
    assert.deepEqual(told(), ['a left', 'b failed', 'alone'])
  })

  test('a goodbye that came before its announcement is one', () => {
    const { serf, status, told } = start('a')
    serf.nodeDeparted({ ...node('a'), state: NodeState.left }, 0)
    assert.deepEqual(told(), ['a left', 'alone'])
    assert.equal(serf.hear(leave('a', 5n), 0), true)
    assert.equal(status('a'), 'left')
    assert.deepEqual(told(), [])
  })

  test('each is passed on once, and older ones not at all', () => {
    const { serf, status } = start('a')
    assert.equal(serf.hear(leave('a', 5n), 0), true)
    assert.equal(serf.hear(leave('a', 5n), 0), false)
    assert.equal(serf.hear(join('a', 4n), 0), false)
    assert.equal(status('a'), 'leaving')
    assert.equal(serf.hear(join('a', 6n), 0), true)
    assert.equal(status('a'), 'alive')
    assert.equal(serf.clock.time(), 7n)
  })

  test('about somebody unknown: remembered until he comes, the newest counts', () => {
    const { serf, status } = start()
    assert.equal(serf.hear(join('a', 3n), 0), true)
    assert.equal(serf.hear(leave('a', 4n), 0), true)
    assert.equal(serf.hear(join('a', 4n), 0), false)
    serf.nodeJoined(node('a'), 0)
    assert.equal(status('a'), 'leaving')
    assert.equal(serf.hear(leave('a', 4n), 0), false, 'the leave of time 4 is known')
  })

  test('that we leave, when we do not, is contradicted', () => {
    const { serf, status, sent } = start()
    assert.equal(serf.hear(leave('us', 9n), 0), false)
    assert.equal(status('us'), 'alive')
    assert.deepEqual(sent, [join('us', 10n)])
  })

  test('a failed member that is told off has left; pruned, it is forgotten', () => {
    const { serf, status, told } = start('a', 'b')
    serf.nodeDeparted(node('a'), 0)
    serf.nodeDeparted(node('b'), 0)
    told()
    serf.hear(leave('a', 5n), 0)
    serf.hear(leave('b', 6n, true), 0)
    assert.equal(status('a'), 'left')
    assert.equal(status('b'), undefined)
    assert.deepEqual(told(), ['a left', 'b left', 'b reaped'])
  })

  test('a live member is not pruned, unless it goes soon', () => {
    const { serf, status, told } = start('a', 'b')
    serf.hear(leave('a', 5n, true), 0)
    assert.equal(status('a'), 'leaving')
    serf.nodeDeparted(node('a'), 3_000)
    assert.deepEqual(told(), ['a left', 'a reaped'])
    serf.hear(leave('b', 7n, true), 0)
    serf.nodeDeparted(node('b'), 60_000)
    assert.equal(status('b'), 'left')
  })

  test('with an absurd time: not believed', () => {
    const { serf, problems } = start('a')
    assert.equal(serf.hear(leave('a', (1n << 64n) - 1n), 0), false)
    assert.deepEqual(problems, ['incredible'])
    assert.equal(serf.clock.time(), 1n)
  })

  test('about strangers: only so many are remembered', () => {
    const { serf } = start()
    for (let i = 1; i <= 5000; i += 1) serf.hear(leave(`stranger-${i}`, BigInt(i)), 0)
    serf.nodeJoined(node('stranger-1'), 0)
    serf.nodeJoined(node('stranger-5000'), 0)
    assert.deepEqual(
      serf.members().map(({ status }) => status),
      ['alive', 'alive', 'leaving'],
    )
  })
})

describe('merging', () => {
  test('clocks catch up, the left are leaving until they are gone, join times are taken over', () => {
    const { serf, status } = start('a', 'b')
    const statusLTimes = new Map([
      ['a', 3n],
      ['b', 8n],
    ])
    merge(serf, { ...nothingNew, lTime: 20n, statusLTimes, leftMembers: ['a'] })
    assert.equal(serf.clock.time(), 20n)
    assert.equal(status('a'), 'leaving')
    assert.deepEqual(
      serf.state().statusLTimes,
      new Map([
        ['us', 0n],
        ['a', 3n],
        ['b', 8n],
      ]),
    )
    assert.deepEqual(serf.state().leftMembers, ['a'])
  })

  test('of one who leaves: its leave counts, though the state it sends on the way out names only the time', () => {
    const { serf, status } = start('a')
    merge(serf, { ...nothingNew, statusLTimes: new Map([['a', 5n]]) })
    assert.equal(status('a'), 'alive')
    assert.equal(serf.hear(leave('a', 5n), 0), true)
    assert.equal(serf.hear(leave('a', 5n), 0), false)
    serf.nodeDeparted(node('a'), 0)
    assert.equal(status('a'), 'left')
  })

  test('a join that was heard itself is not undone by a leave of its time', () => {
    const { serf, status } = start('a')
    merge(serf, { ...nothingNew, statusLTimes: new Map([['a', 4n]]) })
    serf.hear(join('a', 5n), 0)
    merge(serf, { ...nothingNew, statusLTimes: new Map([['a', 5n]]) })
    assert.equal(serf.hear(leave('a', 5n), 0), false)
    assert.equal(status('a'), 'alive')
  })

  test('tells others who is leaving, as what it is and of its time', () => {
    const { serf } = start('a')
    serf.hear(leave('a', 5n), 0)
    const other = start('a')
    for (let i = 0; i < 3; i += 1) merge(other.serf, { ...nothingNew, ...serf.state() })
    assert.equal(other.status('a'), 'leaving')
    assert.equal(other.serf.hear(leave('a', 5n), 0), false)
    assert.equal(other.serf.hear(join('a', 6n), 0), true)
    assert.equal(other.status('a'), 'alive')
  })

  test('a member that is alive and listed as left is asked, with a time that it has to contradict', () => {
    const { serf, asked, status } = start('a', 'b', 'c')
    serf.hear(leave('b', 4n), 0)
    serf.nodeDeparted(node('b'), 0)
    serf.hear(join('c', 9n), 0)
    const statusLTimes = new Map(['a', 'b', 'c'].map((name) => [name, 7n]))
    merge(serf, { ...nothingNew, lTime: 8n, statusLTimes, leftMembers: ['a', 'b', 'c'] })
    assert.deepEqual([status('a'), status('b'), status('c')], ['leaving', 'left', 'alive'])
    assert.deepEqual(asked, [{ at: '10.0.0.1:1', message: leave('a', 9n) }])
    serf.hear(join('a', 10n), 0)
    assert.equal(status('a'), 'alive')
  })

  test('two who agree on who left do not wind up their clocks', () => {
    const { serf } = start('a')
    serf.hear(leave('a', 5n), 0)
    serf.nodeDeparted(node('a'), 0)
    const time = serf.clock.time()
    for (let i = 0; i < 10; i += 1) merge(serf, { ...nothingNew, ...serf.state() })
    assert.equal(serf.clock.time(), time)
  })
})

test('a member that is gone for long is forgotten: after a day, and not before', () => {
  const { serf, told } = start('a', 'b')
  serf.hear(leave('a', 5n), 0)
  serf.nodeDeparted(node('a'), 0)
  serf.nodeDeparted(node('b'), 0)
  told()
  const dayMs = 24 * 3600 * 1000
  serf.reap(dayMs)
  assert.deepEqual(told(), [])
  serf.reap(dayMs + 1)
  assert.deepEqual(told().sort(), ['a reaped', 'b reaped'])
})

test('one that joins with a leave that was told before it was known is asked whether that is of an earlier life', () => {
  const { serf, status, asked } = start()
  merge(serf, { ...nothingNew, lTime: 26n, statusLTimes: new Map([['a', 25n]]), leftMembers: ['a'] })
  serf.nodeJoined(node('a'), 0)
  assert.equal(status('a'), 'leaving')
  assert.deepEqual(asked, [{ at: '10.0.0.1:1', message: leave('a', 27n) }])
})

test('a member that failed and is back within a minute is counted; one that left, was away longer or is of an earlier run is not', () => {
  const { serf } = start('a', 'b')
  serf.remember(new Map([['c', { host: '10.0.0.1', port: 3 }]]), 0)
  serf.nodeJoined(node('c'), 10)
  serf.hear(leave('b', 9n), 0)
  serf.nodeDeparted(node('b'), 0)
  serf.nodeJoined(node('b'), 10)
  serf.nodeDeparted(node('a'), 0)
  serf.nodeJoined(node('a'), 60_000)
  assert.equal(serf.flaps, 0)
  serf.nodeDeparted(node('a'), 100_000)
  serf.nodeJoined(node('a'), 159_999)
  assert.equal(serf.flaps, 1)
})

test('only a failed member is tried again', () => {
  const { serf } = start('a', 'b')
  assert.equal(serf.reconnectCandidate(), undefined)
  serf.hear(leave('a', 5n), 0)
  serf.nodeDeparted(node('a'), 0)
  assert.equal(serf.reconnectCandidate(), undefined)
  serf.nodeDeparted(node('b'), 0)
  assert.equal(serf.reconnectCandidate()?.name, 'b')
})

test('members of an earlier run have failed until we hear of them, and are tried, told, given up like others that did', () => {
  const { serf, status, told } = start('a')
  const place = (port: number) => ({ host: '10.0.0.2', port })
  const ourselves = { host: '10.0.0.1', port: 1 }
  serf.remember(
    new Map([
      ['a', place(1)],
      ['b', place(2)],
      ['c', place(3)],
      ['d', place(4)],
      ['us', place(5)],
      ['our old name', ourselves],
    ]),
    0,
  )
  assert.deepEqual(
    serf.members().map(({ name, status }) => `${name} ${status}`),
    ['us alive', 'a alive', 'b failed', 'c failed', 'd failed'],
  )
  assert.deepEqual(told(), [], 'that they are not here yet is no news')
  assert.equal(serf.reconnectCandidate(true)?.name, 'b')
  serf.nodeJoined(node('b'), 0)
  serf.nodeDeparted(node('b'), 0)
  assert.deepEqual(told(), ['b joined', 'b failed'])
  assert.equal(serf.reconnectCandidate(true)?.name, 'c', 'b was met in this run')
  merge(serf, { ...nothingNew, statusLTimes: new Map([['c', 7n]]), leftMembers: ['c'] })
  assert.equal(status('c'), 'left', 'it left while we were away')
  serf.reap(24 * 3600 * 1000 + 1)
  assert.deepEqual(told().sort(), ['b reaped', 'c left', 'c reaped', 'd reaped'])
  assert.equal(serf.reconnectCandidate(), undefined)
})
