/** What a step of a plan does to the world and to the nodes in it. A step that makes no sense just now does nothing. */

import type { Fault } from './faults.ts'
import type { NodeSlot } from './node-slot.ts'
import type { World } from './world.ts'

export interface FaultTargets {
  readonly world: World
  /** Throws for a name that is no host. */
  readonly slot: (host: string) => NodeSlot
}

type Application = { readonly [kind in Fault['kind']]: (fault: Fault & { kind: kind }, targets: FaultTargets) => void }

const applications: Application = {
  start: ({ host }, { slot }) => slot(host).start(),
  stop: ({ host }, { slot }) => slot(host).stop(),
  kill: ({ host }, { slot }) => slot(host).end('kill'),
  crash: ({ host }, { slot }) => slot(host).end('crash'),
  powerOff: ({ host }, { slot }) => slot(host).end('powerOff'),
  partition: ({ groups }, { world }) => world.partition(groups),
  block: ({ from, to }, { world }) => world.block(from, to),
  heal: (_, { world }) => world.heal(),
  weather: ({ weather, hosts }, { world }) => world.setWeather(weather, hosts),
  calm: (_, { world }) => world.calm(),
  clock: ({ host, offsetMs }, { world }) => {
    world.host(host).clockError.offsetMs = offsetMs
  },
}

export function applyFault(fault: Fault, targets: FaultTargets): void {
  const apply = applications[fault.kind] as (fault: Fault, targets: FaultTargets) => void
  apply(fault, targets)
}
