/**
 * States that a simulation is there to reach: who never sees them proves nothing about them. Each is counted when it is
 * reached; a set of seeds whose faults allow one and that never reaches it is a fault of the simulator.
 */

import type { DiskTrouble } from './disk-trouble.ts'
import type { Fault } from './faults.ts'

/** A kind of step or of disk trouble in a plan, or `retention`: without it the state cannot come about. */
export type Need = Fault['kind'] | DiskTrouble['kind'] | 'retention'

export interface RareState {
  readonly says: string
  /** One of them is enough; empty: any run may reach it. */
  readonly needs: readonly Need[]
}

const rare = (says: string, ...needs: Need[]): RareState => ({ says, needs })

export const rareStates = {
  everybodyDown: rare('no node runs', 'crash', 'powerOff', 'kill', 'stop'),
  tornTailCut: rare('a last write that did not end is cut off at a start', 'crash', 'powerOff'),
  ownEpochPulledBack: rare('a node gets back what an earlier run of its own wrote', 'crash', 'powerOff'),
  healedFromThird: rare('a copy grows while the writer of its log is down', 'crash', 'powerOff', 'kill'),
  answeredFromStored: rare('a produce is told where an earlier run stored it', 'crash', 'powerOff', 'kill'),
  storedAtTwoOrigins: rare('a producer that fails over is stored at both nodes', 'crash', 'powerOff', 'kill'),
  copiesMissed: rare('too few copies at the deadline, and yet stored', 'crash', 'powerOff', 'partition'),
  copiesImpossible: rare('more copies asked for than nodes are known'),
  waitTimedOut: rare('a node says that it has not caught up', 'partition', 'crash', 'powerOff'),
  waitEnded: rare('a reading waits until a node has what was written at another'),
  cursorElsewhere: rare('a reading goes on at another node'),
  behindCursor: rare('a node is not yet where a cursor stands', 'partition', 'crash', 'powerOff'),
  cursorNameShared: rare('a named cursor goes on behind what another reader committed'),
  refusedWhileStopping: rare('a node that stops refuses', 'stop'),
  answerLost: rare('a produce is not answered', 'crash', 'kill', 'powerOff'),
  replicatorParked: rare('a peer failed: its replicator is parked', 'crash', 'powerOff', 'partition'),
  replicatorResumed: rare('a parked replicator goes on', 'crash', 'powerOff', 'partition'),
  refuted: rare('a node is believed dead while it runs, and then alive again', 'partition'),
  trimmed: rare('retention takes the beginning of a log', 'retention'),
  trimmedForReader: rare('a reader is told of a hole', 'retention'),
  begunAnew: rare('a copy begins anew: nobody has what follows its end', 'retention'),
  diskFull: rare('a full disk refuses a produce', 'full'),
  diskFreed: rare('a disk that was full takes records again', 'full'),
  damaged: rare('damaged data is found', 'rot'),
  mended: rare('damaged data is replaced from a peer', 'rot'),
  nameConflict: rare('two members claim one name', 'swapAddresses'),
  keysChanged: rare('the keys of gossip change while nodes come and go', 'changeKey'),
} as const satisfies Record<string, RareState>

export type Sometimes = keyof typeof rareStates

export type SometimesCounts = Readonly<Partial<Record<Sometimes, number>>>

/** So many runs that had what it needs must have reached a state; with fewer it may be chance. */
const runsEnough = 50
/**
 * Seldom ones: 1.3, 2.9 and 5.3 of a hundred of 10,000 runs that had what they need reached them (2026-11-27). So many that
 * all miss one are a chance of one in a thousand. Where blackouts are drawn, everybody is down with every fifth seed of half
 * a minute.
 */
const seldomEnough: SometimesCounts = { everybodyDown: 550, storedAtTwoOrigins: 240, behindCursor: 130 }

/** Those that these runs could have reached, by what each of them had, and none did. */
export function neverReached(runs: readonly { had: ReadonlySet<string>; sometimes: SometimesCounts }[]): Sometimes[] {
  return (Object.keys(rareStates) as Sometimes[]).filter((name) => {
    const needs: readonly string[] = rareStates[name].needs
    const able = runs.filter(({ had }) => needs.length === 0 || needs.some((need) => had.has(need)))
    const isEnough = able.length >= (seldomEnough[name] ?? runsEnough)
    return isEnough && runs.every(({ sometimes }) => (sometimes[name] ?? 0) === 0)
  })
}

export function addCounts(some: SometimesCounts, others: SometimesCounts): SometimesCounts {
  const sum: Partial<Record<Sometimes, number>> = { ...some }
  for (const [name, count] of Object.entries(others) as [Sometimes, number][]) sum[name] = (sum[name] ?? 0) + count
  return sum
}

const byLine: Readonly<Record<string, Sometimes>> = {
  'an unfinished write was cut off': 'tornTailCut',
  'damaged data found; it is not served': 'damaged',
  'damaged data was replaced from a peer': 'mended',
  'a copy begins anew: nobody has what follows its end any more': 'begunAnew',
  'the beginning of a log was trimmed': 'trimmed',
  'the disk is full; writes are refused until there is space': 'diskFull',
  'two members claim one name': 'nameConflict',
  'the keys of gossip changed; the first one is used for sending': 'keysChanged',
  fullOver: 'diskFreed',
}

/** What a line of a node's log says was reached. */
export function reachedByLine(line: string): Sometimes | undefined {
  return byLine[line]
}
