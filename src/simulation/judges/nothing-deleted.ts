import { type Judge, mayGo, none } from './judge.ts'

const words = {
  removed: 'was removed with its file',
  setAside: 'was set aside with its file',
  cut: 'was cut off or written over',
  crash: 'did not survive a crash',
  behindDamage: 'was set aside behind damage',
}

/**
 * What was durable on a disk stays there, but for what retention or the deletion of its topic may take, in whole files; not
 * even they cut a file.
 */
export function nothingDeleted(): Judge {
  return {
    name: 'nothingDeleted',
    happened(fact, universe) {
      if (fact.kind !== 'gone' || !fact.wasDurable || universe.isUnsound(fact.disk)) return none
      // It comes back, or `finallyEverywhere` misses it; what made the damage is judged by what went there.
      if (fact.how === 'behindDamage') return none
      const whole = fact.how === 'removed' || fact.how === 'setAside'
      if (whole && mayGo(universe, fact.log, fact.frame)) return none
      return [{ node: fact.disk, reason: `${fact.log}/${fact.frame.base} ${words[fact.how]}` }]
    },
  }
}
