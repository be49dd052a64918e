import type { ProduceAsked, ReadAsked, ReadRun } from '../history.ts'
import { disksThatHad, pending } from './durable-copies.ts'
import { type Finding, type Judge, mayGo, none, type Rest } from './judge.ts'

/** Readings of everything, of each node, once all is quiet. */
export const auditOf = (node: string, round: number): string => `audit ${round} of ${node}`
const isAudit = ({ reading }: ReadAsked): boolean => /^audit \d+ of /.test(reading)

/**
 * What was acknowledged can be read at every node once all is quiet, unless it may be gone. Where so many disks were lost as
 * were acknowledged, that is what the disks of those who run have together, from the log's first record on: what lies
 * behind one that nobody has cannot be told from what was never durable.
 */
export function finallyEverywhere(): Judge {
  const audits = new Map<string, RecordsRead>()
  return {
    name: 'finallyEverywhere',
    ended(operation) {
      const { kind, answer } = operation
      if (kind !== 'read' || !answer?.ok || !('runs' in answer) || !isAudit(operation)) return none
      const read = audits.get(operation.reading) ?? new RecordsRead()
      audits.set(operation.reading, read)
      for (const run of answer.runs) read.add(run)
      return none
    },
    rests(rest) {
      const reach = new Reach(rest)
      const missing = new Map<string, string[]>()
      const read = rest.live.map(({ node }) => [node, audits.get(auditOf(node, rest.round))] as const)
      for (const operation of rest.history.operations) {
        if (operation.kind !== 'produce') continue
        const told = storedBy(operation)
        if (told === undefined) continue
        const { log, base, count } = told
        const without = read.filter(([, records]) => records?.hasAll(log, base, base + count) !== true)
        if (without.length === 0) continue
        for (const at of wanted(rest, told, reach)) {
          for (const [node, records] of without) {
            if (records?.hasAll(log, at, at + 1) !== true) {
              missing.set(node, [...(missing.get(node) ?? []), `${log}/${at}`])
            }
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

interface Range {
  readonly from: number
  to: number
}

/** By log: from where to where, ascending as they are read. */
class RecordsRead {
  readonly #logs = new Map<string, Range[]>()

  add({ log, from, sums }: ReadRun): void {
    const ranges = this.#logs.get(log)
    const last = ranges?.at(-1)
    const to = from + sums.length
    if (ranges === undefined) this.#logs.set(log, [{ from, to }])
    else if (last?.to === from) last.to = to
    else ranges.push({ from, to })
  }

  hasAll(log: string, from: number, to: number): boolean {
    return this.#logs.get(log)?.some((range) => range.from <= from && to <= range.to) === true
  }
}

type Told = NonNullable<ReturnType<typeof pending>>

/** What was said to be stored. */
function storedBy({ answer }: ProduceAsked): Told | undefined {
  return answer?.ok ? answer : answer && pending(answer.code, answer.facts)
}

/** Offsets of these records that must be there. */
function wanted({ universe }: Rest, { log, base, count, copies }: Told, reach: Reach): number[] {
  // A disk that lied never had it, and is lost all the same.
  const had = [...disksThatHad(universe, log, base, count)]
  const isLost = universe.unsound >= copies && had.every((disk) => universe.isUnsound(disk))
  return Array.from({ length: count }, (_, index) => base + index).filter((at) => {
    if (isLost && at >= reach.of(log)) return false
    const frame = universe.frameAt(log, at)
    return frame === undefined || !mayGo(universe, log, frame)
  })
}

/** How far the disks of all who run have a log together, from its first record on. */
class Reach {
  readonly #rest: Rest
  readonly #ends = new Map<string, number>()

  constructor(rest: Rest) {
    this.#rest = rest
  }

  of(log: string): number {
    const known = this.#ends.get(log)
    if (known !== undefined) return known
    let end = 0
    for (const frame of this.#rest.universe.logs.get(log)?.frames ?? []) {
      if (frame.base !== end || !this.#rest.live.some(({ disk }) => frame.heldBy.has(disk))) break
      end = frame.end
    }
    this.#ends.set(log, end)
    return end
  }
}
