/**
 * What is wrong with a disk at present: troubles with names, as plain data, until each is mended. Owns what they do to
 * an operation; what is stored is not its business.
 */

import type { SeededRandom } from './random.ts'

export type DiskOperation = 'open' | 'read' | 'write' | 'sync' | 'syncFolder' | 'rename' | 'remove' | 'makeFolder'

export type DiskTrouble =
  /** These operations fail with this errno: so many times, or until it is mended. */
  | {
      readonly kind: 'error'
      readonly operations: readonly DiskOperation[]
      readonly code: string
      readonly times?: number
    }
  /** Remounted read-only, as systems do after errors: nothing is written, nothing synced; EROFS. */
  | { readonly kind: 'readOnly' }
  /** Somebody else filled it: so much room is left from now on; ENOSPC. */
  | { readonly kind: 'full'; readonly freeBytes: number }
  /** Each sync takes up to so much longer. */
  | { readonly kind: 'slow'; readonly upToMs: number }
  /** Syncs of files and folders succeed, and a power cut takes what they covered: all, or those below a folder. */
  | { readonly kind: 'lying'; readonly below?: string }

interface Open {
  readonly trouble: DiskTrouble
  /** How often it has struck. */
  struck: number
  /** Of a disk that somebody filled. */
  readonly capacityBytes: number
}

const changing: ReadonlySet<DiskOperation> = new Set(['write', 'sync', 'syncFolder', 'rename', 'remove', 'makeFolder'])

export class DiskTroubles {
  /** How many operations failed for one of them. */
  failures = 0
  readonly #open = new Map<string, Open>()

  get count(): number {
    return this.#open.size
  }

  get isLying(): boolean {
    return this.#has('lying')
  }

  /** Whether a sync of this file or folder is a lie. */
  liesOf(path: string): boolean {
    for (const { trouble } of this.#open.values()) {
      if (trouble.kind === 'lying' && (trouble.below === undefined || path.startsWith(trouble.below))) return true
    }
    return false
  }

  /** The errno by which opening a file to write it fails. */
  codeOfOpening(): string | undefined {
    return this.#has('readOnly') ? this.#failed('EROFS') : undefined
  }

  /** Takes the place of the last one of this name. */
  begin(name: string, trouble: DiskTrouble, usedBytes: number): void {
    const room = trouble.kind === 'full' ? trouble.freeBytes : Number.POSITIVE_INFINITY
    this.#open.set(name, { trouble, struck: 0, capacityBytes: usedBytes + room })
  }

  /** Without a name: all of them. */
  end(name?: string): void {
    if (name === undefined) this.#open.clear()
    else this.#open.delete(name)
  }

  /** The errno by which this operation fails. */
  codeOf(operation: DiskOperation): string | undefined {
    for (const [name, open] of this.#open) {
      const { trouble } = open
      if (trouble.kind === 'readOnly' && changing.has(operation)) return this.#failed('EROFS')
      if (trouble.kind !== 'error' || !trouble.operations.includes(operation)) continue
      if (trouble.times !== undefined && ++open.struck >= trouble.times) this.#open.delete(name)
      return this.#failed(trouble.code)
    }
    return undefined
  }

  /** What may be stored while they last. */
  get capacityBytes(): number {
    return Math.min(...[...this.#open.values()].map(({ capacityBytes }) => capacityBytes))
  }

  outOfRoom(): void {
    this.failures++
  }

  /** What a sync takes longer. Draws nothing when nothing is slow. */
  delayMs(random: SeededRandom): number {
    let delayMs = 0
    for (const { trouble } of this.#open.values())
      if (trouble.kind === 'slow') delayMs += random.fraction() * trouble.upToMs
    return delayMs
  }

  #failed(code: string): string {
    this.failures++
    return code
  }

  #has(kind: DiskTrouble['kind']): boolean {
    for (const { trouble } of this.#open.values()) if (trouble.kind === kind) return true
    return false
  }
}
