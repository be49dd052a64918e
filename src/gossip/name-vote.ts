/**
 * Another member has our name: all are asked whom they know by it, and whoever most of them do not know goes. Owns the
 * vote, one at a time. Before we give way the rival has to answer, so that neither a lie nor the memory of our own last
 * run at another address puts us out.
 */

import { conflictQuery } from './answering.ts'
import type { Question } from './asking.ts'
import { decodeConflictResponse } from './conflict-response.ts'
import type { QueryAnswer } from './effects.ts'
import { type Endpoint, formatIp } from './ip.ts'
import { textToBytes } from './text.ts'

/** After a vote that we survived: as often as states are exchanged, which is how a conflict is noticed. */
const pauseMs = 30_000
/** After a rival that most know but that does not answer: about as long as it takes to notice that it failed. */
const shortPauseMs = 5_000

export interface NameVoteParts {
  readonly name: string
  readonly self: () => Endpoint
  readonly now: () => number
  readonly ask: (question: Question, listener: (answer: QueryAnswer | undefined) => void) => void
  /** Whether a node of our name answers there. */
  readonly check: (at: Endpoint, concluded: (answered: boolean) => void) => void
  readonly lost: (rival: Endpoint) => void
}

export class NameVote {
  readonly #parts: NameVoteParts
  #quietUntilMs = Number.NEGATIVE_INFINITY

  constructor(parts: NameVoteParts) {
    this.#parts = parts
  }

  contest(rival: Endpoint): void {
    const { name, self, now, ask, check, lost } = this.#parts
    if (now() < this.#quietUntilMs) return
    this.#quietUntilMs = Number.POSITIVE_INFINITY
    let [responses, ours] = [0, 0]
    ask({ name: conflictQuery, payload: textToBytes(name) }, (answer) => {
      if (answer?.kind === 'response') {
        responses += 1
        const known = decodeConflictResponse(answer.payload)
        if (known.ok && formatIp(known.value?.addr ?? noAddr) === self().host && known.value?.port === self().port) {
          ours += 1
        }
      }
      if (answer) return
      // Go's members give way when nobody answers at all; then nobody contradicts us either.
      if (responses === 0 || ours >= Math.floor(responses / 2) + 1) {
        this.#quietUntilMs = now() + pauseMs
        return
      }
      check(rival, (answered) => {
        if (answered) lost(rival)
        else this.#quietUntilMs = now() + shortPauseMs
      })
    })
  }
}

const noAddr = new Uint8Array(0)
