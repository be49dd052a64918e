/** Who looks on at a node: its inspector, and what is measured. Without either, the node's parts are as they are. */

import type { Disk } from './env/env.ts'
import { DiskRoom } from './inspector/disk-room.ts'
import type { Inspector } from './inspector/inspector.ts'
import { inspectNode, type NodeParts } from './inspector/sources.ts'
import { SyncTimes } from './inspector/sync-times.ts'
import { measureNode } from './metrics/measure-node.ts'
import type { NodeMetrics } from './metrics/node-metrics.ts'
import { timedDisk } from './metrics/timed-disk.ts'

export interface Watching {
  readonly inspector: Inspector | undefined
  readonly metrics: NodeMetrics | undefined
  readonly logDisk: Disk
}

export function watchNode(parts: Omit<NodeParts, 'room' | 'syncs'>): Watching {
  const { config, env, options } = parts
  const syncs = new SyncTimes()
  const watched = { ...parts, syncs, room: new DiskRoom(env.disk, env.clock, config.dataDir) }
  const inspector = config.inspect ? inspectNode(watched) : undefined
  const metrics = config.metrics && options.metrics ? measureNode(options.metrics.meter, watched) : undefined
  const synced = (ms: number) => {
    if (inspector) syncs.note(ms)
    metrics?.synced(ms)
  }
  const logDisk = inspector || metrics ? timedDisk(env.disk, env.clock, synced) : env.disk
  return { inspector, metrics, logDisk }
}
