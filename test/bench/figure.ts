/** What a figure is given, and what it gives. */

import type { Stage } from './stage.ts'

export interface Bench {
  readonly stage: Stage
  readonly repetitions: number
  /** Shorter and rougher, to see that it works. */
  readonly quick: boolean
  /** Says why something is left out. */
  readonly note: (text: string) => void
}

export type Unit =
  | ('ms' | 'records/s' | 'calls/s' | 'MB/s' | 'min/s' | '/s' | 'B/s')
  | ('%' | 'MiB' | 'KiB' | 'files' | 'packets')

/** A peer is another system, a limit what the machine does when nothing else is asked of it. */
export type Side = 'reeve' | 'peer' | 'limit'

/** When an acknowledgement comes: after the data is on the device, before that, or there is nothing to acknowledge. */
export type Acks = 'fsync' | 'no fsync'

export interface RowFacts {
  readonly side?: Side
  readonly acks?: Acks
  /** Names of the rows that this one is divided by, repetition by repetition. */
  readonly beside?: readonly string[]
}

/** One line of the table: the samples of all repetitions. */
export interface Row extends RowFacts {
  readonly name: string
  readonly unit: Unit
  readonly samples: number[]
}

export type Figure = (bench: Bench) => Promise<Row[]>

/** Rows by name, filled as the repetitions go. */
export class Rows {
  readonly #rows = new Map<string, Row>()

  add(name: string, unit: Unit, sample: number, facts: RowFacts = {}): void {
    const row = this.#rows.get(name) ?? { name, unit, samples: [], ...facts }
    row.samples.push(sample)
    this.#rows.set(name, row)
  }

  list(): Row[] {
    return [...this.#rows.values()]
  }
}

/** Runs once and adds what it measured. */
export type Contender = (rows: Rows) => Promise<void>

/** All in turn, A B C, B C A, …: nobody is always behind the same. The first round is for warming up and counts for nothing. */
export async function contest({ stage, repetitions }: Bench, contenders: readonly Contender[]): Promise<Row[]> {
  const rows = new Rows()
  for (let round = 0; round <= repetitions; round++) {
    const into = round === 0 ? new Rows() : rows
    for (let turn = 0; turn < contenders.length; turn++) {
      await stage.settle()
      await contenders[(contenders.length + round - 1 + turn) % contenders.length]?.(into)
    }
  }
  return rows.list()
}

/** `fraction` 0.5 is the median; between two samples it takes the lower one. */
export function quantile(samples: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN
}

/** Between two samples in the middle, their mean. */
export function median(samples: readonly number[]): number {
  const sorted = Float64Array.from(samples).sort()
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1]
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2
}

/** Of each repetition the one sample by the other. */
export function ratios(row: Row, other: Row): number[] {
  return row.samples.slice(0, other.samples.length).map((sample, index) => sample / (other.samples[index] as number))
}
