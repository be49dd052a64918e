/** The files of `reeve sim`: plans, traces and pictures. What cannot be read or written is `CONFIG_INVALID`, by its name. */

import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { ReeveError } from '../errors.ts'
import { type Plan, planMaxBytes, planText, readPlan } from '../simulation/plan.ts'

export function loadPlan(path: string): Plan {
  const text = attempt(path, () => {
    const { size } = statSync(path)
    if (size > planMaxBytes) throw new Error(`a plan has at most ${planMaxBytes} bytes, and this has ${size}`)
    return readFileSync(path, 'utf8')
  })
  const plan = readPlan(text)
  if (!plan.ok) throw new ReeveError('CONFIG_INVALID', `${path}: ${plan.problem}`)
  return plan.value
}

export function savePlan(path: string, plan: Plan): void {
  saveText(path, planText(plan))
}

export function saveText(path: string, text: string): void {
  attempt(path, () => writeFileSync(path, text))
}

/** Text that is written as it comes; only a piece of it is ever in memory. */
export class TextFile {
  readonly #path: string
  readonly #file: number
  #pieces: string[] = []
  #length = 0

  constructor(path: string) {
    this.#path = path
    this.#file = attempt(path, () => openSync(path, 'w'))
  }

  write(text: string): void {
    this.#pieces.push(text)
    this.#length += text.length
    if (this.#length >= pieceLength) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pieces.join(''))
    this.#pieces = []
    this.#length = 0
    for (let at = 0; at < bytes.length; ) at += attempt(this.#path, () => writeSync(this.#file, bytes, at))
  }
}

const pieceLength = 256 * 1024

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new ReeveError('CONFIG_INVALID', `${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
