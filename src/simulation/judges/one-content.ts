import { type Finding, type Judge, none } from './judge.ts'

/**
 * One id, one content: on any disk at any time, in any answer. Frames follow each other by their chain, so that a copy
 * cannot hold anything but a part of its log.
 */
export function oneContent(): Judge {
  return {
    name: 'oneContent',
    happened(fact) {
      if (fact.kind === 'contradicted')
        return [finding(fact.disk, fact.log, fact.offset, 'is something else elsewhere')]
      if (fact.kind === 'unchained')
        return [finding(fact.disk, fact.log, fact.offset, 'does not go on from the one before')]
      if (fact.kind === 'unreadable') return [finding(fact.disk, fact.log, fact.offset, 'is not what its header says')]
      return none
    },
    ended(operation, universe) {
      const { answer, node } = operation
      if (!answer?.ok) return none
      if (operation.kind === 'produce' && 'base' in answer) {
        if (answer.count !== operation.sums.length) {
          return [
            finding(
              node,
              answer.log,
              answer.base,
              `was answered as ${answer.count} of ${operation.sums.length} records`,
            ),
          ]
        }
        return differing(answer.log, answer.base, operation.sums, 'is not what was sent')
      }
      if (operation.kind !== 'read' || !('runs' in answer)) return none
      return answer.runs.flatMap(({ log, from, sums }) => differing(log, from, sums, 'was read as something else'))

      function differing(log: string, from: number, sums: readonly number[], what: string): Finding[] {
        const to = from + sums.length
        for (let at = from; at < to; ) {
          const frame = universe.frameAt(log, at)
          const end = Math.min(to, frame?.end ?? at + 1)
          for (; at < end; at++) {
            const said = frame?.records?.[at - frame.base]
            if (said !== undefined && said !== sums[at - from]) return [finding(node, log, at, what)]
          }
        }
        return []
      }
    },
  }
}

function finding(node: string, log: string, offset: number, what: string): Finding {
  return { node, reason: `${log}/${offset} ${what}` }
}
