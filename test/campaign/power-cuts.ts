/**
 * Power cuts in the simulated disk: a journal at work, and the end of its machine at one operation of its disk after the
 * other, with what was not synced lost, torn or kept as chance will have it. Now and then only the process ends, a sync
 * fails, the disk is full for a while, or the next start is cut short as well. After each: all that was ever visible is
 * there, and nothing else than what was written.
 */

import assert from 'node:assert/strict'
import type { Journal, JournalEvent } from '../../src/log/journal.ts'
import { type LogId, logKey } from '../../src/log/log-id.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import type { DiskOperation } from '../../src/simulation/disk.ts'
import type { Host } from '../../src/simulation/host.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { batchOf, epochA, openOn, readAll, valuesOf, viewOf } from '../log/scenery.ts'

const dataDir = '/data/a'
/** Either many segments, or a few of many pages, which have zeros ahead of them over which frames of several pages are written. */
const narrow = { segmentMaxBytes: 3500, groupMaxBytes: 600, indexIntervalBytes: 200, valueMaxBytes: 700 }
const wide = { segmentMaxBytes: 60_000, groupMaxBytes: 20_000, indexIntervalBytes: 5000, valueMaxBytes: 9000 }
const topics = ['orders', 'payments']

/** What a log must hold. */
interface Expected {
  readonly id: LogId
  /** Of the record at this offset, the last time it was given that place. */
  readonly values: string[]
  /** What was visible once is visible for ever, up to here. */
  end: number
  /** Trimmed up to here at most. */
  start: number
}

export async function powerCuts(times: number, random: SeededRandom): Promise<string> {
  let [cuts, worlds, records] = [0, 0, 0]
  while (cuts < times) {
    const seed = random.integer(0, 2 ** 32)
    worlds++
    for (let operation = 1; cuts < times; operation++) {
      const story = new Story(seed, operation, await peersFrames())
      const { ended, acknowledged } = await story.tell().catch((error) => {
        throw new Error(`seed ${seed}, ended at disk operation ${operation}: ${(error as Error).stack}`)
      })
      records += acknowledged
      if (!ended) break
      cuts++
    }
  }
  const count = (value: number) => value.toLocaleString('en')
  return `${count(cuts)} ends at ${worlds} × every disk operation: all of ${count(records)} acknowledged records are there`
}

class Story {
  readonly #random: SeededRandom
  readonly #size: typeof wide
  readonly #world: World
  readonly #host: Host
  readonly #peer: Awaited<ReturnType<typeof peersFrames>>
  readonly #expected = new Map<string, Expected>()
  #journal: Journal | undefined
  #events: JournalEvent[] = []
  #life = 0
  /** Disk operations until the end of this life; nothing ends it by itself at infinity. */
  #left: number
  #acknowledged = 0

  constructor(seed: number, operation: number, peer: Awaited<ReturnType<typeof peersFrames>>) {
    this.#random = new SeededRandom(seed, 'story')
    this.#size = seed % 2 === 0 ? narrow : wide
    this.#world = createWorld({ seed: seed + operation })
    this.#host = this.#world.addHost('a', { disk: { syncMinMs: 0.1, syncMaxMs: 2, slowSyncChance: 0 } })
    this.#left = operation
    this.#peer = peer
  }

