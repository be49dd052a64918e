/** Where figures come from. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { natsVersion } from './peers/nats.ts'
import { redisVersion } from './peers/redis.ts'

export interface Machine {
  readonly processors: string
  readonly memoryGiB: number
  readonly system: string
  /** Of the folder that everything is written to. */
  readonly disk: string
  readonly node: string
  readonly redis: string | undefined
  readonly nats: string | undefined
  readonly serf: string | undefined
  /** Processes that ran or waited, of the minute before the run. */
  readonly load: number
}

export function machine(folder: string): Machine {
  return {
    processors: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    disk: fileSystemOf(folder),
    node: process.version.slice(1),
    redis: redisVersion(),
    nats: natsVersion(),
    serf: serfVersion(),
    load: loadavg()[0] ?? 0,
  }
}

/** More than this is other work going on. */
const restingLoad = 0.5

export function machineText(machine: Machine): string {
  const { processors, memoryGiB, system, disk, node, redis, nats, serf, load } = machine
  const programs = [
    `Node ${node}`,
    redis && `Redis ${redis}`,
    nats && `nats-server ${nats}`,
    serf && `serf ${serf}`,
  ].filter((text) => text)
  const busy = load > restingLoad ? `; busy with other work (load ${load.toFixed(1)})` : ''
  return `${processors}, ${memoryGiB} GiB, ${system}, data on ${disk}; ${programs.join(', ')}${busy}`
}

/** The type of the mount that holds it: on a tmpfs an fsync costs nothing, and figures say little. */
function fileSystemOf(folder: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    const holding = mounts
      .map((line) => line.split(' '))
      .filter(([, at]) => at !== undefined && (at === '/' || folder === at || folder.startsWith(`${at}/`)))
      .sort((a, b) => b[1]!.length - a[1]!.length)[0]
    return holding ? `${holding[2]} (${holding[0]})` : 'an unknown disk'
  } catch {
    return 'an unknown disk'
  }
}

function serfVersion(): string | undefined {
  try {
    return /v([\d.]+)/.exec(
      execFileSync('serf', ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    )?.[1]
  } catch {
    return undefined
  }
}
