/** Runs a node as a process: its log, its signals, its exit code. */

import { availableParallelism } from 'node:os'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { NodeConfig } from '../config.ts'
import { readPage } from '../env/page-folder.ts'
import { createRealEnv } from '../env/real.ts'
import { toReeveError } from '../errors.ts'
import type { MetricsOutlet } from '../metrics/measure-node.ts'
import { createNode } from '../node.ts'
import { RecentLines } from '../serf-rpc/recent-lines.ts'
import { Exit, exitCodeOf, reportError } from './exit.ts'
import { onInterrupt } from './interrupt.ts'
import { optimiseLate, optimiseOnceWritten } from './optimise-late.ts'
import { version } from './version.ts'

/** Beyond the drain: time to leave gossip, to sync the logs and to close. */
const stopMarginMs = 15_000

/** Resolves with the exit code once the node has stopped. */
export async function runAgent(config: NodeConfig): Promise<number> {
  optimiseLate()
  const lines = new RecentLines()
  const log = await createLog(config, lines)
  const metrics = await createMetrics(config)
  const node = createNode(config, createRealEnv(), {
    metrics,
    ...{ log, page: readPage, version: version() },
    process: { lines, runtime: runtimeFacts() },
  })
  let stopping = false
  const stop = (reason: string) => {
    stopping = true
    log.info({ reason }, 'stopping')
    const limitMs = config.drainTimeoutMs + stopMarginMs
    setTimeout(() => {
      log.fatal({ limitMs }, 'could not stop in time')
      process.exit(Exit.failure)
    }, limitMs).unref()
    node.stop().catch((error: unknown) => log.error({ error: toReeveError(error).message }, 'stopping failed'))
  }
  const restore = onInterrupt(stop)
  // A program that started it with a channel and is gone no longer needs it.
  process.channel?.unref()
  process.once('disconnect', () => stop('parent is gone'))
  const reload = () => void node.reload()
  process.on('SIGHUP', reload)
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'crashed')
    process.exit(Exit.failure)
  })
  try {
    await node.start()
  } catch (error) {
    if (!stopping) return reportError(error)
  }
  if (node.journal) optimiseOnceWritten(node.journal)
  const { node: _name, ...facts } = node.status()
  if (!stopping) log.info(facts, 'ready')
  const inspector = node.inspectorLink()
  if (inspector !== undefined && !stopping) log.info({ inspector }, 'open this link, once, to watch what happens')
  const failure = await node.done
  restore()
  process.off('SIGHUP', reload)
  if (failure) {
    reportError(failure)
    return exitCodeOf(failure) || Exit.failure
  }
  log.info('stopped')
  return Exit.ok
}

/** Not loaded where nobody can come and ask: without an HTTP port. */
async function createMetrics(config: NodeConfig): Promise<MetricsOutlet | undefined> {
  if (!config.metrics || config.httpPort === undefined) return undefined
  const { createScrape } = await import('./metrics/scrape.ts')
  return createScrape({ node: config.nodeName, cluster: config.clusterName, version: version() })
}

/** As `serf info` names them. */
function runtimeFacts(): ReadonlyMap<string, string> {
  const cpus = String(availableParallelism())
  return new Map([
    ['arch', process.arch],
    ['cpu_count', cpus],
    ['max_procs', cpus],
    ['os', process.platform],
    ['version', `node ${process.version}`],
  ])
}

/** To stderr; with a Serf RPC port also to `lines`, from level debug on, for whoever watches there. */
async function createLog(config: NodeConfig, lines: RecentLines): Promise<Logger> {
  const { logLevel } = config
  const options = { level: logLevel, base: { node: config.nodeName }, timestamp: stdTimeFunctions.isoTime }
  const stderr = await createStderr(config)
  if (!config.serfRpcAddr) return pino(options, stderr)
  const printed = logLevel === 'silent' ? [] : [{ level: logLevel, stream: stderr }]
  const streams = pino.multistream([...printed, { level: 'debug', stream: lines }])
  return pino({ ...options, level: logLevel === 'trace' ? 'trace' : 'debug' }, streams)
}

/** Written before the call returns, so that no line is lost at the end. */
async function createStderr(config: NodeConfig): Promise<DestinationStream> {
  const isPretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && process.stderr.isTTY === true)
  if (!isPretty) {
    const lines = pino.destination({ fd: 2, sync: true })
    // Nobody reads them any more: no reason to stop.
    lines.on('error', () => undefined)
    return lines
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY === true && !process.env.NO_COLOR,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'node,actor,peer',
    messageFormat: (line, key) =>
      `${[line.node, line.actor, line.peer].filter((part) => part !== undefined).join(' ')}  ${line[key]}`,
  })
}