  /** `ended`: by the operation, not because there was no more to do. */
  async tell(): Promise<{ ended: boolean; acknowledged: number }> {
    await this.#open()
    if (this.#host.alive) await this.#work()
    if (this.#host.alive) await this.#stop()
    const ended = this.#left <= 0
    const again = this.#random.chance(0.3) ? this.#random.integer(1, 40) : Number.POSITIVE_INFINITY
    for (const left of [again, Number.POSITIVE_INFINITY]) {
      this.#left = left
      await this.#open()
      if (!this.#host.alive) continue
      this.#check()
      await this.#work()
      if (this.#host.alive) await this.#stop()
    }
    this.#left = Number.POSITIVE_INFINITY
    // What was found above was shown to somebody: not even the last power cut may take it.
    await this.#open()
    this.#check()
    return { ended, acknowledged: this.#acknowledged }
  }

  async #open(): Promise<void> {
    const env = this.#host.alive && this.#life === 0 ? this.#host.env : this.#host.start()
    this.#host.disk.failure = (operation) => this.#step(operation)
    this.#journal = undefined
    this.#events = []
    const run = this.#life++
    const opening = openJournal({
      disk: env.disk,
      clock: env.clock,
      dataDir,
      node: 'a',
      epoch: `01980000-0000-7000-8000-0000000001${String(run).padStart(2, '0')}`,
      settings: { ...defaultLogSettings, ...this.#size },
      report: (event) => this.#events.push(event),
    })
    let failure: unknown
    opening.then(
      (journal) => {
        this.#journal = journal
        journal.onCommit(({ id, end }) => {
          if (this.#host.alive) this.#of(id).end = end
        })
      },
      (error) => {
        failure = error
      },
    )
    await this.#world.run({ until: () => this.#journal !== undefined || failure !== undefined || !this.#host.alive })
    if (this.#host.alive && failure) throw failure
  }

  /** Before each operation of the disk. */
  #step(operation: DiskOperation): string | undefined {
    if (--this.#left > 0) return undefined
    // The page cache outlives a process, so that what it left is there, if not for good; so does a sync under way.
    const kill = this.#random.chance(0.2)
    if (kill && (operation === 'sync' || operation === 'syncFolder')) return undefined
    if (kill) this.#host.kill()
    else this.#host.crash()
    return 'EIO'
  }

  async #work(): Promise<void> {
    const journal = this.#journal as Journal
    for (let step = 0; step < 25 && this.#host.alive; step++) {
      const appends = this.#random.integer(0, 4)
      for (let n = 0; n < appends && this.#host.alive; n++) this.#append(journal, this.#random.pick(topics))
      if (this.#random.chance(0.4)) this.#replicate(journal)
      if (this.#random.chance(0.1)) this.#trim(journal)
      if (this.#random.chance(0.05)) this.#fill()
      if (this.#random.chance(0.02)) this.#failSync()
      const atMs = this.#world.now + this.#random.fraction() * 3
      await this.#world.run({ untilMs: atMs, until: () => !this.#host.alive || this.#world.now >= atMs })
      if (this.#events.some(({ kind }) => kind === 'failed')) break
    }
  }

  async #stop(): Promise<void> {
    let closed = false
    void (this.#journal as Journal).close().then(() => {
      closed = true
    })
    await this.#world.run({ until: () => closed || !this.#host.alive })
    if (!this.#host.alive) return
    assert.ok(closed, 'it does not close')
    // The machine goes down right behind its node.
    if (this.#random.chance(0.7)) this.#host.crash()
    else this.#host.kill()
  }

  #append(journal: Journal, topic: string): void {
    const count = this.#random.integer(1, 3)
    const size = this.#random.chance(0.1) ? this.#size.valueMaxBytes : 30
    const values = Array.from({ length: count }, () => `${this.#random.integer(0, 1e9)} `.padEnd(size, 'x'))
    try {
      const placed = journal.place(topic, batchOf(...values), count)
      const expected = this.#of(placed.log)
      for (const [n, value] of values.entries()) expected.values[placed.baseOffset + n] = value
      placed.durable.then(
        () => {
          if (!this.#host.alive) return
          assert.ok(expected.end >= placed.endOffset, 'acknowledged before it was visible')
          this.#acknowledged += count
        },
        () => {},
      )
    } catch {
      // Refused at once: the log failed, or the machine is gone.
    }
  }

  #replicate(journal: Journal): void {
    const { id, frames, values } = this.#peer
    const expected = this.#of(id)
    expected.values.splice(0, values.length, ...values)
    const from = frames.findIndex(({ baseOffset }) => baseOffset >= expected.end)
    if (from === -1) return
    const some = frames.slice(from, from + this.#random.integer(1, 6))
    journal.replicate(id, Buffer.concat(some.map(({ bytes }) => bytes))).catch(() => {})
  }

  #trim(journal: Journal): void {
    const logs = journal.logs()
    if (logs.length === 0) return
    const log = this.#random.pick(logs)
    const expected = this.#of(log.id)
    const to = this.#random.integer(log.start, log.end)
    expected.start = Math.max(expected.start, to)
    journal.trim(log.id, to, async () => true).catch(() => {})
  }

  #fill(): void {
    const used = [...this.#host.disk.tree.files()].reduce((sum, { size }) => sum + size, 0)
    this.#host.disk.settings = { ...this.#host.disk.settings, capacityBytes: used + this.#random.integer(0, 800) }
    this.#world.after(4, () => {
      this.#host.disk.settings = { ...this.#host.disk.settings, capacityBytes: Number.POSITIVE_INFINITY }
    })
  }

  /** What the page cache has of it still reads well. */
  #failSync(): void {
    this.#host.disk.failure = (operation) => {
      const code = this.#step(operation)
      if (code !== undefined || operation !== 'sync') return code
      this.#host.disk.failure = (operation) => this.#step(operation)
      return 'EIO'
    }
  }

  #check(): void {
    const journal = this.#journal as Journal
    const left = this.#left
    this.#left = Number.POSITIVE_INFINITY
    // A write of several pages that lost one of its first is told as damage: nobody can know that it was not acknowledged.
    const isUnfinished = (event: JournalEvent) =>
      event.kind === 'tailCut' || (event.kind === 'damaged' && event.end >= (this.#expected.get(event.log)?.end ?? 0))
    const harm = this.#events.filter((event) => !isUnfinished(event))
    assert.deepEqual(harm, [])
    for (const expected of this.#expected.values()) {
      const log = journal.log(expected.id)
      const end = log?.end ?? 0
      assert.ok(end >= expected.end, `${logKey(expected.id)} ends at ${end}; ${expected.end} was visible`)
      if (!log) continue
      assert.ok(log.start <= expected.start, `${log.key} begins at ${log.start}, trimmed was up to ${expected.start}`)
      assert.deepEqual(valuesOf(readAll(log)), expected.values.slice(log.start, end), log.key)
      expected.end = end
    }
    this.#left = left
  }

  #of(id: LogId): Expected {
    const known = this.#expected.get(logKey(id))
    if (known) return known
    const expected: Expected = { id, values: [], end: 0, start: 0 }
    this.#expected.set(logKey(id), expected)
    return expected
  }
}

let peer: { id: LogId; frames: ReturnType<typeof readAll>; values: string[] } | undefined

/** The log of another node, to be copied. */
async function peersFrames(): Promise<NonNullable<typeof peer>> {
  if (peer) return peer
  const { journal } = await openOn(new MemoryDisk(), { node: 'b' })
  const values = Array.from({ length: 300 }, (_, n) => `${n} of b `.repeat(1 + (n % 7)))
  for (const value of values) await journal.append('orders', batchOf(value), 1)
  const id = { topic: 'orders', origin: 'b', epoch: epochA }
  peer = { id, frames: readAll(viewOf(journal, id)), values }
  return peer
}
