import type { ProduceAsked, ReadAsked } from '../history.ts'
import { disksThatHad, pending } from './durable-copies.ts'
import { type Finding, type Judge, mayGo, type Rest } from './judge.ts'

/** Readings of everything, of each node, once all is quiet. */
export const auditOf = (node: string, round: number): string => `audit ${round} of ${node}`

/**
 * What was acknowledged can be read at every node once all is quiet, unless it may be gone, or so many disks were lost as
 * were acknowledged.
 */
export function finallyEverywhere(): Judge {
  return {
    name: 'finallyEverywhere',
    rests(rest) {
      const read = new Map(rest.live.map(({ node }) => [node, recordsRead(rest, node)]))
      const missing = new Map<string, string[]>()
      for (const operation of rest.history.operations) {
        if (operation.kind !== 'produce') continue
        for (const { log, at } of acknowledged(rest, operation)) {
          for (const [node, records] of read) {
            if (!records.has(`${log}/${at}`)) missing.set(node, [...(missing.get(node) ?? []), `${log}/${at}`])
          }
        }
      }
      return [...missing].map(
        ([node, records]): Finding => ({
          node,
          reason: `${records.length} acknowledged records cannot be read, the first is ${records[0]}`,
        }),
      )
    },
  }
}

function recordsRead({ history, round }: Rest, node: string): Set<string> {
  const reading = auditOf(node, round)
  const reads = history.operations.filter((one): one is ReadAsked => one.kind === 'read' && one.reading === reading)
  const records = new Set<string>()
  for (const { answer } of reads) {
    if (!answer?.ok) continue
    for (const { log, from, sums } of answer.runs)
      for (const index of sums.keys()) records.add(`${log}/${from + index}`)
  }
  return records
}

/** Records of this produce that must be there. */
function acknowledged({ universe }: Rest, { answer }: ProduceAsked): { log: string; at: number }[] {
  if (answer === undefined) return []
  const told = answer.ok ? answer : pending(answer.code, answer.facts)
  if (told === undefined) return []
  const { log, base, count, copies } = told
  // A disk that lied never had it, and is lost all the same.
  const had = [...disksThatHad(universe, log, base, count)]
  if (universe.unsound >= copies && had.every((disk) => universe.isUnsound(disk))) return []
  return Array.from({ length: count }, (_, index) => ({ log, at: base + index })).filter(({ at }) => {
    const frame = universe.frameAt(log, at)
    return frame === undefined || !mayGo(universe, log, frame)
  })
}
