/**
 * Loses power at moments of a run that was recorded, on all its machines at once or on some, and looks at what is left: all
 * that was acknowledged by then on as many disks as was said, nothing that nobody wrote, no damage, and copies that are
 * prefixes of each other.
 */

import assert from 'node:assert/strict'
import { createRealDisk } from '../../src/env/real-disk.ts'
import type { JournalEvent } from '../../src/log/journal-event.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import type { ProduceAsked, Stored } from '../../src/simulation/history.ts'
import { mayGo } from '../../src/simulation/judges/judge.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { Court, type Evidence, verdictText } from '../../src/simulation/recording/court.ts'
import type { Universe } from '../../src/simulation/universe/universe.ts'
import { CrashedFolder, type Reopened } from './crashed-folder.ts'

/** What became of a write that did not end. */
const cuts: ReadonlySet<JournalEvent['kind']> = new Set(['tailCut', 'takenBack'])

export interface RecordedRun {
  /** Data folders of the nodes by name, as they were. */
  readonly folders: ReadonlyMap<string, string>
  /** By time. */
  readonly evidence: readonly Evidence[]
}

export interface PowerFailures {
  /** Moments, and disks that lost power at one of them. */
  readonly moments: number
  readonly disks: number
  /** How many disks had a last write that was cut off, or had a hole and was set aside behind it. */
  readonly cut: number
  readonly aside: number
  /** How many lost power once more while they were opened. */
  readonly again: number
  /** Records acknowledged before each moment, all moments together. */
  readonly acknowledged: number
}

/** At so many moments, at most after each step of any disk. */
export async function failPower(run: RecordedRun, moments: number, random: SeededRandom): Promise<PowerFailures> {
  const steps = run.evidence.flatMap((each, index) => ('step' in each ? [index] : []))
  const chosen = (moments >= steps.length ? steps : random.shuffle(steps).slice(0, moments)).sort((a, b) => a - b)
  const court = new Court(run.folders)
  const acknowledged: ProduceAsked[] = []
  const sum = { moments: 0, disks: 0, cut: 0, aside: 0, again: 0, acknowledged: 0 }
  let heard = 0
  for (const index of chosen) {
    const news = run.evidence.slice(heard, index + 1)
    heard = index + 1
    court.hear(news)
    assert.deepEqual(court.found, [], verdictText(court.found))
    for (const each of news) if ('operation' in each && isStored(each.operation)) acknowledged.push(each.operation)
    const failure = new Failure(run, court, acknowledged, random)
    try {
      const { disks, cut, aside, again } = await failure.happen()
      sum.moments++
      sum.disks += disks
      sum.cut += cut
      sum.aside += aside
      sum.again += again
      sum.acknowledged += acknowledged.reduce((records, { answer }) => records + (answer as Stored).count, 0)
    } catch (error) {
      const where = [...failure.folders.values()].map(({ path }) => path).join(' ')
      throw new Error(`power lost after step ${index} of ${run.evidence.length}; left in ${where}`, { cause: error })
    }
    failure.end()
  }
  return sum
}

function isStored(operation: { kind: string; answer: unknown }): operation is ProduceAsked {
  return operation.kind === 'produce' && (operation.answer as { ok?: boolean } | undefined)?.ok === true
}

class Failure {
  readonly folders = new Map<string, CrashedFolder>()
  readonly #run: RecordedRun
  readonly #court: Court
  readonly #acknowledged: readonly ProduceAsked[]
  readonly #random: SeededRandom

  constructor(run: RecordedRun, court: Court, acknowledged: readonly ProduceAsked[], random: SeededRandom) {
    this.#run = run
    this.#court = court
    this.#acknowledged = acknowledged
    this.#random = random
  }

