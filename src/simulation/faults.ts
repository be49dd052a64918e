/**
 * What can go wrong, as plain data: a plan is a list of steps in order of time, so that it can be printed, shortened,
 * saved and replayed. Every subset of a plan is a plan: a step that makes no sense (starting what runs) does nothing.
 *
 * What lasts has an `id`, by which one later step ends this and nothing else; without an id that step ends all of its
 * kind. Whatever is never ended ends when the whole world is healed.
 */

import type { DiskTrouble } from './disk-trouble.ts'
import type { FlapOptions } from './flapping.ts'
import type { Weather, WeatherArea } from './weather.ts'

interface Lasting {
  readonly id?: string
}

interface AtHost {
  readonly host: string
}

export type NetworkFault =
  /** Only hosts of one group reach each other; those not named form a group of their own. */
  | ({ readonly kind: 'partition'; readonly groups: readonly (readonly string[])[] } & Lasting)
  /** Hosts of different sides do not reach each other; those not named reach all. */
  | ({ readonly kind: 'bridge'; readonly sides: readonly (readonly string[])[] } & Lasting)
  /** One way only. */
  | ({ readonly kind: 'block'; readonly from: string; readonly to: string } & Lasting)
  /** As `bridge`, but it goes and comes. */
  | ({ readonly kind: 'flap'; readonly sides: readonly (readonly string[])[] } & FlapOptions & Lasting)
  /** Ends the four above. */
  | ({ readonly kind: 'heal' } & Lasting)
  | ({ readonly kind: 'weather'; readonly weather: Partial<Weather> } & WeatherArea & Lasting)
  | ({ readonly kind: 'calm' } & Lasting)
  /** Connections that exist carry nothing this way any more. */
  | { readonly kind: 'halfOpen'; readonly from: string; readonly to: string }
  /** Connections that exist break with a reset: all of the host, or those to the peer. */
  | ({ readonly kind: 'reset'; readonly peer?: string } & AtHost)
  /** New connections to the host are refused, until it accepts them again. */
  | ({ readonly kind: 'refuse' | 'accept' } & AtHost)

export type ProcessFault =
  | ({ readonly kind: 'start' } & AtHost)
  /** `stop`: gracefully, which is a leave. The others are the ways of `Host` to end a run without asking. */
  | ({ readonly kind: 'stop' | 'kill' | 'crash' | 'powerOff' } & AtHost)
  /** Stopped where it stands, and set going again. */
  | ({ readonly kind: 'pause' | 'resume' } & AtHost)
  /** Its event loop is busy. */
  | ({ readonly kind: 'stall'; readonly forMs: number } & AtHost)
  /** The wall clock of a host jumps to this error. */
  | ({ readonly kind: 'clock'; readonly offsetMs: number } & AtHost)
  | ({ readonly kind: 'drift'; readonly ppm: number } & AtHost)

export type DiskFault =
  | ({ readonly kind: 'disk'; readonly trouble: DiskTrouble } & AtHost & Lasting)
  /** Ends it. */
  | ({ readonly kind: 'diskHeals' } & AtHost & Lasting)
  /** Syncs do not come back for so long. */
  | ({ readonly kind: 'hang'; readonly forMs: number } & AtHost)
  /** A bit of the stored logs turns over: the one at this share (0 … 1) of all. */
  | ({ readonly kind: 'rot'; readonly share: number } & AtHost)

/** What is done to a whole machine; a process that runs there is killed before. */
export type MachineFault =
  | ({ readonly kind: 'wipe' } & AtHost)
  /** Keeps a copy of the disk; the only one of these that lets the process run. */
  | ({ readonly kind: 'backUp' } & AtHost)
  /** The last copy of the disk is put back, if there is one. */
  | ({ readonly kind: 'restore' } & AtHost)
  /** The host gets a copy of the disk of another, and stays itself in name and address. */
  | ({ readonly kind: 'clone'; readonly from: string } & AtHost)
  /** Its node has this name from the next start. */
  | ({ readonly kind: 'rename'; readonly as: string } & AtHost)
  /** Each of two machines comes up at the address of the other. */
  | ({ readonly kind: 'swapAddresses'; readonly other: string } & AtHost)
  /** What the node there, or each node, is set to besides what it was, from the next start. */
  | { readonly kind: 'settings'; readonly host?: string; readonly settings: Readonly<Record<string, unknown>> }

/** What operators do, through the node at a host. */
export type ClusterFault =
  /** The node at the host declares another one left, be it dead or alive. */
  | ({ readonly kind: 'forceLeave'; readonly of: string } & AtHost)
  /** The key of gossip is changed everywhere, by the cluster's own queries: install, use, remove. */
  | ({ readonly kind: 'changeKey' } & AtHost)
  /** The certificate of a host is replaced by one that is good for so long. */
  | ({ readonly kind: 'certificate'; readonly forMs: number } & AtHost)
  /** The rules at a host let the nodes of these hosts not replicate from it; of none: they let all. */
  | ({ readonly kind: 'forbid'; readonly hosts: readonly string[] } & AtHost)

export type Fault = NetworkFault | ProcessFault | DiskFault | MachineFault | ClusterFault

export type FaultStep = Fault & { readonly atMs: number }
