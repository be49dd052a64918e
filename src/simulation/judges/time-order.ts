import { type Judge, none } from './judge.ts'

/** What is further ahead of a wall clock than this may be taken for the work of a wrong one. */
const driftMaxMs = 60_000

/**
 * One answer that is merged by time is in order of the batches' hybrid timestamps; ties by origin, then epoch. A run of a
 * node goes on behind the timestamps that its earlier ones have given and kept.
 */
export function timeOrder(): Judge {
  /** By origin: the latest of all that lasts. */
  const latest = new Map<string, { readonly timestamp: bigint; readonly log: string }>()
  return {
    name: 'timeOrder',
    happened(fact, universe) {
      if (fact.kind !== 'lasting' && fact.kind !== 'stored') return none
      const { log, frame, disk } = fact
      const [, origin, epoch] = log.split('/') as [string, string, string]
      const known = latest.get(origin)
      if (fact.kind === 'lasting') {
        if (known === undefined || known.timestamp < frame.timestamp)
          latest.set(origin, { timestamp: frame.timestamp, log })
        return none
      }
      const isLaterRun = known !== undefined && epoch > (known.log.split('/')[2] as string)
      if (!isLaterRun || universe.isForgetful(origin) || frame.timestamp > known.timestamp) return none
      if ((known.timestamp - frame.timestamp) >> 16n >= driftMaxMs) return none
      return [{ node: disk, reason: `${log}/${frame.base} is not later than what ${known.log} has` }]
    },
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
