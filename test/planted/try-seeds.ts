/** Runs a bundled trial in a process of its own, and watches whether it comes to rest. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Trial, TrialOrder } from './trials.ts'

/** A run that takes so long, or so much memory, does not come to rest: that is a finding, too. */
const runMaxMs = 90_000
const heapMaxMiB = 1024

export interface Outcome {
  /** Of the last run. */
  readonly seed: number
  /** Up to the one that broke a promise, or all. */
  readonly seeds: number
  readonly judge: string | undefined
  readonly found: string
}

/** `main`: a bundle of `trials.ts`. Throws when not even a run came of it. */
export async function trySeeds(main: string, order: TrialOrder): Promise<Outcome> {
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMaxMiB}`, main, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let isRestless = false
  const watch = setTimeout(() => {
    isRestless = true
    child.kill('SIGKILL')
  }, runMaxMs)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  let seeds = 0
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      seeds++
      watch.refresh()
      const { seed, judge, found = '' } = JSON.parse(line) as Trial
      if (judge !== undefined) return { seed, seeds, judge, found }
    }
    const code = await ended
    const seed = order.firstSeed + seeds
    if (isRestless) return { seed, seeds: seeds + 1, judge: 'the clock', found: `no rest within ${runMaxMs / 1000} s` }
    if (code === 0) return { seed: seed - 1, seeds, judge: undefined, found: '' }
    // Before the first run: a bundle that does not load proves nothing.
    if (/ERR_MODULE|SyntaxError/.test(said)) throw new Error(`no run comes of ${main}: ${said}`)
    return { seed, seeds: seeds + 1, judge: 'its process', found: `exit code ${code}: ${said.replaceAll('\n', ' ')}` }
  } finally {
    clearTimeout(watch)
    child.kill('SIGKILL')
    await ended
  }
}
