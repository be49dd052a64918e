/**
 * What it is worth to know that one's own event loop was blocked: simulated clusters of 100 members of the core, with
 * and without, in virtual time; `npm run bench` leaves it out, as nothing here depends on the machine:
 *
 *     node .tools/run.mjs --file test/bench/figures/stalls.ts [SEEDS] [SECONDS]
 *
 * Printed for each kind of load, summed over the seeds: blocked times of 1 to 5 s; how often a living member was failed
 * in the eyes of another one (among those that never stall, among those that do); and the median of when half of the
 * members saw that one had really crashed at the beginning, with in how many seeds they did.
 *
 * Two seeds of 40 s each gave, unaware and aware: 146 and 0 failures where all are blocked nearly always (a real crash
 * seen after 16.5 s; after 38 s with one seed, with the other not in time), 24 and 0 at three quarters of the time (11 and
 * 18 s), 3 and 0 at a quarter.
 */

import { runStalling } from '../../gossip/stalling-cluster.ts'
import { quantile } from '../figure.ts'

const [seeds = 2, seconds = 40] = process.argv.slice(2).map(Number)
const loads = [
  { name: 'all blocked nearly always (they run for 0.1 s at a time)', stalling: 100, meanRunMs: 100 },
  { name: 'all blocked three quarters of the time', stalling: 100, meanRunMs: 1_000 },
  { name: 'all blocked a quarter of the time', stalling: 100, meanRunMs: 10_000 },
  { name: 'twenty of them blocked three quarters of the time', stalling: 20, meanRunMs: 1_000 },
]

for (const { name, stalling, meanRunMs } of loads) {
  process.stdout.write(`${name}\n`)
  for (const aware of [false, true]) {
    const sum = { stalls: 0, steady: 0, busy: 0 }
    const seenMs: number[] = []
    for (let seed = 1; seed <= seeds; seed += 1) {
      const forMs = seconds * 1000
      const run = runStalling({ seed, profile: 'lan', members: 100, stalling, meanRunMs, forMs, aware })
      sum.stalls += run.stalls
      sum.steady += run.steadyFailed
      sum.busy += run.stallingFailed
      if (run.crashSeenMs !== undefined) seenMs.push(run.crashSeenMs)
    }
    const seen = seenMs.length > 0 ? `seen after ${(quantile(seenMs, 0.5) / 1000).toFixed(1)} s` : 'not seen'
    process.stdout.write(
      `  ${aware ? 'aware  ' : 'unaware'}  ${sum.stalls} stalls; failed: ${sum.steady} steady, ${sum.busy} stalling; ` +
        `a crash ${seen} (${seenMs.length} of ${seeds})\n`,
    )
  }
}
