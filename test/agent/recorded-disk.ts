/** The disk of one node of a test, through all its runs, as their recordings tell it. */

import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { differenceTo } from '../../src/simulation/recording/difference.ts'
import { type DiskStep, decodeSteps, type TimedStep } from '../../src/simulation/recording/disk-step.ts'
import type { ReplayedDisk } from '../../src/simulation/recording/replayed-disk.ts'

export class RecordedDisk {
  readonly folder: string
  #path: string | undefined
  /** Of the file of steps, what was read. */
  #read = 0
  #waiting: TimedStep[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  /** A run begins that tells its steps in this file; the one before, if any, has ended. */
  begin(path: string): void {
    this.#path = path
    this.#read = 0
  }

  /** The steps told up to this moment, each given once. */
  until(atMs: number): TimedStep[] {
    this.#fetch()
    const later = this.#waiting.findIndex((step) => step.atMs > atMs)
    return this.#waiting.splice(0, later === -1 ? this.#waiting.length : later)
  }

  /**
   * The process is gone and all its steps were applied to `replayed`: the disk is as they say, but for one that the process
   * could not tell any more. Returns what is to be applied for it.
   */
  ended(replayed: ReplayedDisk): readonly DiskStep[] {
    if (this.#path === undefined) return []
    this.#path = undefined
    const { steps, unexplained } = differenceTo(createRealDisk(), this.folder, replayed)
    // A step that gives a file another name is seen at both.
    assert.ok(unexplained.length <= 2, `the disk is not as its recording says: ${unexplained.join(', ')}`)
    return [...steps, { kind: 'ended' }]
  }

  #fetch(): void {
    if (this.#path === undefined) return
    let fd: number
    try {
      fd = openSync(this.#path, 'r')
    } catch {
      // It has not begun yet.
      return
    }
    try {
      const bytes = Buffer.alloc(fstatSync(fd).size - this.#read)
      const count = readSync(fd, bytes, 0, bytes.length, this.#read)
      const { steps, used } = decodeSteps(bytes.subarray(0, count))
      this.#read += used
      this.#waiting.push(...steps)
    } finally {
      closeSync(fd)
    }
  }
}
