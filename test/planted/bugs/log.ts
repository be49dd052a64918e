/** Of a log on its way to the disk and back. */

import { bug, type PlantedBug } from '../planted-bug.ts'

const writer = 'src/log/log-writer.ts'
const queue = 'src/log/write-queue.ts'
const recovery = 'src/log/recovery.ts'
const log = 'src/log/log.ts'
const scan = 'src/log/scan.ts'
const arriving = 'src/log/arriving.ts'

/** Writes that a crash meets on their way. */
const tornTails = { faults: 'crash,power-off,disk-slow', gapMs: 1_200 }
/** Damage again and again, that nobody looks for but who reads. */
const rot = { faults: 'bit-rot,kill', gapMs: 1_000, settings: { scrubBytesPerSecond: 0 } }
/** Some of all logs goes. */
const retention = {
  settings: { segmentMaxBytes: 65_536, maxBatchBytes: 32_768, retentionBytes: 300_000 },
  recordMaxBytes: 20_000,
}

export const logBugs: readonly PlantedBug[] = [
  bug(
    'no-sync',
    'acknowledged records do not survive a power cut',
    writer,
    'await this.#active.sync()',
    'await Promise.resolve()',
  ),
  bug(
    'visible-before-durable',
    'what was read may be gone after a power cut',
    writer,
    'const synced = this.#sync(groups)',
    'this.#publish(groups.splice(0))\n      const synced = this.#sync(groups)',
  ),
  bug(
    'failed-sync-is-success',
    'records are acknowledged that the disk refused to keep',
    writer,
    `      this.#written.unshift(...groups)
      this.#fail(error)
      return false`,
    '      return error !== undefined',
    'io-errors,power-off',
  ),
  bug(
    'segment-name-not-synced',
    'a power cut takes whole segments that were acknowledged',
    writer,
    'if (first.beginsSegment) await this.syncFolders()',
    '',
  ),
  bug(
    'folder-names-not-synced',
    'a power cut takes the folder of a new log with all that was acknowledged in it',
    'src/log/folder-names.ts',
    'for (let level = 0; level < 3 && !this.#folderDurable; level++)',
    'for (let level = 0; level < 0 && !this.#folderDurable; level++)',
  ),
  bug(
    'refused-write-leaves-a-gap',
    'after a full disk offsets are given to nobody, and replicas stop there',
    queue,
    'this.#tail = { ...(this.#waiting[0] as WriteGroup).before }',
    'this.#tail = { ...this.#tail }',
    'disk-full,kill',
  ),
  bug(
    'refused-is-acknowledged',
    'a full disk acknowledges what it did not take',
    queue,
    'for (const group of groups) this.settle(group, error)',
    'for (const group of groups) this.settle(group, error.code === "DISK_FULL" ? undefined : error)',
    'disk-full,power-off',
  ),
  {
    name: 'room-never-given-back',
    breaks: 'a node refuses all writes once enough were made',
    edits: [
      { file: queue, find: 'if (this.#log.pending) this.#log.pending.bytes -= group.length', replace: '' },
      // Enough is less, so that it does not take days.
      {
        file: 'src/log/settings.ts',
        find: 'pendingMaxBytes: 64 * 1024 * 1024',
        replace: 'pendingMaxBytes: 2 * 1024',
      },
    ],
  },
  bug(
    'commits-not-told',
    'records lie on the disk and nobody hears of them',
    writer,
    `    this.#log.committed()
  }`,
    `    if (this.#queue.tail.offset % 7 !== 0) this.#log.committed()
  }`,
  ),
  bug(
    'torn-tail-cut-too-far',
    'a torn last write takes the good record before it',
    recovery,
    'else await truncate(disk, segment.path, segment.bytes)',
    'else await truncate(disk, segment.path, Math.max(0, segment.bytes - 1))',
    tornTails,
  ),
  bug(
    'torn-tail-takes-a-segment',
    'a torn last write takes good records with it',
    recovery,
    'if (segment.bytes === 0 && !(isFirst && segment.base > 0)) disk.removeFile(segment.path)',
    'if (segment.bytes >= 0) disk.removeFile(segment.path)',
    tornTails,
  ),
  bug(
    'damage-cut-like-a-tail',
    'records behind a damaged frame are thrown away',
    recovery,
    "return frameBehind(source, position) ? 'damaged' : 'torn'",
    "return 'torn'",
    rot,
  ),
  bug(
    'recovered-not-durable',
    'what a restarted node shows may be gone after a power cut',
    'src/log/recovered-logs.ts',
    'await makeDurable(disk, recovered)',
    '',
    { faults: 'kill,power-off,disk-slow', gapMs: 600 },
  ),
  bug(
    'recovered-synced-not-written',
    'after a failed sync a restart believes pages that the disk never got',
    recovery,
    'copyBytes(file, file, indexedBytes, bytes)',
    '',
    { faults: 'io-errors,power-off', gapMs: 600, minutes: 0.8 },
  ),
  bug(
    'reads-not-verified',
    'rotten bytes are served as records',
    'src/log/segment.ts',
    'if (!verifies(buffer.subarray(0, first.bytes))) throw this.#damaged(position)',
    '',
    rot,
  ),
  {
    name: 'frames-not-verified',
    breaks: 'rotten frames are taken for good ones at a start, and nobody looks for them any more',
    edits: [
      { file: scan, find: "if (!verifies(frame)) return end('checksum')", replace: '' },
      {
        file: scan,
        find: "if (chain !== undefined && chainAfter(chain, frame) !== stored) return end('chain')",
        replace: '',
      },
      {
        file: 'src/log/segment.ts',
        find: 'if (!verifies(buffer.subarray(0, first.bytes))) throw this.#damaged(position)',
        replace: '',
      },
    ],
    world: rot,
  },
  {
    name: 'prefix-not-checked',
    breaks: 'a copy is extended by frames that do not go on from what it has, where a peer leaves some out',
    edits: [
      {
        file: arriving,
        find: 'const scan = scanFrames(sourceOfBytes(frames), tail)',
        replace: `const scan = scanFrames(sourceOfBytes(frames), { offset: Number(frames.length > 40 ? new DataView(frames.buffer, frames.byteOffset).getBigUint64(32) : tail.offset), chain: undefined })`,
      },
      {
        file: 'src/server/pull-source.ts',
        find: 'this.#byRef.set(want.ref, subscription)',
        replace: `if (subscription.position % 5 === 4 && subscription.position < log.end) subscription.position++
    this.#byRef.set(want.ref, subscription)`,
      },
    ],
  },
  {
    name: 'overlap-stored-twice',
    breaks: 'a replica that resumes stores records twice',
    edits: [
      { file: log, find: 'const fresh = frames.subarray(this.#held(frames))', replace: 'const fresh = frames' },
      {
        file: arriving,
        find: 'const scan = scanFrames(sourceOfBytes(frames), tail)',
        replace: `const scan = scanFrames(sourceOfBytes(frames), { offset: Number(frames.length > 40 ? new DataView(frames.buffer, frames.byteOffset).getBigUint64(32) : tail.offset), chain: undefined })`,
      },
    ],
    world: { faults: 'kill,resets,partition', gapMs: 1_500 },
  },
  bug(
    'overlap-under-way-stored-twice',
    'two peers that deliver the same at once damage a copy',
    log,
    'return first !== undefined && first.baseOffset < offset && this.end < offset',
    'return first === undefined',
    { faults: 'resets,partition,flap,disk-slow', gapMs: 1_000 },
  ),
  bug(
    'time-goes-back',
    'after a restart a node gives timestamps that are older than those it has given',
    'src/log/open-journal.ts',
    'this.#clock.observe(log.timestamp, clock.now())',
    '',
    { faults: 'clock,kill', gapMs: 700 },
  ),
  bug(
    'retries-not-known-after-restart',
    'a producer that repeats itself after a crash is stored twice',
    'src/log/open-journal.ts',
    'for (const [id, batch] of markedBatches(recovered)) this.#producers.add(id, batch.producer, batch)',
    '',
    { faults: 'kill', gapMs: 700 },
  ),
  bug(
    'retry-while-waiting-stored-twice',
    'a producer that repeats itself before it was answered is stored twice',
    'src/log/producers.ts',
    'for (const batches of [known.waiting, known.stored, ...known.arriving]) {',
    'for (const batches of [known.stored, ...known.arriving]) {',
    { faults: 'disk-hang,disk-slow', gapMs: 1_500 },
  ),
  bug(
    'retry-elsewhere-not-known',
    'what a replica holds of a producer is not known when that producer turns to it',
    'src/log/arriving-batches.ts',
    'if (batch.baseOffset < copy.end) producers.add(id, producer, batch)',
    'if (batch.baseOffset < 0) producers.add(id, producer, batch)',
    { faults: 'kill,disk-hang', gapMs: 700 },
  ),
  bug(
    'retry-answered-with-another-place',
    'a retried produce is told of a record that is not its own',
    'src/log/append-once.ts',
    'return Promise.resolve({ log, baseOffset, recordCount, endOffset, timestamp, duplicate: true })',
    'return Promise.resolve({ log, baseOffset: baseOffset + 1, recordCount, endOffset, timestamp, duplicate: true })',
  ),
  bug(
    'trim-takes-one-more',
    'retention deletes what is within its limits',
    'src/log/trimming.ts',
    'if (!first || first.bytes === 0 || first.end > to) return true',
    'if (!first || first.bytes === 0 || first.base > to) return true',
    retention,
  ),
  bug(
    'trim-forgets-where-it-was',
    'what was trimmed comes back from peers',
    'src/log/trimming.ts',
    'segments.push(Segment.bound(folder, last.end, world.settings.indexIntervalBytes, last))',
    'world.disk.removeFile(path)\n  segments.push(Segment.bound(folder, 0, world.settings.indexIntervalBytes))',
    retention,
  ),
  bug(
    'mended-once-only',
    'a segment that is damaged a second time is not healed',
    'src/log/soundness.ts',
    'damage.segment.corrupt = false',
    '',
    { faults: 'bit-rot', gapMs: 800, minutes: 1 },
  ),
]
