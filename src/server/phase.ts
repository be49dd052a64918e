/** How far the node is in its life, as calls see it; the supervisor sets it. */

import { ReeveError } from '../errors.ts'

export type NodePhase = 'starting' | 'catchingUp' | 'serving' | 'draining' | 'stopped'

export interface PhaseSource {
  readonly current: NodePhase
  /** Called after every change. Returns what unsubscribes. */
  onChange(listener: (phase: NodePhase) => void): () => void
}

export interface Phase extends PhaseSource {
  set(phase: NodePhase): void
}

export function createPhase(initial: NodePhase = 'starting'): Phase {
  let current = initial
  const listeners = new Set<(phase: NodePhase) => void>()
  return {
    get current() {
      return current
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    set(phase) {
      if (phase === current) return
      current = phase
      for (const listener of [...listeners]) listener(phase)
    },
  }
}

/** Requests are taken; a node that still catches up serves what it has. */
export function isOpen(phase: NodePhase): boolean {
  return phase === 'catchingUp' || phase === 'serving'
}

/** Long calls end now, so that their callers move to another node before this one is gone. */
export function isClosing(phase: NodePhase): boolean {
  return phase === 'draining' || phase === 'stopped'
}

/** What a call that has to end now ends with. */
export function nodeStopping(): ReeveError {
  return new ReeveError('NODE_STOPPING', 'this node is stopping')
}
