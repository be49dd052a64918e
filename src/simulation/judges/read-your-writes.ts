import { type Judge, mayGo, none } from './judge.ts'

/** A reading that says what to wait for is answered by a node that has it, and finds it. */
export function readYourWrites(): Judge {
  return {
    name: 'readYourWrites',
    ended(operation, universe) {
      const { answer, node, disk } = operation
      if (operation.kind !== 'read' || !answer?.ok || !('runs' in answer)) return none
      const { only, from, waitsFor } = operation
      const waited = Object.entries(waitsFor)
      if (waited.length === 0) return none
      const reached = new Map(Object.entries(from))
      for (const run of answer.runs) reached.set(run.log, run.from + run.sums.length)
      for (const [log, to] of waited) {
        const last = universe.frameAt(log, to - 1)
        if (last === undefined || mayGo(universe, log, last)) continue
        const where = `${log}/${to - 1}`
        if (!last.everDurableOn.has(disk) && !universe.isUnsound(disk))
          return [{ node, reason: `answered without ${where}, which was to be waited for` }]
        const wanted = only?.log === undefined || only.log === log
        if (wanted && only?.origin === undefined && answer.atEnd && (reached.get(log) ?? 0) < to) {
          return [{ node, reason: `said that nothing more is there before ${where}, which was to be waited for` }]
        }
      }
      return none
    },
  }
}
