import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chartOf } from './chart.ts'
import type { Row } from './figure.ts'
import { produceNames } from './figures/produce.ts'
import { unaryNames } from './figures/unary.ts'
import { verdicts } from './goals.ts'
import { parseRun, withFigures, withSummary } from './report.ts'
import { ratiosOf } from './table.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')

describe('the report of the benchmark', () => {
  it('the page and the chart are those of the run that is kept: else `npm run bench -- --report` it again', () => {
    const run = parseRun(read('speed.json'))
    assert.equal(read('speed.svg'), chartOf(run))
    assert.equal(read('README.md'), withFigures(read('README.md'), run))
    const front = read(join('..', '..', 'README.md'))
    assert.equal(front, run.quick ? front : withSummary(front, run))
  })

  it('a ratio is of two runs of one repetition, not of two medians', () => {
    const rows: Row[] = [
      { name: 'ours', unit: 'records/s', samples: [100, 10, 1000], beside: ['theirs', 'not measured'] },
      { name: 'theirs', unit: 'records/s', samples: [10, 5, 1000] },
    ]
    assert.deepEqual(ratiosOf(rows[0]!, rows), [{ beside: 'theirs', median: 2, least: 1, greatest: 10 }])
  })

  it('a goal is judged by the median, and one on a ratio only where the other was measured', () => {
    const batches: Row = { name: produceNames.batches, unit: 'records/s', samples: [1e6, 3e6, 4e6] }
    const redis: Row = { name: produceNames.redis.always, unit: 'records/s', samples: [1e6, 3e6, 1e6] }
    assert.deepEqual(verdicts('produce', batches, [batches, redis]), [
      { beside: undefined, text: '≥ 3 M records/s', met: true },
      { beside: produceNames.redis.always, text: '≥ 8 ×', met: false },
    ])
  })

  it('of two goals where one is enough, one is enough', () => {
    const ours: Row = { name: unaryNames.reeve, unit: 'calls/s', samples: [20_000] }
    const bare: Row = { name: unaryNames.bare, unit: 'calls/s', samples: [22_000] }
    assert.deepEqual(
      verdicts('unary', ours, [ours, bare]).map(({ met }) => met),
      [true, true],
    )
    assert.deepEqual(
      verdicts('unary', ours, [ours]).map(({ met }) => met),
      [false],
    )
  })
})
