/** What a step of a plan does to the world and to the nodes in it. A step that makes no sense just now does nothing. */

import type { Fault } from './faults.ts'
import type { Host } from './host.ts'
import type { NodeSlot } from './node-slot.ts'
import { registrarOf } from './registrar.ts'
import type { World } from './world.ts'

export interface FaultTargets {
  readonly world: World
  /** Throws for a name that is no host. */
  readonly slot: (host: string) => NodeSlot
  /** Told just before a disk loses what it said was durable, if it does not keep it. `from`: whose disk it has then, as that is or was. */
  readonly losing?: (host: string, from: string | undefined) => void
  /** Told of the file in which a bit has turned over. */
  readonly rotted?: (host: string, path: string) => void
}

type Application = { readonly [kind in Fault['kind']]: (fault: Fault & { kind: kind }, targets: FaultTargets) => void }

/** Below it lie the logs; what else a node keeps (its format, its keys, Serf's snapshot) does not rot. */
const rottingFolder = '/data/topics'

const applications: Application = {
  partition: ({ groups, id }, { world }) => world.partition(groups, id),
  bridge: ({ sides, id }, { world }) => world.bridge(sides, id),
  block: ({ from, to, id }, { world }) => world.block(from, to, id),
  flap: ({ sides, id, ...options }, { world }) => world.flap(sides, options, id),
  heal: ({ id }, { world }) => world.heal(id),
  weather: ({ weather, id, hosts, from, to }, { world }) =>
    world.setWeather(weather, { ...(hosts && { hosts }), ...(from && { from }), ...(to && { to }) }, id),
  calm: ({ id }, { world }) => world.calm(id),
  halfOpen: ({ from, to }, { world }) => world.network.halfOpen(from, to),
  reset: ({ host, peer }, { world }) => world.network.resetConnections(host, peer),
  refuse: ({ host }, { world }) => world.network.refuse(host, true),
  accept: ({ host }, { world }) => world.network.refuse(host, false),

  start: ({ host }, { slot }) => slot(host).start(),
  stop: ({ host }, { slot }) => slot(host).stop(),
  kill: ({ host }, { slot }) => slot(host).end('kill'),
  crash: ({ host }, targets) => losePower(host, 'crash', targets),
  powerOff: ({ host }, targets) => losePower(host, 'powerOff', targets),
  pause: ({ host }, { world }) => world.host(host).pause(),
  resume: ({ host }, { world }) => world.host(host).resume(),
  stall: ({ host, forMs }, { world }) => world.host(host).stall(forMs),
  clock: ({ host, offsetMs }, { world }) => {
    world.host(host).clockError.offsetMs = offsetMs
  },
  drift: ({ host, ppm }, { world }) => world.host(host).drift(ppm),

  disk: ({ host, trouble, id }, { world }) => world.host(host).disk.begin(id ?? trouble.kind, trouble),
  diskHeals: ({ host, id }, { world }) => world.host(host).disk.end(id),
  hang: ({ host, forMs }, { world }) => world.host(host).hangDisk(forMs),
  rot: ({ host, share }, { world, rotted }) => {
    const path = world.host(host).disk.rot(share, rottingFolder)
    if (path !== undefined) rotted?.(host, path)
  },

  wipe: ({ host }, targets) => replaceDisk(host, targets, undefined, ({ disk }) => disk.wipe()),
  backUp: ({ host }, { world }) => world.host(host).backUp(),
  restore: ({ host }, targets) => replaceDisk(host, targets, host, (machine) => machine.restoreBackup()),
  clone: ({ host, from }, targets) =>
    replaceDisk(host, targets, from, ({ disk }) => disk.restore(targets.world.host(from).disk.image())),
  rename: ({ host, as }, { world, slot }) => {
    slot(host).end('kill')
    world.host(host).nodeName = as
  },
  swapAddresses: ({ host, other }, { world, slot }) => {
    if (host === other) return
    slot(host).end('kill')
    slot(other).end('kill')
    world.swapAddresses(host, other)
  },
  settings: ({ host, settings }, { world }) => {
    const machines = host === undefined ? world.hosts.values() : [world.host(host)]
    for (const machine of machines) machine.settings = { ...machine.settings, ...settings }
  },

  forceLeave: ({ host, of }, { world, slot }) => {
    const { node } = slot(host)
    node?.forceLeave?.(world.host(of).nodeName).catch((error) => world.note(`force-leave failed: ${String(error)}`))
  },
  changeKey: ({ host }, { world, slot }) => {
    const { node } = slot(host)
    node?.changeKey?.().then(
      () => world.note('the key is changed'),
      (error) => world.note(`the key is not changed: ${String(error)}`),
    )
  },
  certificate: ({ host, forMs }, { world }) => registrarOf(world).certify(world.host(host), forMs),
  forbid: ({ host, hosts }, { world }) => {
    const names = hosts.map((other) => world.host(other).nodeName)
    registrarOf(world).forbid(world.host(host), names)
  },
}

/** Whatever lasts ends. */
export function endFaults({ world }: FaultTargets): void {
  world.healAll()
  registrarOf(world).restoreAll()
}

export function applyFault(fault: Fault, targets: FaultTargets): void {
  const apply = applications[fault.kind] as (fault: Fault, targets: FaultTargets) => void
  apply(fault, targets)
}

function losePower(host: string, how: 'crash' | 'powerOff', { world, slot, losing }: FaultTargets): void {
  if (world.host(host).disk.troubles.isLying) losing?.(host, host)
  slot(host).end(how)
}

function replaceDisk(
  host: string,
  { world, slot, losing }: FaultTargets,
  from: string | undefined,
  replace: (machine: Host) => void,
): void {
  losing?.(host, from)
  slot(host).end('kill')
  replace(world.host(host))
}
