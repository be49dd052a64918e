/**
 * The snapshot file of a member: read completely before the member exists, kept up to date while it runs. Owns the file,
 * when it is written and what happens when it cannot be; what stands in it is decided in `gossip/snapshot.ts`.
 *
 * A run begins by replacing the file with what it remembers, which also rids it of a line cut short and of whatever
 * made no sense. From then on lines are appended. What fails never reaches the member: it is said in the log and tried
 * again, by replacing the file, after a while.
 */

import type { Logger } from 'pino'
import type { Disk, DiskFile, Env, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { Fact } from '../gossip/effects.ts'
import type { Endpoint } from '../gossip/ip.ts'
import { Snapshot } from '../gossip/snapshot.ts'
import type { Times } from '../gossip/snapshot-record.ts'
import { type Memory, noMemory, SnapshotReplay } from '../gossip/snapshot-replay.ts'

/** New times of this long go into one write; Serf's interval. */
const timesMs = 500
/** News of members wait no longer than it takes to hear of several at once: who is killed soon must know them. */
const membersMs = 50
/** Serf's, too. */
const retryMs = 30_000
/** Only its members' business. */
const fileMode = 0o600
/** Several times what the largest cluster we keep ever needs; of a longer file only the end is read. */
const maxReadBytes = 32 << 20
const readBytes = 64 * 1024

export interface SnapshotOptions {
  readonly env: Pick<Env, 'disk' | 'clock'>
  readonly log: Logger
  /** In a folder that exists. */
  readonly path: string
  /** Whether a run that ended by leaving is remembered like any other. */
  readonly rejoinAfterLeave: boolean
}

/** Throws `DATA_DIR_UNUSABLE` when there is something that cannot be read: to forget a cluster silently is to split it. */
export function openSnapshot(options: SnapshotOptions): SnapshotFile {
  const { path, env } = options
  try {
    return new SnapshotFile(options, recall(env.disk, options))
  } catch (error) {
    throw new ReeveError('DATA_DIR_UNUSABLE', `cannot read the snapshot ${path}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function recall(disk: Disk, { path, log, rejoinAfterLeave }: SnapshotOptions): Memory {
  const stat = disk.stat(path)
  if (!stat) return noMemory
  if (stat.kind !== 'file') throw new Error('it is not a file')
  const start = Math.max(0, stat.bytes - maxReadBytes)
  let skipped = 0
  let example = ''
  const replay = new SnapshotReplay({
    rejoinAfterLeave,
    fromMiddle: start > 0,
    skipped: (line) => {
      skipped += 1
      if (skipped === 1) example = line.slice(0, 100)
    },
  })
  const file = disk.open(path, 'read')
  try {
    const buffer = new Uint8Array(readBytes)
    for (let at = start; at < start + maxReadBytes; ) {
      const count = file.read(buffer, at)
      if (count === 0) break
      replay.push(buffer.subarray(0, count))
      at += count
    }
  } finally {
    file.close()
  }
  if (start > 0) log.warn({ path, bytes: stat.bytes }, 'the snapshot is far too long; only its end was read')
  if (skipped > 0) log.warn({ path, skipped, example }, 'lines of the snapshot make no sense and were passed over')
  return replay.end()
}

export class SnapshotFile {
  /** What the last run left. */
  readonly memory: Memory
  readonly #options: SnapshotOptions
  #snapshot: Snapshot | undefined
  #file: DiskFile | undefined
  #fileBytes = 0
  /** Waits for the device; never rejects. */
  #working: Promise<void> | undefined
  #timer: Timer | undefined
  #timerAtMs = 0
  #retryAtMs = 0
  #closed = false

  constructor(options: SnapshotOptions, memory: Memory) {
    this.#options = options
    this.memory = memory
  }

  /** From now on the file is ours to write. */
  begin(self: { readonly name: string; readonly at: Endpoint }): void {
    this.#snapshot = new Snapshot(self, this.memory)
    this.#replace(this.#snapshot)
  }

  note(fact: Fact): void {
    this.#snapshot?.note(fact)
    this.#schedule(membersMs)
  }

  witness(times: Times): void {
    this.#snapshot?.witness(times)
    this.#schedule()
  }

  /** Nothing that happens from now on is written. Resolves once all before is on the device, or cannot be. */
  async leave(): Promise<void> {
    this.#snapshot?.leave()
    await this.#working
    this.#write()
    await this.#working
  }

  /** What is due is written still; a power cut right after may take it. */
  close(): void {
    if (this.#closed) return
    if (this.#file && !this.#working) this.#write()
    this.#closed = true
    this.#options.env.clock.clearTimeout(this.#timer)
    // Not under the feet of what is still under way.
    if (this.#working) void this.#working.then(() => this.#release())
    else this.#release()
  }

  /** Whatever is due is written after this time, or sooner where that was meant before. */
  #schedule(afterMs = timesMs): void {
    if (this.#working || this.#closed || (this.#file && !this.#snapshot?.isDue)) return
    const { clock } = this.#options.env
    const atMs = this.#file ? clock.monotonicMs() + afterMs : this.#retryAtMs
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return
    clock.clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = clock.setTimeout(
      () => {
        this.#timer = undefined
        this.#write()
      },
      Math.max(0, atMs - clock.monotonicMs()),
    )
  }

  /** Whatever is due. */
  #write(): void {
    const snapshot = this.#snapshot
    if (!snapshot || this.#closed || this.#working) return
    if (!this.#file || this.#fileBytes > snapshot.limitBytes) this.#replace(snapshot)
    else if (snapshot.isDue) this.#append(snapshot, this.#file)
  }

  #append(snapshot: Snapshot, file: DiskFile): void {
    const { bytes, shouldLast } = snapshot.take()
    try {
      file.write(bytes, this.#fileBytes)
      this.#fileBytes += bytes.length
      if (shouldLast) this.#work(file.sync())
    } catch (error) {
      this.#failed(error)
      this.#schedule()
    }
  }

  #replace(snapshot: Snapshot): void {
    const { env, path } = this.#options
    const bytes = snapshot.whole()
    const replace = async () => {
      await env.disk.replaceFile(path, bytes, { mode: fileMode })
      this.#release()
      this.#file = env.disk.open(path, 'write')
      this.#fileBytes = bytes.length
    }
    this.#work(replace())
  }

  #work(work: Promise<void>): void {
    this.#working = work
      .catch((error) => this.#failed(error))
      .then(() => {
        this.#working = undefined
        this.#schedule(membersMs)
      })
  }

  #failed(error: unknown): void {
    const { env, log, path } = this.#options
    this.#retryAtMs = env.clock.monotonicMs() + retryMs
    const reason = (error as Error).message
    log.warn({ path, reason, retryMs }, 'the snapshot cannot be written; a restart would not find its cluster by it')
    this.#release()
  }

  #release(): void {
    this.#file?.close()
    this.#file = undefined
  }
}
