/**
 * What a judge is: it holds one promise of the contract against what clients were answered and what lies on the disks,
 * and knows nothing else. Judges look only at what is new; a finding says what was broken in words for people.
 */

import type { History, Operation } from '../history.ts'
import type { DiskFact, KnownFrame, Universe } from '../universe/universe.ts'

export interface Finding {
  /** Node or disk. */
  readonly node: string
  readonly reason: string
}

/** A node that runs, and the disk it runs on. */
export interface LiveNode {
  /** Its machine. */
  readonly node: string
  /** Its own name, for its cluster. */
  readonly name: string
  readonly disk: string
  /** What its disk has of a log. */
  bounds(log: string): Bounds | undefined
}

export interface Bounds {
  readonly start: number
  readonly end: number
  /** Where a frame does not follow the one before. */
  readonly gapAt: number | undefined
}

/** All is healed, everybody is up, and the clients have asked each node for everything once more. */
export interface Rest {
  readonly universe: Universe
  readonly history: Pick<History, 'operations'>
  readonly live: readonly LiveNode[]
  /** How often they have asked. */
  readonly round: number
}

/** In the verdict. */
export type JudgeName =
  | 'oneContent'
  | 'durableCopies'
  | 'durableBeforeVisible'
  | 'noStepBack'
  | 'timeOrder'
  | 'storedOnce'
  | 'readYourWrites'
  | 'keptCursors'
  | 'nothingDeleted'
  | 'finallyEverywhere'
  | 'finallyTaking'
  | 'equalCopies'
  | 'knownMembers'
  | 'honestErrors'

export interface Judge {
  readonly name: JudgeName
  /** In the event in which an answer came. */
  ended?(operation: Operation, universe: Universe): readonly Finding[]
  /** Something happened below all nodes. */
  happened?(fact: DiskFact, universe: Universe): readonly Finding[]
  rests?(rest: Rest): readonly Finding[]
}

export const none: readonly Finding[] = []

/** Whether this record may be gone: the topic has limits, or was deleted after it, or is the nodes' own. */
export function mayGo(universe: Universe, log: string, frame: Pick<KnownFrame, 'timestamp'>): boolean {
  const topic = log.slice(0, log.indexOf('/'))
  if (topic.startsWith('_') || universe.topics.expires(topic)) return true
  return frame.timestamp <= universe.topics.deletedAt(topic)
}

/** Whether all of these may be gone. Those that were never on any disk that was looked at may not. */
export function allMayGo(universe: Universe, log: string, from: number, to: number): boolean {
  const frames = universe.framesOf(log, from, to)
  return frames?.every((frame) => mayGo(universe, log, frame)) === true
}
