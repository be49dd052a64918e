import { allMayGo, type Finding, type Judge, none } from './judge.ts'

/**
 * A reading that goes on from its cursor, at whatever node, gets of each log the record where it stands: none again, and
 * none left out but what may be gone.
 */
export function noStepBack(): Judge {
  return {
    name: 'noStepBack',
    ended(operation, universe) {
      const { answer, node } = operation
      if (operation.kind !== 'read' || !answer?.ok || !('runs' in answer) || operation.cursorName !== undefined)
        return none
      const { reading, only, from: stoodAt } = operation
      const findings: Finding[] = []
      const at = new Map<string, number>()
      for (const { log, from, sums } of answer.runs) {
        const next = at.get(log) ?? stoodAt[log] ?? 0
        at.set(log, from + sums.length)
        const wanted = only?.log === undefined ? originOf(log) === (only?.origin ?? originOf(log)) : log === only.log
        if (!wanted) findings.push({ node, reason: `${reading} asked for other logs, and got ${log}/${from}` })
        else if (from < next)
          findings.push({ node, reason: `${reading} stood at ${log}/${next} and got ${from} again` })
        else if (from > next && !allMayGo(universe, log, next, from)) {
          findings.push({ node, reason: `${reading} stood at ${log}/${next} and got ${from}` })
        }
      }
      return findings
    },
  }
}

function originOf(log: string): string {
  return log.split('/')[1] as string
}
