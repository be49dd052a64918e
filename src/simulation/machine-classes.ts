/** Classes of faults of processes, disks, machines and operators, and how a plan draws each. */

import type { DiskOperation, DiskTrouble } from './disk-trouble.ts'
import { type Draw, type DrawContext, outage } from './fault-draw.ts'

/** What else a node keeps (its format, its keys, Serf's snapshot) is not worth a start that is refused. */
const logsFolder = '/data/topics'
const yearMs = 365 * 86_400_000

const ends =
  (kind: 'kill' | 'crash' | 'powerOff' | 'stop'): Draw =>
  (context) =>
    outage(context, (host) => [{ kind, host }])

const pause: Draw = ({ random, running }) => {
  const host = running()
  if (host === undefined) return undefined
  return { faults: [{ kind: 'pause', host }], ends: [{ kind: 'resume', host }], afterMs: random.between(200, 30_000) }
}

const stall: Draw = ({ random, running }) => {
  const host = running()
  return host === undefined ? undefined : { faults: [{ kind: 'stall', host, forMs: random.integer(20, 5_000) }] }
}

const clock: Draw = ({ random, hosts }) => ({
  faults: [{ kind: 'clock', host: random.pick(hosts), offsetMs: random.integer(-30_000, 30_000) }],
})

const drift: Draw = ({ random, hosts }) => ({
  faults: [{ kind: 'drift', host: random.pick(hosts), ppm: random.integer(-5_000, 5_000) }],
})

const ails =
  (trouble: (context: DrawContext) => DiskTrouble, maxMs = 20_000): Draw =>
  (context) => {
    const host = context.running()
    if (host === undefined) return undefined
    const id = context.id()
    const faults = [{ kind: 'disk' as const, host, trouble: trouble(context), id }]
    return { faults, ends: [{ kind: 'diskHeals', host, id }], afterMs: context.random.between(200, maxMs) }
  }

const failing: readonly (readonly DiskOperation[])[] = [
  ['read'],
  ['write'],
  ['sync'],
  ['syncFolder'],
  ['open', 'rename', 'remove', 'makeFolder'],
  ['read', 'write', 'sync', 'syncFolder', 'open', 'rename', 'remove', 'makeFolder'],
]

const errors = ails(({ random }) => {
  const operations = random.pick(failing)
  return { kind: 'error', operations, code: 'EIO', ...(random.chance(0.5) && { times: random.integer(1, 3) }) }
})

const full = ails(({ random }) => ({ kind: 'full', freeBytes: random.integer(0, 20_000) }))
const slow = ails(({ random }) => ({ kind: 'slow', upToMs: random.integer(20, 2_000) }))
const readOnly = ails(() => ({ kind: 'readOnly' }))

/** A disk that lies is only worse than another when the power goes. */
const lying: Draw = (context) => {
  const { random } = context
  const host = context.victim()
  if (host === undefined) return undefined
  const id = context.id()
  const faults = [{ kind: 'disk' as const, host, trouble: { kind: 'lying', below: logsFolder } as const, id }]
  const cut = random.chance(0.7) ? [{ kind: random.pick(['crash', 'powerOff'] as const), host }] : []
  return {
    faults,
    ends: [...cut, { kind: 'diskHeals', host, id }, { kind: 'start', host }],
    afterMs: random.between(500, 15_000),
  }
}

const hang: Draw = ({ random, running }) => {
  const host = running()
  return host === undefined ? undefined : { faults: [{ kind: 'hang', host, forMs: random.integer(100, 10_000) }] }
}

const rot: Draw = ({ random, hosts }) => ({
  faults: [{ kind: 'rot', host: random.pick(hosts), share: random.fraction() }],
})

const wipe: Draw = (context) => outage(context, (host) => [{ kind: 'wipe', host }])

const restore: Draw = ({ random, victim }) => {
  const host = victim()
  if (host === undefined) return undefined
  return {
    faults: [{ kind: 'backUp', host }],
    ends: [
      { kind: 'restore', host },
      { kind: 'start', host },
    ],
    afterMs: random.between(2_000, 60_000),
  }
}

const clone: Draw = (context) =>
  outage(context, (host) => {
    const others = context.hosts.filter((other) => other !== host)
    return others.length === 0 ? [] : [{ kind: 'clone', host, from: context.random.pick(others) }]
  })

const rename: Draw = (context) =>
  outage(context, (host) => [{ kind: 'rename', host, as: `${host}-${context.id().replaceAll(/\D/g, '')}` }])

const address: Draw = (context) => {
  const [host, other] = context.victims(2) ?? []
  if (host === undefined || other === undefined) return undefined
  return {
    faults: [{ kind: 'swapAddresses', host, other }],
    ends: context.random.shuffle([host, other]).map((each) => ({ kind: 'start', host: each })),
    afterMs: context.random.between(50, 20_000),
  }
}

const forceLeave: Draw = ({ random, hosts, running }) => {
  const host = running()
  return host === undefined ? undefined : { faults: [{ kind: 'forceLeave', host, of: random.pick(hosts) }] }
}

const keys: Draw = ({ running }) => {
  const host = running()
  return host === undefined ? undefined : { faults: [{ kind: 'changeKey', host }] }
}

/** It runs out before somebody renews it. */
const certificates: Draw = ({ random, hosts }) => {
  const host = random.pick(hosts)
  return {
    faults: [{ kind: 'certificate', host, forMs: random.integer(0, 10_000) }],
    ends: [{ kind: 'certificate', host, forMs: yearMs }],
    afterMs: random.between(1_000, 40_000),
  }
}

const access: Draw = ({ random, hosts }) => {
  const host = random.pick(hosts)
  const others = hosts.filter((other) => other !== host)
  const forbidden = random.shuffle(others).slice(0, random.integer(1, Math.max(1, others.length)))
  return {
    faults: [{ kind: 'forbid', host, hosts: forbidden }],
    ends: [{ kind: 'forbid', host, hosts: [] }],
    afterMs: random.between(1_000, 40_000),
  }
}

export const machineClasses: Readonly<Record<string, Draw>> = {
  kill: ends('kill'),
  crash: ends('crash'),
  'power-off': ends('powerOff'),
  leave: ends('stop'),
  pause,
  stall,
  clock,
  drift,
  'io-errors': errors,
  'disk-full': full,
  'disk-slow': slow,
  'disk-hang': hang,
  'read-only': readOnly,
  'lying-disk': lying,
  'bit-rot': rot,
  wipe,
  restore,
  clone,
  rename,
  address,
  'force-leave': forceLeave,
  keys,
  certificates,
  access,
}
