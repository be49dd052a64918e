/** What a figure is given, and what it gives. */

import type { Stage } from './stage.ts'

export interface Bench {
  readonly stage: Stage
  readonly repetitions: number
  /** Shorter and rougher, to see that it works. */
  readonly quick: boolean
}

/** One line of the table: the samples of all repetitions. */
export interface Row {
  readonly name: string
  readonly unit: 'ms' | 'records/s' | 'min/s' | '/s' | 'B/s' | '%' | 'MiB'
  readonly samples: number[]
  /** Name of the row that this one is divided by. */
  readonly beside?: string
}

export type Figure = (bench: Bench) => Promise<Row[]>

/** Rows by name, filled as the repetitions go. */
export class Rows {
  readonly #rows = new Map<string, Row>()

  add(name: string, unit: Row['unit'], sample: number, beside?: string): void {
    const row = this.#rows.get(name) ?? { name, unit, samples: [], ...(beside !== undefined && { beside }) }
    row.samples.push(sample)
    this.#rows.set(name, row)
  }

  list(): Row[] {
    return [...this.#rows.values()]
  }
}

/** `fraction` 0.5 is the median; between two samples it takes the lower one. */
export function quantile(samples: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN
}
