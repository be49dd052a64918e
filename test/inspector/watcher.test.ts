import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Hub } from '../../src/inspector/hub.ts'
import type {
  GapRecord,
  RelayRecord,
  SnapshotRecord,
  TraceRecord,
  TransitionRecord,
} from '../../src/inspector/record.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { Watcher } from '../../src/inspector/watcher.ts'

const hubId = '0123456789abcdef'
const chart = { parent: null, id: 'supervisor', chart: 'supervisor', logic: 'supervisor' }

const stamp = (node: string, sequence: number, epoch = 'e0') => ({ node, epoch, sequence, atMs: sequence })

function snapshot(node: string, sequence: number, epoch = 'e0'): SnapshotRecord {
  const actor = { actor: 'supervisor', ...chart, states: ['supervisor.0'], context: {} }
  return {
    kind: 'snapshot',
    ...stamp(node, sequence, epoch),
    actors: [{ ...actor, startedAt: 1, startedMs: 1, handled: 0 }],
    facts: {},
  }
}

function step(node: string, sequence: number, epoch = 'e0'): TransitionRecord {
  const state = (number: number) => [`supervisor.${number}`]
  return {
    kind: 'transition',
    ...stamp(node, sequence, epoch),
    actor: 'supervisor',
    event: { type: 'go' },
    from: null,
    before: state(sequence - 1),
    after: state(sequence),
    taken: [],
    sent: [],
  }
}

/** A browser that takes so many pieces and then no more. */
function browser(hub: Hub, options: { lastId?: number; lost?: boolean } = {}) {
  let room = Number.POSITIVE_INFINITY
  let text = ''
  const timers = new Set<() => void>()
  let ended = false
  const clock = {
    setTimeout: (work: () => void) => {
      timers.add(work)
      return work
    },
    clearTimeout: (timer: unknown) => timers.delete(timer as () => void),
  }
  const watcher = new Watcher(
    { hub, hubId, clock, lastId: options.lastId, lost: options.lost ?? false, closed: () => {} },
    {
      write: (piece) => {
        text += piece
        return --room > 0
      },
      end: () => {
        ended = true
      },
    },
  )
  const records = (): TraceRecord[] =>
    [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json as string))
  return {
    watcher,
    records,
    lastId: () => Number([...text.matchAll(/^id: [0-9a-f]{16}-(\d+)$/gm)].at(-1)?.[1]),
    stall: () => {
      room = 0
    },
    goOn: () => {
      room = Number.POSITIVE_INFINITY
      watcher.drained()
    },
    timePasses: () => {
      for (const work of [...timers]) work()
    },
    get ended() {
      return ended
    },
    stateOf: (node: string) => {
      const replay = new NodeReplay(node)
      for (const record of records()) replay.apply(record)
      return replay.actors.get('supervisor')?.states[0]
    },
  }
}

const gapsIn = (records: readonly TraceRecord[]) => records.filter((each): each is GapRecord => each.kind === 'gap')

