/**
 * Brings back what is missing at the beginning of a log, from whoever has it: frames are written to files of their own
 * (`.restored`), and become segments only when all of them are there, are synced, and lead by their chain hash to what the
 * log has; the last one first, so that what a crash leaves is still one piece.
 *
 * Where those who are asked have trimmed it, the log begins where the one that reaches back furthest does, and is marked so.
 */

import type { DiskFile } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { chainAfter, chainSeed, type FrameMark, markOf, storedChain } from './frame.ts'
import { saveIndex } from './index-file.ts'
import type { Mending, Missing } from './mend.ts'
import { type Place, scanFrames, sourceOfBytes } from './scan.ts'
import { Segment } from './segment.ts'
import type { SoundLog } from './soundness.ts'
import { type LostStart, markStart } from './start-mark.ts'

export class LostStartMend implements Mending {
  readonly #log: SoundLog
  readonly #lost: LostStart
  /** Where the records begin that come back. */
  #from: number
  #place: Place
  readonly #pieces: { readonly segment: Segment; readonly path: string }[] = []
  /** That of the last piece; the others are synced and closed. */
  #file: DiskFile | undefined
  /** Where the one begins that reaches back furthest of those who trimmed what was asked for. */
  #trimmedTo: number | undefined
  /** Somebody has it, or should have, and cannot give it now. */
  #heldElsewhere = false
  writtenBytes = 0

  constructor(log: SoundLog, lost: LostStart) {
    this.#log = log
    this.#lost = lost
    this.#from = lost.from
    this.#place = this.#beginning()
  }

  get offset(): number {
    return this.#place.offset
  }

  get isGone(): boolean {
    return this.#log.lost !== this.#lost
  }

  get missing(): Missing | undefined {
    const { to } = this.#lost
    return this.offset < to ? { ...this.#place, until: to } : undefined
  }

  async open(): Promise<void> {
    this.#log.mendable.makeFolder()
  }

  advance(): boolean {
    return false
  }

  async rescue(): Promise<boolean> {
    return false
  }

  async take(frames: Uint8Array): Promise<void> {
    const scan = scanFrames(sourceOfBytes(frames), this.#place)
    let taken = 0
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done) {
        if (taken > 0 || !step.value.fault) return
        const code = step.value.fault === 'chain' ? 'LOG_DIVERGED' : 'DATA_CORRUPT'
        throw new ReeveError(code, `the frame for ${this.#log.key} at ${this.offset} does not fit: ${step.value.fault}`)
      }
      if (step.value.endOffset > this.#lost.to) return
      const { frame } = step.value
      await this.#write(frame, markOf(step.value, frame))
      this.#place = { offset: step.value.endOffset, chain: step.value.chain }
      taken++
    }
  }

  /** The donor has less than all of it. */
  refused(error: ReeveError): void {
    const start = error.code === 'OFFSET_TRIMMED' ? Number(error.facts.start) : undefined
    if (start !== undefined) this.#trimmedTo = Math.min(start, this.#trimmedTo ?? start)
    else if (error.code === 'DATA_CORRUPT') this.#heldElsewhere = true
  }

  /** Everybody was asked. True: the log begins where the others do, and that is all that was missing, or less. */
  settle(): boolean {
    const start = this.#trimmedTo
    if (start === undefined || this.#heldElsewhere || start <= this.offset || this.#pieces.length > 0) return false
    this.#from = Math.min(start, this.#lost.to)
    this.#place = this.#beginning()
    this.#trimmedTo = undefined
    return true
  }

  async finish(): Promise<void> {
    const { world, folder, segments } = this.#log.mendable
    const { disk, report } = world
    if (!this.#joins())
      throw new ReeveError('LOG_DIVERGED', `${this.#log.key}: what comes back does not lead to what is here`)
    if (this.#from > this.#lost.from) await markStart(disk, folder, this.#from)
    await this.#closeFile()
    let { to } = this.#lost
    for (const { segment, path } of this.#pieces.splice(0).reverse()) {
      if (segments[0]?.base !== to) break
      disk.rename(path, segment.path)
      saveIndex(disk, segment, chainSeed(this.#log.id))
      segment.marked = undefined
      segments.unshift(segment)
      to = segment.base
      this.#log.lost = to > this.#from ? { ...this.#lost, to } : undefined
      await disk.syncFolder(folder)
    }
    this.#log.lost = undefined
    if (this.#from > this.#lost.from) report({ kind: 'trimmedElsewhere', log: this.#log.key, start: this.#from })
  }

  /** What was not finished is of no use. */
  close(): void {
    try {
      this.#file?.close()
      for (const { path } of this.#pieces.splice(0)) this.#log.mendable.world.disk.removeFile(path)
    } catch {
      // The next opening removes it.
    }
  }

  #beginning(): Place {
    return { offset: this.#from, chain: this.#from === 0 ? chainSeed(this.#log.id) : undefined }
  }

  async #write(frame: Uint8Array, mark: FrameMark): Promise<void> {
    const { world, folder } = this.#log.mendable
    let piece = this.#pieces.at(-1)
    if (!piece || piece.segment.bytes + frame.length > this.#log.segmentMaxBytes) {
      const segment = new Segment(folder, mark.baseOffset, world.settings.indexIntervalBytes)
      piece = { segment, path: segment.path.replace(/log$/, 'restored') }
      await this.#closeFile()
      this.#pieces.push(piece)
      this.#file = world.disk.open(piece.path, 'write')
      this.#file.truncate(0)
    }
    this.#file?.write(frame, piece.segment.bytes)
    piece.segment.extend(mark)
    this.writtenBytes += frame.length
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    try {
      await file?.sync()
    } finally {
      file?.close()
    }
  }

  /** Whether the first frame that is here follows the last one that came. */
  #joins(): boolean {
    const { world, segments } = this.#log.mendable
    const [first] = segments
    const { chain } = this.#place
    if (!first || first.bytes === 0 || chain === undefined) return true
    const frame = first.firstFrame(world.files)
    return chainAfter(chain, frame) === storedChain(frame)
  }
}
