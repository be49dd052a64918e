import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LogView } from '../../src/log/journal.ts'
import { type LogId, logKey } from '../../src/log/log-id.ts'
import { Comparison, Listings } from '../../src/replication/comparison.ts'
import { Directory } from '../../src/replication/directory.ts'
import { groupKey, Summary } from '../../src/replication/summary.ts'

const epochOf = (n: number) => `018f0000-0000-7000-8000-${String(n).padStart(12, '0')}`
const idOf = (n: number, topic = 'orders', origin = 'gone'): LogId => ({ topic, origin, epoch: epochOf(n) })

/** Some node's logs: only how far they reach counts here. */
class Holder {
  readonly summary = new Summary()
  readonly ends = new Map<string, number>()
  readonly #views = new Map<string, { id: LogId; key: string; start: number; end: number }>()

  set(id: LogId, end: number): this {
    const key = logKey(id)
    const view = this.#views.get(key) ?? { id, key, start: 0, end }
    view.end = end
    this.#views.set(key, view)
    this.ends.set(key, end)
    this.summary.note(view as LogView)
    return this
  }

  endOf(id: LogId): number {
    return this.ends.get(logKey(id)) ?? 0
  }
}

/** Us, and peers to compare with; what is asked of each is kept. */
class Scene {
  readonly us = new Holder()
  readonly directory = new Directory(epochOf(999), (id) => this.us.endOf(id))
  readonly listings = new Listings()
  readonly asked: string[] = []
  readonly over: string[] = []

  compare(peer: string, holder: Holder): Comparison {
    this.directory.open(peer, epochOf(500))
    const comparison = new Comparison({
      ...{ peer, summary: this.us.summary, directory: this.directory, listings: this.listings },
      list: (topic, origin) => this.asked.push(`${peer}: ${topic}/${origin}`),
      over: () => this.over.push(peer),
    })
    if (comparison.begin(holder.summary.root())) {
      this.asked.push(`${peer}: all`)
      for (const digest of holder.summary.digests()) comparison.digest(digest)
      comparison.digested()
    }
    return comparison
  }

  answer(comparison: Comparison, holder: Holder, topic = 'orders', origin = 'gone'): void {
    for (const log of holder.summary.logsOf(topic, origin)) this.directory.learn(comparison.peer, log)
    comparison.listed(groupKey({ topic, origin }))
  }

  /** All of a log arrived from this peer. */
  pull(peer: string, id: LogId): void {
    const end = this.directory.endAt(peer, logKey(id))
    this.us.set(id, end)
    this.directory.grown(peer, id, end)
  }
}

describe('the summary of what a node holds', () => {
  it('is equal exactly where the logs and their ends are equal, however they came to be', () => {
    const logs = fc.array(fc.tuple(fc.nat(3), fc.nat(2), fc.nat(3), fc.integer({ min: 1, max: 4 })), { maxLength: 12 })
    const hold = (list: [number, number, number, number][]) => {
      const holder = new Holder()
      for (const [topic, origin, epoch, end] of list) {
        const id = idOf(epoch, `t${topic}`, `o${origin}`)
        if (end > holder.endOf(id)) holder.set(id, end)
        if (end === 3) holder.summary.root()
        if (end === 4) holder.summary.older(id.topic, id.origin, id.epoch)
      }
      return holder
    }
    fc.assert(
      fc.property(logs, logs, (some, others) => {
        const [one, other] = [hold(some), hold(others)]
        const same = JSON.stringify([...one.ends].sort()) === JSON.stringify([...other.ends].sort())
        assert.equal(one.summary.root() === other.summary.root(), same)
        assert.equal(hold([...some].reverse()).summary.root(), one.summary.root())
      }),
    )
  })

  it('counts a run that came after a peer had asked for all before a later one', () => {
    const asked = new Holder().set(idOf(1), 4)
    asked.summary.older('orders', 'gone', epochOf(3))
    const other = new Holder().set(idOf(1), 4)
    for (const holder of [asked, other]) holder.set(idOf(2), 20).set(idOf(3), 16)
    assert.equal(asked.summary.older('orders', 'gone', epochOf(3)), other.summary.older('orders', 'gone', epochOf(3)))
    assert.equal(asked.summary.root(), other.summary.root())
  })

  it('forgets a log as if it had never been', () => {
    const holder = new Holder().set(idOf(1), 5)
    const before = holder.summary.root()
    holder.set(idOf(2), 7)
    holder.set(idOf(3, 'payments'), 7)
    assert.notEqual(holder.summary.root(), before)
    holder.summary.forget(idOf(2))
    holder.summary.forget(idOf(3, 'payments'))
    assert.equal(holder.summary.root(), before)
    assert.equal([...holder.summary.digests()].length, 1)
  })
})

