/** What is wanted of the figures, in one place. */

import { median, type Row, ratios } from './figure.ts'
import { consumeNames } from './figures/consume.ts'
import { copiesNames } from './figures/copies.ts'
import { idleNames } from './figures/idle.ts'
import { inspectNames } from './figures/inspect.ts'
import { lagNames } from './figures/lag.ts'
import { openNames } from './figures/open.ts'
import { produceNames } from './figures/produce.ts'
import { replicateNames } from './figures/replicate.ts'
import { singleNames } from './figures/single.ts'
import { tailNames } from './figures/tail.ts'
import { unaryNames } from './figures/unary.ts'

/** The median of a row, or of its ratio to the row beside it. */
export interface Goal {
  readonly figure: string
  readonly row: string
  readonly beside?: string
  readonly atLeast?: number
  readonly atMost?: number
  /** Of the goals of one row that share this word, one is enough. */
  readonly either?: string
}

const overTls = 0.7

export const goals: readonly Goal[] = [
  { figure: 'produce', row: produceNames.batches, atLeast: 3_000_000 },
  { figure: 'produce', row: produceNames.batches, beside: produceNames.redis.always, atLeast: 8 },
  { figure: 'produce', row: produceNames.batches, beside: produceNames.nats, atLeast: 12 },
  { figure: 'produce', row: produceNames.library, atLeast: 1_000_000 },
  { figure: 'produce', row: produceNames.singles, atLeast: 500_000 },
  { figure: 'copies', row: copiesNames.three, beside: copiesNames.nats, atLeast: 10 },
  { figure: 'single', row: singleNames.reeve.p50, beside: singleNames.always.p50, atMost: 1 },
  { figure: 'single', row: singleNames.reeve.p99, beside: singleNames.always.p99, atMost: 1 },
  { figure: 'single', row: singleNames.two.p50, beside: singleNames.nats3.p50, atMost: 2 },
  { figure: 'unary', row: unaryNames.reeve, atLeast: 26_000, either: 'rate' },
  { figure: 'unary', row: unaryNames.reeve, beside: unaryNames.bare, atLeast: 0.8, either: 'rate' },
  { figure: 'consume', row: consumeNames.library, atLeast: 5_000_000 },
  { figure: 'consume', row: consumeNames.library, beside: consumeNames.redis, atLeast: 4 },
  { figure: 'consume', row: consumeNames.library, beside: consumeNames.nats, atLeast: 8 },
  { figure: 'consume', row: consumeNames.together, atLeast: 5_000_000 },
  { figure: 'consume', row: consumeNames.together, beside: consumeNames.redis, atLeast: 4 },
  { figure: 'consume', row: consumeNames.together, beside: consumeNames.nats, atLeast: 8 },
  { figure: 'consume', row: consumeNames.batches, atLeast: 1000 },
  { figure: 'consume', row: consumeNames.singles, atLeast: 1_500_000 },
  { figure: 'replicate', row: replicateNames.reeve, atLeast: 2_000_000 },
  { figure: 'lag', row: lagNames.slow.p50, atMost: 1 },
  { figure: 'lag', row: lagNames.slow.p99, atMost: 5 },
  { figure: 'lag', row: lagNames.fast.p99, atMost: 10 },
  { figure: 'tail', row: tailNames.cpu, atMost: 0.1 },
  { figure: 'tail', row: tailNames.wake, atMost: 0.4 },
  { figure: 'idle', row: idleNames.memory, atMost: 2 },
  { figure: 'idle', row: idleNames.files, atMost: 64 },
  { figure: 'inspect', row: inspectNames.on, beside: inspectNames.off, atMost: 1.03 },
  { figure: 'open', row: openNames.clean, atMost: 2000 },
  { figure: 'open', row: openNames.crash, atMost: 5000 },
]

export interface Verdict {
  readonly beside: string | undefined
  /** `≥ 8 ×` */
  readonly text: string
  readonly met: boolean
}

/** Of each goal of the row that can be judged. */
export function verdicts(figure: string, row: Row, rows: readonly Row[]): Verdict[] {
  const wanted = [...goals.filter((goal) => goal.figure === figure && goal.row === row.name), ...tlsGoals(figure, row)]
  const judged = wanted.flatMap((goal) => {
    const other = rows.find(({ name }) => name === goal.beside)
    if (goal.beside !== undefined && !other) return []
    const value = median(other ? ratios(row, other) : row.samples)
    const met = value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity)
    return [{ beside: goal.beside, text: textOf(goal, row), met, either: goal.either }]
  })
  return judged.map(({ either, ...verdict }) => ({
    ...verdict,
    met: verdict.met || (either !== undefined && judged.some((other) => other.either === either && other.met)),
  }))
}

/** Every row of that figure has one beside it without TLS. */
function tlsGoals(figure: string, row: Row): Goal[] {
  if (figure !== 'tls') return []
  return (row.beside ?? []).map((beside) => ({
    ...{ figure, row: row.name, beside },
    ...(row.unit === 'ms' ? { atMost: 1 / overTls } : { atLeast: overTls }),
  }))
}

function textOf({ beside, atLeast, atMost }: Goal, { unit }: Row): string {
  const bound = atLeast ?? (atMost as number)
  const number = bound >= 1e6 ? `${bound / 1e6} M` : bound.toLocaleString('en', { maximumFractionDigits: 2 })
  return `${atLeast === undefined ? '≤' : '≥'} ${number} ${beside === undefined ? unit : '×'}`
}
