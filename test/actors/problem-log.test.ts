import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { ProblemLog } from '../../src/actors/problem-log.ts'
import type { Clock } from '../../src/env/env.ts'
import { realClock } from '../../src/env/real-clock.ts'

test('all problems are counted, few are logged, and the log says how many it left out', () => {
  const lines: { msg: string; count?: number; detail?: string }[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  let nowMs = 0
  const clock: Clock = { ...realClock, monotonicMs: () => nowMs }
  const problems = new ProblemLog(log, clock)
  for (let i = 0; i < 1000; i += 1) problems.add('malformed', 'x'.repeat(5000), { host: '10.0.0.1', port: 1 })
  assert.equal(problems.counts.get('malformed'), 1000)
  assert.equal(lines.length, 10)
  assert.equal(lines[0]?.detail?.length, 200)
  nowMs = 10_000
  problems.add('slow', 'again')
  assert.deepEqual(
    lines.slice(10).map(({ msg, count }) => [msg, count]),
    [
      ['more problems in gossip were not logged', 990],
      ['gossip', undefined],
    ],
  )
})
