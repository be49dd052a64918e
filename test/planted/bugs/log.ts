/** Of a log on its way to the disk and back. */

import { bug, type PlantedBug } from '../planted-bug.ts'

const writer = 'src/log/log-writer.ts'
const recovery = 'src/log/recovery.ts'
const log = 'src/log/log.ts'

export const logBugs: readonly PlantedBug[] = [
  bug(
    'no-sync',
    'acknowledged records do not survive a power cut',
    writer,
    'await this.#active?.sync()',
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
    writer,
    'for (let level = 0; level < 3 && !this.#folderDurable; level++)',
    'for (let level = 0; level < 0 && !this.#folderDurable; level++)',
  ),
  bug(
    'refused-write-leaves-a-gap',
    'after a full disk offsets are given to nobody, and replicas stop there',
    writer,
    'this.#tail = { ...(this.#waiting[0] as WriteGroup).before }',
    'this.#tail = { ...this.#tail }',
  ),
  bug(
    'refused-is-acknowledged',
    'a full disk acknowledges what it did not take',
    writer,
    'for (const group of groups) this.#settle(group, error)',
    'for (const group of groups) this.#settle(group, error.code === "DISK_FULL" ? undefined : error)',
  ),
  bug(
    'room-never-given-back',
    'a node refuses all writes once enough were made',
    writer,
    'if (this.#log.pending) this.#log.pending.bytes -= group.length',
    '',
  ),
  bug(
    'commits-not-told',
    'records lie on the disk and nobody hears of them',
    writer,
    `    this.#log.committed()
  }`,
    `    if (this.#tail.offset % 7 !== 0) this.#log.committed()
  }`,
  ),
  bug(
    'torn-tail-kept',
    'a log that was torn by a power cut cannot be extended any more',
    recovery,
    'else await truncate(disk, segment.path, segment.bytes)',
    '',
  ),
  bug(
    'torn-tail-takes-a-segment',
    'a torn last write takes good records with it',
    recovery,
    'if (segment.bytes === 0 && !(isFirst && segment.base > 0)) disk.removeFile(segment.path)',
    'if (segment.bytes >= 0) disk.removeFile(segment.path)',
  ),
  bug(
    'damage-cut-like-a-tail',
    'records behind a damaged frame are thrown away',
    recovery,
    'return fault ? !frameBehind(source, position) : undefined',
    'return fault ? true : undefined',
  ),
  bug(
    'recovered-not-durable',
    'what a restarted node shows may be gone after a power cut',
    'src/log/journal.ts',
    'await makeDurable(disk, recovered)',
    '',
  ),
  bug(
    'recovered-synced-not-written',
    'after a failed sync a restart believes pages that the disk never got',
    recovery,
    'copyBytes(file, file, indexedBytes, bytes)',
    '',
  ),
  bug(
    'reads-not-verified',
    'rotten bytes are served as records',
    'src/log/segment.ts',
    'if (!verifies(buffer.subarray(0, first.bytes))) throw this.#damaged(position)',
    '',
  ),
  bug(
    'frames-not-verified',
    'rotten frames are taken for good ones, at a start and from peers',
    'src/log/scan.ts',
    "if (!verifies(frame)) return end('checksum')",
    '',
  ),
  bug(
    'prefix-not-checked',
    'a copy is extended by frames that do not belong to it',
    'src/log/arriving.ts',
    "if (fault === 'chain') throw diverged(key, offset)",
    '',
  ),
  bug(
    'overlap-stored-twice',
    'a replica that resumes stores records twice',
    log,
    'const fresh = frames.subarray(this.#held(frames))',
    'const fresh = frames',
  ),
  bug(
    'overlap-under-way-stored-twice',
    'two peers that deliver the same at once damage a copy',
    log,
    'return first !== undefined && first.baseOffset < offset && this.end < offset',
    'return first === undefined',
  ),
  bug(
    'time-goes-back',
    'after a restart a node gives timestamps that are older than those it has given',
    'src/log/journal.ts',
    'this.#clock.observe(log.timestamp, clock.now())',
    '',
  ),
  bug(
    'retries-not-known-after-restart',
    'a producer that repeats itself after a crash is stored twice',
    'src/log/journal.ts',
    'for (const [id, batch] of markedBatches(recovered)) this.#producers.add(id, batch.producer, batch)',
    '',
  ),
  bug(
    'retry-while-waiting-stored-twice',
    'a producer that repeats itself before it was answered is stored twice',
    'src/log/producers.ts',
    'for (const batches of [known.waiting, known.stored]) {',
    'for (const batches of [known.stored]) {',
  ),
  bug(
    'retry-elsewhere-not-known',
    'what a replica holds of a producer is not known when that producer turns to it',
    log,
    'if (batch.baseOffset < this.end) this.#journal.marked(this, producer, batch)',
    'if (batch.baseOffset < 0) this.#journal.marked(this, producer, batch)',
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
  ),
  bug(
    'trim-forgets-where-it-was',
    'what was trimmed comes back from peers',
    'src/log/trimming.ts',
    'segments.push(Segment.bound(folder, last.end, world.settings.indexIntervalBytes, last))',
    'world.disk.removeFile(path)\n  segments.push(Segment.bound(folder, 0, world.settings.indexIntervalBytes))',
  ),
  bug(
    'mended-once-only',
    'a segment that is damaged a second time is not healed',
    'src/log/soundness.ts',
    'damage.segment.corrupt = false',
    '',
  ),
]
