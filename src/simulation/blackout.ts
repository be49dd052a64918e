/** The power of the whole room fails, and is back after a while: the only fault that leaves nobody running. */

import type { Draw } from './fault-draw.ts'

export const blackout: Draw = ({ random, hosts, allRunning }) => {
  const struck = allRunning()
  if (struck.length === 0) return undefined
  return {
    // Those that are down by now lose what is not on their disks, too.
    faults: hosts.map((host) => ({ kind: 'powerOff', host })),
    ends: random.shuffle(struck).map((host) => ({ kind: 'start', host })),
    // A fuse, or a failure until somebody comes.
    afterMs: random.chance(0.4) ? random.between(50, 2_000) : random.between(2_000, 15_000),
    // At one moment, or one machine after the other.
    apartMs: random.chance(0.3) ? 0 : random.between(0, 3_000),
    startsWait: true,
  }
}
