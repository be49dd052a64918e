import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect } from '../../src/index.ts'
import type { ClusterSnapshot, TraceRecord } from '../../src/inspector/record.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { readTrace } from '../../src/inspector/trace-file.ts'
import type { ReeveNode } from '../../src/node.ts'
import { enter, get, openStage, watch } from './watching.ts'

const stage = openStage()
let a: ReeveNode

before(async () => {
  a = await stage.start('a')
})
after(() => stage.close())

const sequencesOf = (records: readonly TraceRecord[], node: string) =>
  records.flatMap((record) =>
    'sequence' in record && record.node === node && record.kind !== 'snapshot' ? record.sequence : [],
  )

function assertGapless(records: readonly TraceRecord[], node: string): void {
  const sequences = sequencesOf(records, node)
  for (const [index, sequence] of sequences.entries()) {
    if (index > 0) assert.equal(sequence, (sequences[index - 1] as number) + 1)
  }
}

const hasState = (records: readonly TraceRecord[], node: string, state: string) =>
  records.some((each) => each.kind === 'transition' && each.node === node && each.after.includes(state))

describe('the events of the page', () => {
  it('tell how the node came up, and then what happens as it happens', async () => {
    const page = await watch(a, await enter(a))
    await page.until((records) => hasState(records, 'a', 'supervisor.up.clustered.running.serving'))
    assert.equal(page.records[0]?.kind, 'snapshot')
    assert.ok(page.records.some((each) => each.kind === 'started' && each.actor === 'supervisor/membership/gossip'))
    const before = page.records.length
    await a.journal?.append('orders', new Uint8Array([10, 2, 18, 0]), 1)
    a.reload()
    await page.until((records) =>
      records.slice(before).some((each) => each.kind === 'transition' && each.event.type === 'reload'),
    )
    await page.until((records) =>
      records.some(
        (each) =>
          each.kind === 'facts' && each.facts.logs?.entries.some(({ topic, end }) => topic === 'orders' && end === 1),
      ),
    )
    assertGapless(page.records, 'a')
    page.close()
  })

  it('go on where a broken connection left off, without a hole and without a repetition', async () => {
    const headers = await enter(a)
    const first = await watch(a, headers)
    await first.until((records) => records.length > 20)
    const { lastId, records: had } = first
    first.close()
    for (let round = 0; round < 5; round++) a.reload()
    const second = await watch(a, { ...headers, 'last-event-id': lastId })
    await second.until((records) => records.filter((each) => each.kind === 'transition').length >= 5)
    assertGapless([...had, ...second.records], 'a')
    assert.ok(!second.records.some(({ kind }) => kind === 'snapshot'))
    second.close()
  })

  it('say so when they cannot go on where they left off', async () => {
    const headers = await enter(a)
    const page = await watch(a, { ...headers, 'last-event-id': `${'0'.repeat(16)}-7` })
    await page.until((records) => hasState(records, 'a', 'supervisor.up.clustered.running.serving'))
    assert.equal(page.records[0]?.kind, 'snapshot')
    page.close()
    assert.equal((await get(a, '/inspector/events', { ...headers, 'last-event-id': '<script>' })).status, 400)
  })

  it('are for so many pages and no more', async () => {
    const crowded = await stage.start('crowded')
    const headers = await enter(crowded)
    const pages = await Promise.all(Array.from({ length: 16 }, () => watch(crowded, headers)))
    await assert.rejects(watch(crowded, headers), /status 503/)
    for (const page of pages) page.close()
  })

  it('come with where everything stands, and the whole as a file', async () => {
    const headers = await enter(a)
    const { self, nodes } = JSON.parse((await get(a, '/inspector/snapshot', headers)).text) as ClusterSnapshot
    assert.equal(self, 'a')
    const [own] = nodes
    const actors = new Map(own?.actors.map((actor) => [actor.actor, actor]))
    assert.deepEqual(actors.get('supervisor')?.states, ['supervisor.up.clustered.running.serving'])
    assert.deepEqual(actors.get('supervisor/membership')?.states, ['membership.alive.among'])
    assert.equal(own?.facts.node?.rpcAddress, a.status().rpcAddress)
    assert.equal(own?.facts.members?.find(({ name }) => name === 'a')?.status, 'alive')
    const reply = await get(a, '/inspector/trace', headers)
    assert.match(reply.headers['content-disposition'] as string, /^attachment; filename="reeve-a-\d+\.trace\.jsonl"$/)
    const trace = readTrace(reply.text)
    assert.ok(trace.ok)
    assert.equal(trace.value.header.by, 'node a')
    assertGapless(trace.value.records, 'a')
    const replay = new NodeReplay('a')
    for (const record of trace.value.records) replay.apply(record)
    assert.deepEqual(replay.actors.get('supervisor')?.states, ['supervisor.up.clustered.running.serving'])
  })

  it('hold nothing that is secret, and of what users write neither a record nor a message', async () => {
    const key = randomBytes(32).toString('base64')
    const node = await stage.start('secretive', { gossipKey: key, startJoinAddrs: [] })
    const headers = await enter(node)
    const link = node.inspectorLink() ?? ''
    const page = await watch(node, headers)
    const client = connect({ addresses: [node.status().rpcAddress ?? ''], discovery: false })
    await client.producer({ topic: 'diary' }).send({ key: 'canary-key', value: 'canary-value' })
    client.close()
    await page.until((records) =>
      records.some((each) => each.kind === 'facts' && each.facts.logs?.entries.some(({ topic }) => topic === 'diary')),
    )
    const told = [
      JSON.stringify(page.records),
      (await get(node, '/inspector/snapshot', headers)).text,
      (await get(node, '/inspector/trace', headers)).text,
    ]
    const token = new URL(link).searchParams.get('token') as string
    const session = headers.cookie?.split('=')[1] as string
    for (const text of told) {
      assert.ok(text.includes('diary'))
      for (const secret of [key, key.slice(0, 20), 'canary-key', 'canary-value', token, session]) {
        assert.ok(!text.includes(secret))
      }
    }
    page.close()
  })

  it('end when the node stops, so that nothing waits for a page', async () => {
    const short = await stage.start('short', { drainTimeoutMs: 600_000 })
    const page = await watch(short, await enter(short))
    await short.stop()
    await page.ended
    assert.ok(hasState(page.records, 'short', 'supervisor.up.clustered.leaving'))
  })
})
