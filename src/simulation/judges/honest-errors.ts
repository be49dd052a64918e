import { type Judge, none } from './judge.ts'

/**
 * Nothing that a well-behaved client asks ends in an error that means a bug. One that sends each record under its sequence,
 * one after the other, is told that it does not where disks were lost, and nowhere else.
 */
export function honestErrors(): Judge {
  return {
    name: 'honestErrors',
    ended({ answer, kind, node }, universe) {
      if (answer === undefined || answer.ok) return none
      const isBug = answer.code === 'INTERNAL' || answer.code === 'LOG_DIVERGED' || answer.code.endsWith('_MALFORMED')
      const isForgotten = answer.code === 'PRODUCER_OUT_OF_ORDER' || answer.code === 'PRODUCER_CONFLICT'
      return isBug || (isForgotten && universe.unsound === 0)
        ? [{ node, reason: `${kind} ended with ${answer.code}` }]
        : none
    },
  }
}
