/** What programs import from the package. */

import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { createNoopMeter, metrics } from '@opentelemetry/api'
import { type Logger, pino } from 'pino'
import type { InspectionEvent } from 'xstate'
import { parseAddress } from './address.ts'
import { version } from './cli/version.ts'
import { type Client, connect as connectThrough } from './client/client.ts'
import type { ConnectOptions } from './client/connections.ts'
import { type NodeSettings, parseConfig } from './config.ts'
import type { Env } from './env/env.ts'
import { readPage } from './env/page-folder.ts'
import { createRealEnv } from './env/real.ts'
import { realClock } from './env/real-clock.ts'
import { ReeveError } from './errors.ts'
import { statelyMessages } from './inspector/stately.ts'
import { createNode as composeNode, type ReeveNode } from './node.ts'

export type { Client } from './client/client.ts'
export type { ConsumedBatch } from './client/consumed-batch.ts'
export type { Consumer } from './client/consumer.ts'
export type { ConsumerOptions } from './client/consumer-options.ts'
export type { ClientCursors, NamedCursor } from './client/cursors.ts'
export type { Hole } from './client/holes.ts'
export type { Producer, ProducerOptions } from './client/producer.ts'
export type { Bytes, ConsumedRecord, OutgoingRecord, RecordId, RecordRun } from './client/record.ts'
export type { KnownServer, ServerState } from './client/resolver.ts'
export type { LogBounds, TopicInfo, TopicSettings } from './client/servers.ts'
export { processRecord, recordContext } from './client/tracing.ts'
export type { NodeConfig, NodeSettings } from './config.ts'
export type { Env, TlsMaterial } from './env/env.ts'
export { createRealEnv } from './env/real.ts'
export { type ErrorCode, errorTable, GrpcCode, isErrorCode, ReeveError } from './errors.ts'
export type { NodeStatus, ReeveNode } from './node.ts'

/**
 * A node in this process, not started yet. `settings` as in a configuration file. Logs to stderr as JSON unless `log` is
 * given; measured by the OpenTelemetry SDK that the program registered before, if any. `inspect` gets XState's inspection
 * stream of all its actors and must not throw. Throws `CONFIG_INVALID` with one line for each problem.
 */
export function createNode(
  settings: NodeSettings = {},
  options: { log?: Logger; env?: Env; inspect?: (event: InspectionEvent) => void } = {},
): ReeveNode {
  const config = parseConfig(settings, { hostName: hostname(), resolvePath: (path) => resolve(path) })
  const log = options.log ?? pino({ level: config.logLevel, base: { node: config.nodeName } }, pino.destination(2))
  // Without an SDK nothing of it would be kept.
  const meter = metrics.getMeter('reeve', version())
  const measured = meter.constructor === createNoopMeter().constructor ? undefined : { meter }
  const { inspect } = options
  const about = { log, page: readPage, version: version(), metrics: measured, ...(inspect && { inspect }) }
  return composeNode(config, options.env ?? createRealEnv(), about)
}

/**
 * For `inspect` of `createNode`: what the actors do, as the messages that Stately's own inspector takes. `send` gets each as
 * text, as from the node's creation on, and is the one to keep those that come before there is a connection.
 */
export function statelyInspector(send: (message: string) => void): (event: InspectionEvent) => void {
  return statelyMessages(send, realClock)
}

/** A client of the cluster that these servers (`host:port`) belong to. Sends nothing yet. Throws `CONFIG_INVALID`. */
export function connect(
  options: Omit<ConnectOptions, 'addresses' | 'env'> & { addresses: readonly string[]; env?: ConnectOptions['env'] },
): Client {
  const addresses = options.addresses.map((text) => {
    const address = parseAddress(text)
    if (!address) throw new ReeveError('CONFIG_INVALID', `addresses: needs host:port, not ${JSON.stringify(text)}`)
    return address
  })
  if (addresses.length === 0) throw new ReeveError('CONFIG_INVALID', 'addresses: needs at least one host:port')
  return connectThrough({ ...options, addresses, env: options.env ?? createRealEnv() })
}
