/** Clusters in simulated time, to test what uses them. What programs import as `reeve/simulation`. */

import { SimulatedWorld, type SimulatedWorldOptions } from './simulation/user-world.ts'

export type { Client } from './client/client.ts'
export type { NodeSettings } from './config.ts'
export type { Env } from './env/env.ts'
export { type ErrorCode, ReeveError } from './errors.ts'
export type { DiskTrouble } from './simulation/disk-trouble.ts'
export type { Fault, FaultStep } from './simulation/faults.ts'
export { faultClasses } from './simulation/swarm.ts'
export type {
  ChurnOptions,
  Patience,
  SimulatedClientOptions,
  SimulatedWorld,
  SimulatedWorldOptions,
} from './simulation/user-world.ts'

/**
 * A cluster of whole nodes in this process, in virtual time, whose network, disks and clocks fail as you say. The same
 * seed and the same code give the same run, event by event. Throws `CONFIG_INVALID` for settings that are none.
 *
 * ```ts
 * const world = createWorld({ seed: 7, nodes: ['a', 'b', 'c'] })
 * await world.run(async () => {
 *   const producer = world.connect().producer({ topic: 'orders', copies: 2 })
 *   world.partition(['a'], ['b', 'c'])
 *   await producer.send({ value: 'two apples' })
 *   world.heal()
 *   await world.settle()
 * })
 * ```
 */
export function createWorld(options: SimulatedWorldOptions = {}): SimulatedWorld {
  return new SimulatedWorld(options)
}