  async happen(): Promise<Omit<PowerFailures, 'moments' | 'acknowledged'>> {
    const nodes = [...this.#run.folders].map(([node, folder]) => {
      const random = new SeededRandom(this.#random.integer(0, 2 ** 31), node)
      const disk = this.#court.disk(node)
      // Of the others the processes end, and the page cache stays.
      const loses = this.#run.folders.size === 1 || random.chance(0.8)
      this.folders.set(node, new CrashedFolder(node, loses ? disk.afterPowerCut(random) : disk.tree, folder))
      return { node, loses, again: random.chance(0.2), random }
    })
    const opened = await Promise.all(
      nodes.map(async ({ node, again, random }) => {
        if (again) this.folders.set(node, await this.#folder(node).crashAgain(random))
        return [node, await this.#folder(node).reopen()] as const
      }),
    )
    for (const [node, found] of opened) this.#check(node, found)
    this.#checkAcknowledged(new Map(opened))
    const paths = nodes.map(({ node }) => this.#folder(node).path)
    assert.deepEqual([...verifyDataDirs(createRealDisk(), paths)].filter(isHarm), [])
    return {
      disks: nodes.filter(({ loses }) => loses).length,
      again: nodes.filter(({ again }) => again).length,
      cut: opened.filter(([, { events }]) => events.some(({ kind }) => kind === 'tailCut')).length,
      aside: opened.filter(([, { events }]) => events.some(({ kind }) => kind === 'damaged')).length,
    }
  }

  #folder(node: string): CrashedFolder {
    return this.folders.get(node) as CrashedFolder
  }

  end(): void {
    for (const folder of this.folders.values()) folder.end()
  }

  /** What was durable is there as it was; what is there is what was written; nothing is called damaged. */
  #check(node: string, { logs, events }: Reopened): void {
    const harm = events.filter((event) => !cuts.has(event.kind) && !this.#isHoleInLastWrite(node, event))
    assert.deepEqual(harm, [], `${node} reports damage`)
    for (const { key, frames } of this.#universe.logs.values()) {
      const found = logs.get(key)
      for (const frame of frames) {
        if (!frame.durableOn.has(node) || found?.frames.get(frame.base)?.sum === frame.sum) continue
        const isTrimmed = frame.base < (found?.start ?? Number.POSITIVE_INFINITY)
        if (isTrimmed && mayGo(this.#universe, key, frame)) continue
        assert.fail(`${key}/${frame.base} was durable on ${node}, and is not there: ${JSON.stringify(bounds(found))}`)
      }
    }
    for (const [key, { frames }] of logs) {
      for (const { base, sum } of frames.values()) {
        assert.equal(sum, this.#universe.frameAt(key, base)?.sum, `${key}/${base} on ${node} was never written so`)
      }
    }
  }

  /**
   * Of a write over several pages any may be lost and later ones kept. Nobody can tell that from damage, and what is behind
   * the hole is set aside: none of it may have been durable.
   */
  #isHoleInLastWrite(node: string, event: JournalEvent): boolean {
    if (event.kind !== 'damaged') return false
    const frames = this.#universe.logs.get(event.log)?.frames ?? []
    return frames.every(({ end, durableOn }) => end <= event.end || !durableOn.has(node))
  }

  #checkAcknowledged(reopened: ReadonlyMap<string, Reopened>): void {
    for (const { answer } of this.#acknowledged) {
      const { log, base, count, copies } = answer as Stored
      const frames = this.#universe.framesOf(log, base, base + count) ?? []
      if (frames.some((frame) => mayGo(this.#universe, log, frame))) continue
      const has = ({ logs }: Reopened) =>
        frames.every((frame) => logs.get(log)?.frames.get(frame.base)?.sum === frame.sum)
      const held = [...reopened.values()].filter(has).length
      assert.ok(
        frames.length > 0 && held >= copies,
        `${log}/${base} was acknowledged with ${copies} copies: ${held} left`,
      )
    }
  }

  get #universe(): Universe {
    return this.#court.universe
  }
}

function bounds(log: { start: number; end: number } | undefined) {
  return log && { start: log.start, end: log.end }
}
