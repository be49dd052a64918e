/** A node as a scenario holds it. */

import type { Host } from './host.ts'
import type { CopySnapshot, HeldFrames } from './invariants.ts'
import type { ProducerPlace } from './retrying-writer.ts'
import type { World } from './world.ts'

/** What a scenario needs of a running node. */
export interface NodeHandle {
  readonly name: string
  /**
   * For nodes that clients do not speak to: resolves with the record's id (unique in the cluster for ever) once it is
   * acknowledged; rejects when it is not.
   */
  produce?(topic: string, payload: Uint8Array): Promise<string>
  /** The same for a record that may have been sent before: it is stored once, and has one id. */
  produceOnce?(topic: string, payload: Uint8Array, place: ProducerPlace): Promise<string>
  /** All logs it holds. */
  copies(): readonly CopySnapshot[]
  /** All frames it holds; or at least those that this run was not asked for yet. */
  frames?(which: 'all' | 'new'): readonly HeldFrames[]
  /** Ids of all records that can be read from it. */
  readAll?(): readonly string[]
  /** Producer and sequence of every record that can be read from it and has them. */
  places?(): readonly string[]
  /** Names of the peers a replicator is wanted for, and of those one is running for. */
  wanted(): readonly string[]
  running(): readonly string[]
  /** Of those that run, the ones that have not got all that their peer had. */
  lagging?(): readonly string[]
  /** Declares a member left; rejects when that could not be said. */
  forceLeave?(name: string): Promise<void>
  /** Changes the key of gossip in the whole cluster; rejects when some member did not. */
  changeKey?(): Promise<void>
  /** Settles when it ended by itself: with why. */
  readonly ended?: Promise<string>
  /** Graceful; resolves when everything is closed. */
  stop(): Promise<void>
}

export interface StartContext {
  /** Where it starts; `host.env` is its door. */
  readonly host: Host
  /** All hosts of the scenario in order, for seeds to join. */
  readonly hosts: readonly Host[]
  readonly world: World
}

export type StartNode = (context: StartContext) => Promise<NodeHandle>