describe('comparing with a peer', () => {
  it('asks nothing of one that has the same', () => {
    const scene = new Scene()
    const peer = new Holder()
    for (const holder of [scene.us, peer]) holder.set(idOf(1), 5).set(idOf(2), 7)
    assert.equal(scene.compare('a', peer).isOver, true)
    assert.deepEqual(scene.asked, [])
  })

  it('learns the latest run of each group from the digests alone, and lists only groups whose older runs differ', async () => {
    const scene = new Scene()
    const peer = new Holder()
    for (const holder of [scene.us, peer]) {
      for (const topic of ['same', 'busy', 'behind']) holder.set(idOf(1, topic), 5).set(idOf(2, topic), 5)
    }
    peer.set(idOf(2, 'busy'), 9)
    peer.set(idOf(1, 'behind'), 9)
    const comparison = scene.compare('a', peer)
    assert.deepEqual(scene.asked, ['a: all', 'a: behind/gone'])
    assert.equal(scene.directory.endAt('a', logKey(idOf(2, 'busy'))), 9)
    assert.equal(comparison.isOver, false)
    scene.answer(comparison, peer, 'behind')
    scene.pull('a', idOf(1, 'behind'))
    assert.equal(comparison.isOver, true)
    await Promise.resolve()
    assert.deepEqual(scene.over, ['a'])
  })

  it('has a run that the peer knows nothing of, and finds the older ones equal all the same', () => {
    const scene = new Scene()
    const peer = new Holder()
    for (const holder of [scene.us, peer]) holder.set(idOf(1), 5).set(idOf(2), 5)
    scene.us.set(idOf(3), 1)
    assert.equal(scene.compare('a', peer).isOver, true)
    assert.deepEqual(scene.asked, ['a: all'])
  })

  it('has a group listed by one of many equal peers, and of the others only if something is missing after that', () => {
    const scene = new Scene()
    const peer = new Holder().set(idOf(1), 5).set(idOf(2), 5).set(idOf(3), 5)
    scene.us.set(idOf(3), 5)
    const [first, second, third] = ['a', 'b', 'c'].map((name) => scene.compare(name, peer)) as [
      Comparison,
      Comparison,
      Comparison,
    ]
    assert.deepEqual(
      scene.asked.filter((line) => !line.endsWith('all')),
      ['a: orders/gone'],
    )
    scene.answer(first, peer)
    scene.pull('a', idOf(1))
    assert.equal(second.isOver, false)
    scene.pull('a', idOf(2))
    assert.deepEqual([first.isOver, second.isOver, third.isOver], [true, true, true])
    assert.equal(scene.asked.length, 4)
  })

  it('turns to the next peer when the one that listed is gone before all has arrived', () => {
    const scene = new Scene()
    const peer = new Holder().set(idOf(1), 5).set(idOf(2), 5).set(idOf(3), 5)
    scene.us.set(idOf(3), 5)
    const first = scene.compare('a', peer)
    const second = scene.compare('b', peer)
    scene.answer(first, peer)
    scene.pull('a', idOf(1))
    first.end()
    scene.directory.forget('a')
    assert.equal(scene.asked.at(-1), 'b: orders/gone')
    scene.answer(second, peer)
    scene.pull('b', idOf(2))
    assert.equal(second.isOver, true)
  })

  it('goes on when a log of a listed group turns out to be unusable there', () => {
    const scene = new Scene()
    const peer = new Holder().set(idOf(1), 5).set(idOf(3), 5)
    scene.us.set(idOf(3), 5)
    const first = scene.compare('a', peer)
    scene.compare('b', peer)
    scene.answer(first, peer)
    scene.directory.exclude('a', logKey(idOf(1)), 'untilNews')
    assert.equal(first.isOver, true)
    assert.equal(scene.asked.at(-1), 'b: orders/gone')
  })

  it('shares the groups out among peers, a few at a time', () => {
    const scene = new Scene()
    const peer = new Holder()
    for (let n = 0; n < 100; n++) peer.set(idOf(1, `t${n}`), 5).set(idOf(2, `t${n}`), 5)
    const comparisons = ['a', 'b'].map((name) => scene.compare(name, peer)) as [Comparison, Comparison]
    const lists = () => scene.asked.filter((line) => line.includes('/')).map((line) => line.split(': '))
    const by = (name: string) => lists().filter(([peerName]) => peerName === name).length
    assert.deepEqual([by('a'), by('b')], [32, 32])
    for (let n = 0; n < lists().length; n++) {
      const [name, group] = lists()[n] as [string, string]
      const topic = group.split('/')[0] as string
      scene.answer(comparisons[name === 'a' ? 0 : 1], peer, topic)
      scene.pull(name, idOf(1, topic))
      scene.pull(name, idOf(2, topic))
    }
    assert.equal(lists().length, 100, 'each of them once')
    assert.ok(comparisons.every((comparison) => comparison.isOver))
  })
})
