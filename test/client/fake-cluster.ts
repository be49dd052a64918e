/** Servers in memory behind the types of `Rpc`: scripted, and cut off when a test says so. */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { formatAddress, parseAddress } from '../../src/address.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { Address, ClientCallListener, Random, Rpc } from '../../src/env/env.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { ReeveError } from '../../src/errors.ts'
import { GetServersResponseSchema, ServerStatus } from '../../src/gen/reeve/v1/log_service_pb.ts'

/** Leaves what is drawn by lot in the order it is in. */
const random: Random = { fraction: () => 0, bytes: (count) => new Uint8Array(count) }

/** The server's end of one call. */
export interface FakeCall {
  readonly server: string
  send<S extends DescMessage>(schema: S, message: MessageInitShape<S>): void
  sendBytes(bytes: Uint8Array): void
  finish(error?: ReeveError): void
  /** Whether the client asked to pause. */
  paused: boolean
  cancelled: boolean
  onMessage: (bytes: Uint8Array) => void
}

export type Handler = (call: FakeCall) => void

export interface FakeCluster {
  readonly rpc: Rpc
  readonly addresses: Address[]
  /** Every call so far: `host:port Method`. */
  readonly calls: string[]
  /** How long each of them may take, in ms. */
  readonly limits: number[]
  cut(server: string): void
  restore(server: string): void
}

/** Two servers of a scenario. */
export const [first, second] = ['127.0.0.1:1', '127.0.0.1:2'] as const

/** `timeoutMs`: how long it looks for a server that answers. */
export function clientOf(cluster: FakeCluster, timeoutMs = 1_000): Client {
  return connect({ addresses: cluster.addresses, timeoutMs, env: { rpc: cluster.rpc, clock: realClock, random } })
}

export const epochBytes = (digit: number): Uint8Array => new Uint8Array(16).fill(digit)
export const epochOf = (digit: number): string => {
  const pair = digit.toString(16).padStart(2, '0')
  return [4, 2, 2, 2, 6].map((count) => pair.repeat(count)).join('-')
}

/** `servers`: handlers by method name; GetServers answers with all of them unless it is scripted too. */
export function fakeCluster(servers: Record<string, Record<string, Handler>>): FakeCluster {
  const down = new Set<string>()
  const open = new Map<string, Set<(error: ReeveError) => void>>()
  const calls: string[] = []
  const limits: number[] = []
  const lost = (server: string) => new ReeveError('UNAVAILABLE', `${server} is gone`)

  const listServers: Handler = (call) => {
    call.onMessage = () => {
      call.send(GetServersResponseSchema, {
        servers: Object.keys(servers).map((name, index) => ({
          name: `node-${index + 1}`,
          rpcAddress: name,
          status: ServerStatus.ALIVE,
          epoch: epochBytes(index + 1),
        })),
      })
      call.finish()
    }
  }

  const rpc: Rpc = {
    serve: () => assertNever(),
    dial: ({ to }) => {
      const server = formatAddress(to)
      return {
        call: (path, { timeoutMs }, listener) => {
          const method = path.slice(path.lastIndexOf('/') + 1)
          calls.push(`${server} ${method}`)
          limits.push(timeoutMs ?? Number.POSITIVE_INFINITY)
          const handler = servers[server]?.[method] ?? (method === 'GetServers' ? listServers : undefined)
          return begin(server, handler, listener, timeoutMs)
        },
        close: () => undefined,
      }
    },
  }

  function begin(server: string, handler: Handler | undefined, listener: ClientCallListener, timeoutMs?: number) {
    let over = false
    const isLate = () => finish(new ReeveError('DEADLINE_EXCEEDED', 'no answer in time'))
    const timer = timeoutMs === undefined ? undefined : setTimeout(isLate, timeoutMs)
    const later = (run: () => void) => queueMicrotask(run)
    const finish = (error?: ReeveError) => {
      if (over) return
      over = true
      clearTimeout(timer)
      open.get(server)?.delete(finish)
      later(() => listener.closed(error))
    }
    const call: FakeCall = {
      server,
      send: (schema, message) => call.sendBytes(toBinary(schema, create(schema, message))),
      sendBytes: (bytes) => {
        if (!over) later(() => listener.message(bytes))
      },
      finish,
      paused: false,
      cancelled: false,
      onMessage: () => undefined,
    }
    if (down.has(server)) finish(lost(server))
    else if (!handler) finish(new ReeveError('METHOD_UNKNOWN', 'no such method'))
    else {
      open.set(server, (open.get(server) ?? new Set()).add(finish))
      handler(call)
    }
    return {
      send: (bytes: Uint8Array) => {
        if (!over) later(() => call.onMessage(bytes))
        return true
      },
      end: () => undefined,
      cancel: () => {
        call.cancelled = true
        finish(new ReeveError('CANCELLED', 'cancelled'))
      },
      pause: () => {
        call.paused = true
      },
      resume: () => {
        call.paused = false
      },
    }
  }

  return {
    rpc,
    calls,
    limits,
    addresses: Object.keys(servers).map((server) => parseAddress(server)!),
    cut: (server) => {
      down.add(server)
      for (const finish of [...(open.get(server) ?? [])]) finish(lost(server))
    },
    restore: (server) => down.delete(server),
  }
}

function assertNever(): never {
  throw new Error('clients do not serve')
}

export function read<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  return fromBinary(schema, bytes)
}
