import { type Judge, none } from './judge.ts'

/** Nothing is shown to a reader that a power cut at the node that shows it could still take. */
export function durableBeforeVisible(): Judge {
  return {
    name: 'durableBeforeVisible',
    ended(operation, universe) {
      const { answer, node, disk } = operation
      if (operation.kind !== 'read' || !answer?.ok || !('runs' in answer)) return none
      if (universe.isUnsound(disk)) return none
      for (const { log, from, sums } of answer.runs) {
        for (let at = from; at < from + sums.length; ) {
          const frame = universe.frameAt(log, at)
          if (frame === undefined) return [{ node, reason: `${log}/${at} was read, and never was on any disk` }]
          if (!frame.everDurableOn.has(disk))
            return [{ node, reason: `${log}/${at} was read before it was durable there` }]
          at = frame.end
        }
      }
      return none
    },
  }
}
