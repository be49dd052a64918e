/**
 * The offline check: every frame and every chain of data folders, and whether the copies of a log agree. Reads only;
 * the folders should not be in use, else the last frames of a log may be found half written.
 */

import type { Disk } from '../env/env.ts'
import { logFolders, segmentFiles } from './data-dir.ts'
import { readDataFormat } from './data-format.ts'
import { chainSeed } from './frame.ts'
import { type LogId, logKey } from './log-id.ts'
import { type FrameFault, frameBehind, type Place, scanFrames, sourceOfFile } from './scan.ts'
import { segmentName } from './segment.ts'

/** `log` is a log key, `dir` one of the data folders given. */
export type Finding =
  /** One log of one folder was read to its end. `chain` is that of its last good frame, 0n when there is none. */
  | {
      readonly kind: 'log'
      readonly dir: string
      readonly log: string
      readonly start: number
      readonly end: number
      readonly frames: number
      readonly bytes: number
      readonly chain: bigint
    }
  /** The end of a last write; the next start of the node cuts it. */
  | {
      readonly kind: 'tornTail'
      readonly dir: string
      readonly log: string
      readonly path: string
      readonly bytes: number
    }
  | {
      readonly kind: 'damaged'
      readonly dir: string
      readonly log: string
      readonly path: string
      /** Byte in the file and offset in the log of the first frame that is not good. */
      readonly position: number
      readonly offset: number
      readonly fault: FrameFault
    }
  /** Frames from `expected` to `found` are missing between two segments. */
  | {
      readonly kind: 'gap'
      readonly dir: string
      readonly log: string
      readonly path: string
      readonly expected: number
      readonly found: number
    }
  /** The log does not begin where it should: all from `expected` to `found` is missing, and was not trimmed. */
  | {
      readonly kind: 'lost'
      readonly dir: string
      readonly log: string
      readonly expected: number
      readonly found: number
    }
  /** Two copies have different frames at `offset`. */
  | {
      readonly kind: 'diverged'
      readonly log: string
      readonly dirs: readonly [string, string]
      readonly offset: number
    }
  /** Was set aside by an earlier start. */
  | { readonly kind: 'quarantined'; readonly dir: string; readonly path: string }
  /** Not ours. */
  | { readonly kind: 'foreign'; readonly dir: string; readonly path: string; readonly reason: string }

/** Whether it means that records are damaged, missing or contradict each other. */
export function isHarm(finding: Finding): boolean {
  const { kind } = finding
  return kind === 'damaged' || kind === 'gap' || kind === 'lost' || kind === 'diverged'
}

/** With several folders, also compares the copies of each log. Throws `DiskError` where a folder cannot be read. */
export function* verifyDataDirs(disk: Disk, dirs: readonly string[]): Generator<Finding, void, void> {
  const logs = new Map<string, Copy[]>()
  for (const dir of dirs) {
    const marked = readDataFormat(disk, dir) > 1
    for (const found of logFolders(disk, dir)) {
      if (found.kind === 'quarantine') yield { kind: 'quarantined', dir, path: found.path }
      else if (found.kind === 'foreign') yield { kind: 'foreign', dir, path: found.path, reason: found.reason }
      else {
        const copies = logs.get(logKey(found.id)) ?? []
        copies.push(new Copy(dir, walk(disk, { dir, marked }, found.id, found.path)))
        logs.set(logKey(found.id), copies)
      }
    }
  }
  for (const [log, copies] of [...logs].sort(([a], [b]) => (a < b ? -1 : 1))) yield* compare(log, copies)
}

/** Walks all copies side by side, so that the first difference is found in one pass and constant memory. */
function* compare(log: string, copies: Copy[]): Generator<Finding, void, void> {
  for (const copy of copies) yield* copy.advance()
  for (;;) {
    const offset = Math.min(...copies.map((copy) => copy.frame?.offset ?? Number.POSITIVE_INFINITY))
    const [first, ...others] = copies.filter((copy) => copy.frame?.offset === offset)
    if (!first?.frame) return
    for (const copy of copies) {
      if (copy === first || copy.diverged || first.diverged) continue
      const same = copy.frame?.chain === first.frame.chain
      if (others.includes(copy) ? same : copy.coveredTo <= offset) continue
      copy.diverged = true
      yield { kind: 'diverged', log, dirs: [first.dir, copy.dir], offset }
    }
    for (const copy of [first, ...others]) yield* copy.advance()
  }
}

interface WalkedFrame {
  readonly kind: 'frame'
  readonly offset: number
  readonly end: number
  readonly chain: bigint
}

class Copy {
  readonly dir: string
  readonly #steps: Generator<WalkedFrame | Finding, void, void>
  /** The frame this walk stands at; undefined at the end. */
  frame: WalkedFrame | undefined
  /** End of the frame before. */
  coveredTo = 0
  diverged = false

  constructor(dir: string, steps: Generator<WalkedFrame | Finding, void, void>) {
    this.dir = dir
    this.#steps = steps
  }

  /** To the next frame; gives what was found on the way. */
  *advance(): Generator<Finding, void, void> {
    if (this.frame) this.coveredTo = this.frame.end
    this.frame = undefined
    for (let step = this.#steps.next(); !step.done; step = this.#steps.next()) {
      if (step.value.kind === 'frame') {
        this.frame = step.value
        return
      }
      yield step.value
    }
  }
}

function* walk(
  disk: Disk,
  { dir, marked }: { readonly dir: string; readonly marked: boolean },
  id: LogId,
  folder: string,
): Generator<WalkedFrame | Finding, void, void> {
  const log = logKey(id)
  const { bases, marks, foreign } = segmentFiles(disk, folder)
  for (const { path, reason } of foreign) yield { kind: 'foreign', dir, path, reason }
  const start = bases[0] ?? 0
  const expected = marks.at(-1) ?? 0
  if (marked && start > expected) yield { kind: 'lost', dir, log, expected, found: start }
  const total = { frames: 0, bytes: 0 }
  let place: Place = { offset: start, chain: start === 0 ? chainSeed(id) : undefined }
  for (const [n, base] of bases.entries()) {
    const path = `${folder}/${segmentName(base)}`
    const file = disk.open(path, 'read')
    try {
      const source = sourceOfFile(file, file.size())
      if (source.size === 0) continue
      if (base !== place.offset) {
        yield { kind: 'gap', dir, log, path, expected: place.offset, found: base }
        place = { offset: base, chain: undefined }
      }
      const scan = scanFrames(source, place)
      let step = scan.next()
      for (; !step.done; step = scan.next()) {
        total.frames++
        yield { kind: 'frame', offset: step.value.baseOffset, end: step.value.endOffset, chain: step.value.chain }
      }
      const { position, offset, chain, fault } = step.value
      total.bytes += position
      place = { offset, chain }
      if (!fault || (fault === 'zeros' && offset === (bases[n + 1] ?? offset))) continue
      const rest = source.size - position
      if (n === bases.length - 1 && !frameBehind(source, position)) {
        yield { kind: 'tornTail', dir, log, path, bytes: rest }
      } else {
        yield { kind: 'damaged', dir, log, path, position, offset, fault }
        // The rest of the segment is lost; what follows it is still looked at, from the next segment's own beginning.
        place = { offset: bases[n + 1] ?? offset, chain: undefined }
      }
    } finally {
      file.close()
    }
  }
  const { frames, bytes } = total
  yield { kind: 'log', dir, log, start, end: place.offset, frames, bytes, chain: frames > 0 ? (place.chain ?? 0n) : 0n }
}
