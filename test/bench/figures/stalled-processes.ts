/**
 * What it is worth to know that one's own event loop was blocked, with real processes: the smaller brother of
 * `stalls.ts`; left out of `npm run bench`, as it takes minutes and what it counts is rare:
 *
 *     node .tools/run.mjs --file test/bench/figures/stalled-processes.ts [SECONDS] [PROCESSES]
 *
 * All are blocked again and again, for 1 to 5 s each time. Printed for each load, unaware and aware of it: blocked
 * times, and how often a living member was failed in the eyes of another one.
 *
 * A minute of 16 processes on two cores gave, unaware and aware: 1 and 0 failures with profile lan, whose suspects have
 * five seconds and more; 86 and 0 (of some 300 stalls each) with profile local, which gives them three and a half; 48 and
 * 0 when they run for a second at a time.
 */

import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { ProfileName } from '../../../src/gossip/profile.ts'
import { scriptOf } from '../script.ts'
import type { Report } from './stalled-member.ts'

const [seconds = 120, count = 16] = process.argv.slice(2).map(Number)
const script = await scriptOf(join(import.meta.dirname, 'stalled-member.ts'))

interface Load {
  readonly profile: ProfileName
  /** Between two stalls, on average. */
  readonly runMs: number
}

function start(name: string, seed: string, { profile, runMs }: Load, aware: boolean) {
  const child = fork(script, [name, seed, profile, aware ? 'aware' : 'unaware', String(runMs)])
  const heard = new EventEmitter()
  const state = { address: '', alive: 1, failures: 0, blocked: 0 }
  child.on('message', (report: Report) => {
    if (report.kind === 'bound') state.address = report.address
    if (report.kind === 'alive') state.alive = report.count
    if (report.kind === 'failed') state.failures += 1
    if (report.kind === 'blocked') state.blocked = report.times
    heard.emit('report')
  })
  const until = async (condition: () => boolean) => {
    while (!condition()) await once(heard, 'report', { signal: AbortSignal.timeout(60_000) })
  }
  return { child, state, until }
}

async function run(load: Load, aware: boolean): Promise<string> {
  const first = start('node-0', '-', load, aware)
  const all = [first]
  try {
    await first.until(() => first.state.address !== '')
    for (let i = 1; i < count; i += 1) all.push(start(`node-${i}`, first.state.address, load, aware))
    await Promise.all(all.map((one) => one.until(() => one.state.alive === count)))
    for (const { child } of all) child.send('stall')
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
    const sum = (what: 'failures' | 'blocked') => all.reduce((total, { state }) => total + state[what], 0)
    return `${sum('blocked')} stalls, ${sum('failures')} failed`
  } finally {
    for (const { child } of all) child.kill('SIGKILL')
  }
}

const loads: readonly Load[] = [
  { profile: 'lan', runMs: 100 },
  { profile: 'local', runMs: 100 },
  { profile: 'local', runMs: 1000 },
]

for (const load of loads) {
  for (const aware of [false, true]) {
    const outcome = await run(load, aware)
    process.stdout.write(
      `${count} processes, profile ${load.profile}, run for ${load.runMs} ms at a time, ` +
        `${aware ? 'aware' : 'unaware'}: ${outcome}\n`,
    )
  }
}
