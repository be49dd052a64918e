/** All judges of a run, each fed with what is new, each finding told once. */

import type { Operation } from '../history.ts'
import type { DiskFact, Universe } from '../universe/universe.ts'
import { durableBeforeVisible } from './durable-before-visible.ts'
import { durableCopies } from './durable-copies.ts'
import { equalCopies } from './equal-copies.ts'
import { finallyEverywhere } from './finally-everywhere.ts'
import { finallyTaking } from './finally-taking.ts'
import { honestErrors } from './honest-errors.ts'
import type { Finding, Judge, JudgeName, Rest } from './judge.ts'
import { keptCursors } from './kept-cursors.ts'
import { knownMembers } from './known-members.ts'
import { noStepBack } from './no-step-back.ts'
import { nothingDeleted } from './nothing-deleted.ts'
import { oneContent } from './one-content.ts'
import { readYourWrites } from './read-your-writes.ts'
import { storedOnce } from './stored-once.ts'
import { timeOrder } from './time-order.ts'

export interface Verdict extends Finding {
  readonly judge: JudgeName
}

export const allJudges: readonly (() => Judge)[] = [
  oneContent,
  durableCopies,
  durableBeforeVisible,
  noStepBack,
  timeOrder,
  storedOnce,
  readYourWrites,
  keptCursors,
  nothingDeleted,
  finallyEverywhere,
  finallyTaking,
  equalCopies,
  knownMembers,
  honestErrors,
]

export class Bench {
  readonly #judges = allJudges.map((make) => make())
  readonly #found: (verdict: Verdict) => void

  constructor(found: (verdict: Verdict) => void) {
    this.#found = found
  }

  ended(operation: Operation, universe: Universe): void {
    for (const judge of this.#judges) this.#tell(judge, judge.ended?.(operation, universe) ?? [])
  }

  happened(fact: DiskFact, universe: Universe): void {
    for (const judge of this.#judges) this.#tell(judge, judge.happened?.(fact, universe) ?? [])
  }

  /** What does not hold yet of what must hold at rest. */
  rests(rest: Rest): Verdict[] {
    return this.#judges.flatMap((judge) =>
      (judge.rests?.(rest) ?? []).map((finding) => ({ judge: judge.name, ...finding })),
    )
  }

  #tell({ name }: Judge, findings: readonly Finding[]): void {
    for (const finding of findings) this.#found({ judge: name, ...finding })
  }
}
