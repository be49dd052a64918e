import { type Judge, none } from './judge.ts'

/** One answer that is merged by time is in order of the batches' hybrid timestamps; ties by origin, then epoch. */
export function timeOrder(): Judge {
  return {
    name: 'timeOrder',
    ended(operation) {
      const { answer, node } = operation
      if (operation.kind !== 'read' || !operation.byTime || !answer?.ok || !('runs' in answer)) return none
      let before: { timestamp: bigint; log: string } | undefined
      for (const { log, from, timestamp } of answer.runs) {
        if (
          before !== undefined &&
          (timestamp < before.timestamp || (timestamp === before.timestamp && log < before.log))
        ) {
          return [
            { node, reason: `${operation.reading} by time got ${log}/${from} behind a later one of ${before.log}` },
          ]
        }
        before = { timestamp, log }
      }
      return none
    },
  }
}
