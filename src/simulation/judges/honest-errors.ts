import { type Judge, none } from './judge.ts'

/** Nothing that a well-behaved client asks ends in an error that means a bug. */
export function honestErrors(): Judge {
  return {
    name: 'honestErrors',
    ended({ answer, kind, node }) {
      if (answer === undefined || answer.ok) return none
      const isBug = answer.code === 'INTERNAL' || answer.code === 'LOG_DIVERGED' || answer.code.endsWith('_MALFORMED')
      return isBug ? [{ node, reason: `${kind} ended with ${answer.code}` }] : none
    },
  }
}