describe('a page that watches', () => {
  it('gets everything that the ring has, then what comes', () => {
    const hub = new Hub()
    hub.add([snapshot('a', 3), step('a', 4), step('a', 5)])
    const page = browser(hub)
    hub.add([step('a', 6)])
    hub.add([step('a', 6), step('a', 5)])
    assert.deepEqual(page.records(), [snapshot('a', 3), step('a', 4), step('a', 5), step('a', 6)])
  })

  it('begins with what had become of asking the peers by then, and not with what becomes of it later', () => {
    const hub = new Hub({ entries: 3, bytes: 1024 ** 2 })
    const asked = (atMs: number, state: RelayRecord['state']): RelayRecord => {
      return { kind: 'relay', by: 'a', node: 'b', atMs, state }
    }
    hub.add([asked(1, 'asking'), asked(2, 'open'), snapshot('a', 0), step('a', 1), asked(3, 'gone')])
    const states = browser(hub)
      .records()
      .flatMap((record) => (record.kind === 'relay' ? record.state : record.kind))
    assert.deepEqual(states, ['open', 'snapshot', 'transition', 'gone'])
  })

  it('that does not keep up is told what it missed, node by node, and where they stand instead', () => {
    const hub = new Hub({ entries: 10, bytes: 1024 ** 2 })
    hub.add([snapshot('a', 0), snapshot('b', 0), step('a', 1)])
    const page = browser(hub)
    page.stall()
    for (let sequence = 2; sequence <= 100; sequence++) hub.add([step('a', sequence)])
    hub.add([step('b', 1)])
    const had = page.records().length
    page.goOn()
    const told = page.records().slice(had)
    assert.deepEqual(gapsIn(told), [{ kind: 'gap', node: 'a', epoch: 'e0', last: 91, first: 3, why: 'slow' }])
    assert.equal(page.stateOf('a'), 'supervisor.100')
    assert.equal(page.stateOf('b'), 'supervisor.1')
    assert.ok(told.length < 20)
  })

  it('goes on behind what it has, also when that is long ago', () => {
    const hub = new Hub({ entries: 10, bytes: 1024 ** 2 })
    hub.add([snapshot('a', 0), step('a', 1), step('a', 2)])
    const first = browser(hub)
    const lastId = first.lastId()
    first.watcher.closed()
    hub.add([step('a', 3)])
    assert.deepEqual(browser(hub, { lastId }).records(), [step('a', 3)])
    for (let sequence = 4; sequence <= 50; sequence++) hub.add([step('a', sequence)])
    const late = browser(hub, { lastId })
    assert.deepEqual(gapsIn(late.records()), [
      { kind: 'gap', node: 'a', epoch: 'e0', last: 40, first: 0, why: 'forgotten' },
    ])
    assert.equal(late.stateOf('a'), 'supervisor.50')
    const foreign = browser(hub, { lost: true })
    assert.equal(gapsIn(foreign.records()).length, 1)
    const ahead = browser(hub, { lastId: 10_000 })
    assert.equal(ahead.stateOf('a'), 'supervisor.50')
  })

  it('is closed when it takes nothing for long, and kept when there is merely nothing to tell', () => {
    const hub = new Hub()
    hub.add([snapshot('a', 0)])
    const page = browser(hub)
    for (let times = 0; times < 5; times++) page.timePasses()
    assert.equal(page.ended, false)
    page.stall()
    hub.add([step('a', 1)])
    page.timePasses()
    assert.equal(page.ended, true)
  })

  it('costs no memory: the ring is bounded in entries and in bytes', () => {
    const small = new Hub({ entries: 1000, bytes: 5000 })
    const page = browser(small)
    page.stall()
    for (let sequence = 1; sequence <= 5000; sequence++) small.add([step('a', sequence)])
    let bytes = 0
    for (let id = small.firstId; id < small.nextId; id++) bytes += small.at(id)?.text.length ?? 0
    assert.ok(bytes <= 5000)
    const few = new Hub({ entries: 10, bytes: 1024 ** 2 })
    for (let sequence = 1; sequence <= 5000; sequence++) few.add([step('a', sequence)])
    assert.equal(few.nextId - few.firstId, 10)
  })

  it('sees a node that was started again as another run', () => {
    const hub = new Hub({ entries: 5, bytes: 1024 ** 2 })
    hub.add([snapshot('a', 0), step('a', 1), step('a', 2)])
    const page = browser(hub)
    page.stall()
    hub.add([snapshot('a', 0, 'e1')])
    for (let sequence = 1; sequence <= 20; sequence++) hub.add([step('a', sequence, 'e1')])
    page.goOn()
    assert.deepEqual(gapsIn(page.records()), [{ kind: 'gap', node: 'a', epoch: 'e1', last: 15, first: 1, why: 'slow' }])
    assert.equal(page.stateOf('a'), 'supervisor.20')
  })
})
