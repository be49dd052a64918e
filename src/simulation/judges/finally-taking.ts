import type { ProduceAsked } from '../history.ts'
import type { Finding, Judge } from './judge.ts'

/** Who writes a record at each node once all is quiet, to be on all disks. */
export const auditorOf = (round: number): string => `auditor ${round}`

/**
 * Once all is quiet every node takes a record, and gets it to all others in time. Whose own log is damaged where nobody else
 * has it gets nothing behind that to anybody, in this run.
 */
export function finallyTaking(): Judge {
  return {
    name: 'finallyTaking',
    rests({ universe, history, live, round }) {
      const writes = history.operations.filter(
        (one): one is ProduceAsked => one.kind === 'produce' && one.client === auditorOf(round),
      )
      return live.flatMap(({ node, disk }): Finding[] => {
        const answer = writes.find((write) => write.node === node)?.answer
        if (answer?.ok || universe.isUnsound(disk)) return []
        return [{ node, reason: `a record that was to be on all disks ended with ${answer?.code ?? 'no answer'}` }]
      })
    },
  }
}
