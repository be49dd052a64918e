import type { Universe } from '../universe/universe.ts'
import { allMayGo, type Judge, none } from './judge.ts'

/**
 * What was acknowledged with n copies was on n disks, safe from a power cut, when the answer came; the answering node's is
 * one of them. What is said to be stored with too few copies yet is stored with so many.
 */
export function durableCopies(): Judge {
  return {
    name: 'durableCopies',
    ended(operation, universe) {
      if (operation.kind !== 'produce' || operation.answer === undefined) return none
      const { answer, node, disk, copies } = operation
      const told = answer.ok ? answer : pending(answer.code, answer.facts)
      if (told === undefined) return none
      const at = `${told.log}/${told.base}`
      if (answer.ok && copies > 0 && told.copies < copies) {
        return [{ node, reason: `${at} was acknowledged with ${told.copies} copies, ${copies} were asked for` }]
      }
      const disks = disksThatHad(universe, told.log, told.base, told.count)
      // A disk that lies says that it has it, and who uses it has to believe that.
      if (universe.isUnsound(disk)) return none
      // Who sends again what was stored and may be gone since is told where it was.
      if (answer.ok && answer.duplicate && allMayGo(universe, told.log, told.base, told.base + told.count)) return none
      if (!disks.has(disk)) return [{ node, reason: `${at} was acknowledged and not durable on the disk of that node` }]
      // Under another name it is another node, and acknowledges once more.
      const nodes = [...disks].reduce((sum, one) => sum + universe.namesOf(one), 0)
      if (nodes + universe.unsound >= told.copies) return none
      const held = [...disks].sort().join(' ')
      return [{ node, reason: `${at} was acknowledged with ${told.copies} copies, and durable on [${held}]` }]
    },
  }
}

/** Where all of these records were durable at some time. */
export function disksThatHad(universe: Universe, log: string, base: number, count: number): Set<string> {
  const frames = universe.framesOf(log, base, base + count)
  const [first, ...others] = frames ?? []
  const disks = first?.everDurableOn ?? new Set<string>()
  return new Set([...disks].filter((disk) => others.every(({ everDurableOn }) => everDurableOn.has(disk))))
}

interface Pending {
  readonly log: string
  readonly base: number
  readonly count: number
  readonly copies: number
}

/** What a refusal for want of copies says of the record that is stored all the same. */
export function pending(code: string, facts: Readonly<Record<string, string>>): Pending | undefined {
  const { topic, origin, epoch, offset, records, copies } = facts
  if (code !== 'COPIES_PENDING' || epoch === undefined) return undefined
  return { log: `${topic}/${origin}/${epoch}`, base: Number(offset), count: Number(records), copies: Number(copies) }
}
