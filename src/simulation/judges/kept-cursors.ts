import type { CommitAsked, Positions } from '../history.ts'
import { type Finding, type Judge, none } from './judge.ts'

/** A reading by the name of a cursor, of each node, once all is quiet. */
export const namedAuditOf = (node: string, name: string): string => `audit of ${name} at ${node}`

/**
 * Where a named cursor was committed, nobody who goes on by it is given what lies before: at the same node at once, at every
 * node once all is quiet.
 */
export function keptCursors(): Judge {
  /** By disk, topic and name. */
  const here = new Map<string, Map<string, number>>()
  const disks = new Set<string>()
  const note = (at: Map<string, Map<string, number>>, key: string, positions: Positions): void => {
    const known = at.get(key) ?? new Map<string, number>()
    at.set(key, known)
    for (const [log, to] of Object.entries(positions)) known.set(log, Math.max(to, known.get(log) ?? 0))
  }
  /** Commits that were answered before this reading began, by what it may not be given. */
  const begun: { operation: CommitAsked; key: string }[] = []
  /** Of the last audit: it may have come before what was committed a moment ago had reached that node. */
  let audited: Finding[] = []
  return {
    name: 'keptCursors',
    ended(operation, universe) {
      if (operation.kind === 'commit') {
        if (operation.answer?.ok) begun.push({ operation, key: `${operation.topic}/${operation.name}` })
        return none
      }
      const { answer } = operation
      if (operation.kind !== 'read' || operation.cursorName === undefined || !answer?.ok || !('runs' in answer))
        return none
      const { node, disk, topic, cursorName, beganMs } = operation
      for (let first = begun[0]; first !== undefined && first.operation.endedMs! <= beganMs; first = begun[0]) {
        const { positions, disk: on } = first.operation
        note(here, `${on}/${first.key}`, positions)
        disks.add(on)
        begun.shift()
      }
      const isAudit = operation.reading === namedAuditOf(node, cursorName)
      // In the end everybody knows what any disk has. One that did not keep what it had says nothing for sure.
      const told = (isAudit ? [...disks] : [disk]).filter((one) => !universe.isUnsound(one))
      const committed = told.map((one) => here.get(`${one}/${topic}/${cursorName}`))
      const findings = answer.runs.flatMap(({ log, from }): Finding[] => {
        const to = Math.max(0, ...committed.map((known) => known?.get(log) ?? 0))
        if (from >= to || universe.topics.deletedAt(topic) > 0n) return []
        return [
          { node, reason: `cursor ${cursorName} was committed at ${log}/${to}, and a reading by it began at ${from}` },
        ]
      })
      if (!isAudit) return findings
      audited.push(...findings)
      return none
    },
    rests() {
      const findings = audited
      audited = []
      return findings
    },
  }
}
