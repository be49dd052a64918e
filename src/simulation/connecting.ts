/** How a connection comes to be: knocking at a port until it opens, refuses or the time is up. */

import { type Address, NetworkError } from '../env/env.ts'
import type { SimulatedCertificate } from './certificates.ts'
import { ConnectionEnd } from './connection.ts'
import type { SimulatedEvent } from './event-heap.ts'
import { hears, type Machine, type Network } from './network.ts'
import type { Process } from './process.ts'

export interface ConnectOptions {
  readonly network: Network
  readonly machine: Machine
  readonly process: Process
  readonly to: Address
  readonly protocol: 'stream' | 'call'
  readonly timeoutMs: number
  /** Of the connection, once there is one. */
  readonly breakMs: number
  readonly keepalive: boolean
}

/** Answered by exactly one of `opened` and `failed`, unless given up before. */
export interface ConnectListener {
  opened(end: ConnectionEnd, shown: SimulatedCertificate | undefined): void
  /** ECONNREFUSED, ETIMEDOUT or ENOTFOUND. */
  failed(error: NetworkError): void
}

/** The first retransmission of a SYN, RFC 6298. */
const retryUs = 1_000_000

/** Knocks at the other machine until it answers or the time is up. Returns what gives it up. */
export function connect(options: ConnectOptions, listener: ConnectListener): () => void {
  const { network, machine, process, to } = options
  const { timeline } = network
  const local: Address = { host: machine.ip, port: machine.ephemeralPort() }
  const target = network.find(to.host, machine)
  let end: ConnectionEnd | undefined
  let knocking: SimulatedEvent | undefined
  let over = false

  const stop = (): void => {
    over = true
    timeline.cancel(timeout)
    timeline.cancel(knocking)
  }
  const fail = (code: string): void => {
    stop()
    end?.reset()
    listener.failed(new NetworkError(code, `connecting to ${to.host}:${to.port}: ${code}`))
  }
  const timeout = process.schedule('connect', options.timeoutMs * 1000, () => fail('ETIMEDOUT'), to.port)

  const knock = (): void => {
    if (over || target === undefined) return
    const lost = !network.isOpen(machine, target)
    const delayUs = lost ? retryUs : network.segmentDelayUs(machine, target)
    knocking = process.schedule('connect', delayUs, lost ? knock : () => arrive(target), to.port)
  }
  const arrive = (there: Machine): void => {
    if (over) return
    if (!network.isOpen(machine, there)) {
      knock()
      return
    }
    const port = there.connectionPorts.get(to.port)
    const isHeard = port?.protocol === options.protocol && hears(port.host, to.host)
    if (port === undefined || !isHeard || network.refuses(machine, there)) {
      if (network.isOpen(there, machine)) {
        process.schedule('connect', network.segmentDelayUs(there, machine), () => over || fail('ECONNREFUSED'), to.port)
      }
      return
    }
    const near = new ConnectionEnd(network, { machine, process, local }, options)
    const far = new ConnectionEnd(
      network,
      { machine: there, process: port.process, local: { host: there.ip, port: to.port } },
      options,
    )
    end = near
    near.peer = far
    far.peer = near
    near.onOpened = (shown) => {
      if (over) return
      stop()
      near.onOpened = undefined
      listener.opened(near, shown)
    }
    near.listener = { received: () => {}, broken: () => over || fail('ECONNREFUSED') }
    far.send({ kind: 'opened', shown: port.shows?.() })
    port.accept(far)
  }

  if (target === undefined) process.schedule('connect', 0, () => over || fail('ENOTFOUND'), to.port)
  else knock()
  return () => {
    if (over) return
    stop()
    end?.reset()
  }
}
