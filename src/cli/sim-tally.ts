/** What came of many runs: how many failed and which, how far they are, and whether a seed that ran twice did the same. */

import type { ScenarioResult } from '../simulation/scenario.ts'
import { addCounts, neverReached, rareStates, type Sometimes, type SometimesCounts } from '../simulation/sometimes.ts'
import type { Dealt } from './dealt-runs.ts'
import { grouped } from './output.ts'

interface Noted {
  /** It broke a promise, or was not the same as the first run of its seed. */
  readonly failed: boolean
  readonly isFirst: boolean
}

export class SimTally {
  readonly #expected: number
  readonly #perSeed: number
  readonly #beganMs = performance.now()
  /** Of seeds whose second run is to come. */
  readonly #traces = new Map<number, string | undefined>()
  readonly #broke = new Set<number>()
  readonly #differed = new Set<number>()
  readonly #reached: { readonly had: ReadonlySet<string>; readonly sometimes: SometimesCounts }[] = []
  #done = 0
  #simulatedMs = 0

  constructor(seeds: number, twice: boolean) {
    this.#perSeed = twice ? 2 : 1
    this.#expected = seeds * this.#perSeed
  }

  note(dealt: Dealt<{ readonly result: ScenarioResult }>): Noted {
    const { seed } = dealt
    const result = 'run' in dealt ? dealt.run.result : undefined
    this.#done++
    this.#simulatedMs += result?.simulatedMs ?? 0
    const broke = result === undefined || result.violations.length > 0
    if (broke) this.#broke.add(seed)
    const trace = result?.traceHash
    const isFirst = !this.#traces.has(seed)
    if (result && isFirst) this.#reached.push({ had: new Set(result.had), sometimes: result.sometimes })
    const differed = !isFirst && this.#traces.get(seed) !== trace
    if (differed) this.#differed.add(seed)
    if (!isFirst) this.#traces.delete(seed)
    else if (this.#perSeed > 1) this.#traces.set(seed, trace)
    return { failed: broke || differed, isFirst }
  }

  /** Seeds. */
  get failed(): number {
    return new Set([...this.#broke, ...this.#differed]).size
  }

  /** Rare states that the runs could have reached, and none did. */
  get neverReached(): Sometimes[] {
    return neverReached(this.#reached)
  }

  /** On a terminal, in one line that the next output replaces. */
  showProgress(): void {
    if (!process.stderr.isTTY || this.#expected === 1) return
    const { failed } = this
    const text = `${grouped(this.#done)} of ${grouped(this.#expected)} runs, ${grouped(failed)} failed, ${this.#speed()}`
    process.stderr.write(`\x1b[K${text}\r`)
  }

  endProgress(): void {
    if (process.stderr.isTTY && this.#expected > 1) process.stderr.write('\x1b[K')
  }

  summary(): string {
    const runs = `${grouped(this.#done)} runs${this.#perSeed > 1 ? ', every seed twice' : ''}`
    const verdict = this.failed === 0 ? 'every promise kept' : `${grouped(this.failed)} seeds failed`
    const list = (what: string, seeds: ReadonlySet<number>): string =>
      seeds.size === 0 ? '' : `  ${what}: ${[...seeds].join(' ')}\n`
    return (
      `${runs}: ${verdict}; ${this.#speed()}\n` +
      list('promises broken by seeds', this.#broke) +
      list('not the same the second time', this.#differed) +
      this.#sometimes()
    )
  }

  #sometimes(): string {
    const counts = this.#reached.reduce((sum, { sometimes }) => addCounts(sum, sometimes), {} as SometimesCounts)
    const never = this.neverReached
    const lines = (Object.keys(rareStates) as Sometimes[]).map((name) => {
      const verdict = never.includes(name) ? '; never reached: the simulation does not do its work' : ''
      return `  ${grouped(counts[name] ?? 0).padStart(9)}  ${rareStates[name].says}${verdict}\n`
    })
    return `sometimes:\n${lines.join('')}`
  }

  #speed(): string {
    const minutes = this.#simulatedMs / 60_000
    const seconds = (performance.now() - this.#beganMs) / 1000
    return `${grouped(Math.round(minutes))} simulated minutes in ${seconds.toFixed(0)} s (${(minutes / seconds).toFixed(1)} a second)`
  }
}
