import type { DiskFact, Universe } from '../universe/universe.ts'
import { type Judge, mayGo, none } from './judge.ts'

const words = {
  removed: 'was removed with its file',
  setAside: 'was set aside with its file',
  cut: 'was cut off or written over',
  crash: 'did not survive a crash',
  behindDamage: 'was set aside behind damage',
  thrownAway: 'was thrown away behind damage',
}

/**
 * What was durable on a disk stays there, but for what retention or the deletion of its topic may take, in whole files; not
 * even they cut a file. What is behind damage is set aside, and kept. What comes within its topic's limit of bytes is
 * not trimmed for it, unless it was elsewhere, and the copy begins anew behind it.
 */
export function nothingDeleted(): Judge {
  /** Up to where each log was trimmed for a limit on some disk. */
  const trimmed = new Map<string, number>()
  return {
    name: 'nothingDeleted',
    happened(fact, universe) {
      if (fact.kind !== 'gone' || !fact.wasDurable) return none
      // It comes back, or `finallyEverywhere` misses it; what made the damage is judged by what went there.
      if (fact.how === 'behindDamage') return none
      // A bad disk excuses much, but nobody who throws away what was good on it.
      if (fact.how !== 'thrownAway' && universe.isUnsound(fact.disk)) return none
      const whole = fact.how === 'removed' || fact.how === 'setAside' || fact.how === 'thrownAway'
      if (whole && mayGo(universe, fact.log, fact.frame)) {
        if (!isEarly(universe, fact)) {
          trimmed.set(fact.log, Math.max(fact.frame.end, trimmed.get(fact.log) ?? 0))
          return none
        }
        if (fact.frame.end <= (trimmed.get(fact.log) ?? 0)) return none
        return [
          { node: fact.disk, reason: `${fact.log}/${fact.frame.base} was trimmed, and its topic is within its limits` },
        ]
      }
      return [{ node: fact.disk, reason: `${fact.log}/${fact.frame.base} ${words[fact.how]}` }]
    },
  }
}

/** Nothing but a limit of bytes may be in force, and what was there came within all of them. */
function isEarly({ topics }: Universe, { log, frame, how, topicBytes }: DiskFact & { kind: 'gone' }): boolean {
  const topic = log.slice(0, log.indexOf('/'))
  if (how !== 'removed' || topicBytes === undefined || topic.startsWith('_')) return false
  if (frame.timestamp <= topics.deletedAt(topic)) return false
  return topics.limitsOf(topic).every(({ retentionMs, retentionBytes, retentionRecords }) => {
    return retentionMs === 0 && retentionRecords === 0 && (retentionBytes === 0 || topicBytes <= retentionBytes)
  })
}
