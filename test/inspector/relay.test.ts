import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { RelayRecord, TraceRecord } from '../../src/inspector/record.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import type { ReeveNode } from '../../src/node.ts'
import { enter, openStage, type Watch, watch } from './watching.ts'

const stage = openStage()
let a: ReeveNode
let b: ReeveNode

before(async () => {
  a = await stage.start('a')
  b = await stage.start('b')
})
after(() => stage.close())

const relaysOf = (records: readonly TraceRecord[], node: string) =>
  records.filter((each): each is RelayRecord => each.kind === 'relay' && each.node === node).map(({ state }) => state)

function stateOf(records: readonly TraceRecord[], node: string): NodeReplay {
  const replay = new NodeReplay(node)
  for (const record of records) replay.apply(record)
  return replay
}

const runs = (records: readonly TraceRecord[], node: string) =>
  stateOf(records, node).actors.get('supervisor')?.states[0] === 'supervisor.up.clustered.running.serving'

const isLive = (records: readonly TraceRecord[], node: string, peer: string) =>
  stateOf(records, node).actors.get(`supervisor/replicator/${peer}`)?.states[0] === 'replicator.pulling.streaming.live'

/** Every record of every node once, in its order. */
function assertGapless({ records }: Watch): void {
  const last = new Map<string, number>()
  for (const record of records) {
    if (!('sequence' in record)) continue
    const run = `${record.node} ${record.epoch}`
    const before = last.get(run)
    if (record.kind !== 'snapshot' && before !== undefined) assert.equal(record.sequence, before + 1, run)
    last.set(run, record.sequence)
  }
}

describe('all nodes through one', () => {
  it('are seen from the page of any of them, each under its own name', async () => {
    for (const node of [a, b]) {
      const page = await watch(node, await enter(node))
      await page.until((records) => runs(records, 'a') && runs(records, 'b'))
      await page.until((records) => isLive(records, 'a', 'b') && isLive(records, 'b', 'a'))
      const [first, ...rest] = relaysOf(page.records, node === a ? 'b' : 'a')
      assert.deepEqual([first, rest.at(-1)], ['asking', 'open'])
      assertGapless(page)
      page.close()
    }
  })

  it('tell how far each copy is, so that one sees them grow', async () => {
    const page = await watch(a, await enter(a))
    await a.journal?.append('orders', new Uint8Array([10, 2, 18, 0]), 1)
    const endAt = (records: readonly TraceRecord[], node: string) =>
      stateOf(records, node).facts.logs?.entries.find(({ topic }) => topic === 'orders')
    await page.until((records) => endAt(records, 'b')?.end === 1 && endAt(records, 'a')?.peers.b === 1)
    assert.equal(endAt(page.records, 'a')?.own, true)
    assert.equal(endAt(page.records, 'b')?.own, false)
    page.close()
  })

  it('come and go: one that stops is gone, one that starts is asked', async () => {
    const page = await watch(a, await enter(a))
    const c = await stage.start('c')
    await page.until((records) => runs(records, 'c'))
    const { epoch } = c
    await c.stop()
    await page.until((records) => relaysOf(records, 'c').at(-1) === 'gone')
    const again = await stage.start('c')
    await page.until((records) => runs(records, 'c') && stateOf(records, 'c').epoch === again.epoch)
    assert.notEqual(again.epoch, epoch)
    assertGapless(page)
    page.close()
  })

  it('are shown as what they are when they have no inspector', async () => {
    const page = await watch(a, await enter(a))
    await stage.start('blind', { inspect: false })
    await page.until((records) => relaysOf(records, 'blind').includes('unsupported'))
    page.close()
  })
})
