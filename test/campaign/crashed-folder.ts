/** A data folder as a loss of power leaves it: made anew from what a recording says, and opened as the next run of its node would. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { realClock } from '../../src/env/real-clock.ts'
import { createRealDisk } from '../../src/env/real-disk.ts'
import type { JournalEvent } from '../../src/log/journal.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import type { FileTree } from '../../src/simulation/file-tree.ts'
import type { SeededRandom } from '../../src/simulation/random.ts'
import { differenceTo } from '../../src/simulation/recording/difference.ts'
import type { DiskStep } from '../../src/simulation/recording/disk-step.ts'
import { recordingDisk } from '../../src/simulation/recording/recording-disk.ts'
import { ReplayedDisk } from '../../src/simulation/recording/replayed-disk.ts'
import { type StoredFrame, storedFrames } from '../../src/simulation/universe/stored-frames.ts'
import { batchOf } from '../log/scenery.ts'

export interface ReopenedLog {
  readonly start: number
  readonly end: number
  /** By base offset. */
  readonly frames: ReadonlyMap<number, StoredFrame>
}

export interface Reopened {
  /** By `topic/origin/epoch`. */
  readonly logs: ReadonlyMap<string, ReopenedLog>
  readonly events: readonly JournalEvent[]
}

/** Here nothing loses power any more: in memory, where there is such a place, syncs cost nothing. */
const memory = '/dev/shm'
const place = existsSync(memory) ? memory : tmpdir()
const settings = { ...defaultLogSettings, segmentMaxBytes: 256 * 1024 }

export class CrashedFolder {
  readonly path: string
  readonly node: string
  readonly #base: string

  /** What `tree` has below `from`. */
  constructor(node: string, tree: FileTree, from: string) {
    this.node = node
    this.#base = mkdtempSync(join(place, 'reeve-crashed-'))
    this.path = join(this.#base, node)
    mkdirSync(this.path)
    for (const [path, file] of tree.filesBelow(from)) {
      const bytes = new Uint8Array(file.size)
      file.read(bytes, 0)
      const to = join(this.path, path.slice(from.length))
      mkdirSync(dirname(to), { recursive: true })
      writeFileSync(to, bytes)
    }
  }

  /** By a new run, which reads all, writes one record more to each topic, and stops. */
  async reopen(): Promise<Reopened> {
    const events: JournalEvent[] = []
    const journal = await this.#open((event) => events.push(event))
    try {
      const logs = new Map<string, ReopenedLog>()
      for (const log of journal.logs()) {
        const frames = new Map<number, StoredFrame>()
        for (let at = log.start; at < log.end; ) {
          for (const frame of storedFrames(log.read(at, 1024 * 1024), 0)) {
            frames.set(frame.base, frame)
            at = frame.end
          }
        }
        logs.set(log.key, { start: log.start, end: log.end, frames })
      }
      for (const topic of journal.topics()) await journal.append(topic, batchOf('again'), 1)
      return { logs, events }
    } finally {
      await journal.close()
    }
  }

  /** The power fails again while the next run opens it, at any step of its disk. */
  async crashAgain(random: SeededRandom): Promise<CrashedFolder> {
    const steps: DiskStep[] = []
    const disk = createRealDisk()
    const replayed = new ReplayedDisk(this.path)
    for (const step of differenceTo(disk, this.path, replayed).steps) replayed.apply(step)
    replayed.tree.syncAll()
    const journal = await this.#open(
      () => {},
      recordingDisk(disk, (step) => steps.push(step)),
    )
    await journal.close()
    for (const step of steps.slice(0, random.integer(0, steps.length))) replayed.apply(step)
    const again = new CrashedFolder(this.node, replayed.afterPowerCut(random), this.path)
    this.end()
    return again
  }

  /** It is not there any more. */
  end(): void {
    rmSync(this.#base, { recursive: true, force: true })
  }

  #open(report: (event: JournalEvent) => void, disk = createRealDisk()) {
    // A run of its own; none before has this epoch.
    const epoch = 'ffffffff-0000-7000-8000-000000000001'
    return openJournal({ disk, clock: realClock, dataDir: this.path, node: this.node, epoch, settings, report })
  }
}
