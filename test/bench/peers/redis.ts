/** Redis with a stream and an append-only file; its own load generator. */

import { execFileSync } from 'node:child_process'
import { freePorts } from '../../../src/cli/demo/ports.ts'
import type { Acks } from '../figure.ts'
import type { Stage } from '../stage.ts'

export type AppendFsync = 'always' | 'everysec'

export const redisName = { always: 'Redis, AOF always', everysec: 'Redis, AOF every second' } as const
export const redisAcks: Record<AppendFsync, Acks> = { always: 'fsync', everysec: 'no fsync' }

/** A version, or undefined where it is not installed. */
export function redisVersion(): string | undefined {
  try {
    execFileSync('redis-benchmark', ['--version'])
    return /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]
  } catch {
    return undefined
  }
}

/** The port, once it listens. */
export async function startRedis(stage: Stage, appendfsync: AppendFsync): Promise<number> {
  const [port] = (await freePorts(1)) as [number]
  const server = stage.run(`redis ${appendfsync}`, [
    ...['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', stage.folder(), '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', appendfsync, '--auto-aof-rewrite-percentage', '0'],
  ])
  await server.said('Ready to accept connections')
  return port
}

/**
 * XADD by the fastest client there is, `redis-benchmark`, with its usual fifty connections, which share the fsyncs of an
 * AOF: records/s.
 */
export async function addToRedis(
  stage: Stage,
  { port, records, recordBytes }: { port: number; records: number; recordBytes: number },
): Promise<number> {
  const words = ['-p', String(port), '-P', '64', '-c', '50', '-n', String(records), '--csv']
  const bench = stage.run('redis-benchmark', [
    ...['redis-benchmark', ...words, 'XADD', 's', '*', 'v', 'a'.repeat(recordBytes)],
  ])
  await bench.exited
  const perSecond = Number(bench.lines().at(-1)?.split(',')[1]?.replaceAll('"', ''))
  if (!(perSecond > 0)) throw new Error(`redis-benchmark: ${bench.story()}`)
  return perSecond
}
