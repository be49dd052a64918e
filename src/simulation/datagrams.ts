/** Packets between processes: late, lost, doubled, out of order, as the network says. */

import { type Address, type DatagramSocket, type Datagrams, NetworkError } from '../env/env.ts'
import { type DatagramPort, hears, isLoopback, type Machine, type Network, portFor } from './network.ts'
import type { Process } from './process.ts'
import { tagOf } from './trace.ts'

/** The largest payload of a UDP packet over IPv4. */
const maxPacketBytes = 65_507
/** What a socket holds for a process that does not read: Linux's default. */
const receiveBufferBytes = 212_992

export class SimulatedDatagrams implements Datagrams {
  readonly #network: Network
  readonly #machine: Machine
  readonly #process: Process

  constructor(network: Network, machine: Machine, process: Process) {
    this.#network = network
    this.#machine = machine
    this.#process = process
  }

  bind(at: Address, receive: (packet: Uint8Array, from: Address) => void): Promise<DatagramSocket> {
    const machine = this.#machine
    const process = this.#process
    return process.later('socket', 0, () => {
      const port = portFor(machine, at, machine.datagramPorts)
      const address: Address = { host: at.host, port }
      const unbind = (): void => {
        machine.datagramPorts.delete(port)
      }
      const release = process.hold('sockets', `${at.host}:${port}`, unbind)
      machine.datagramPorts.set(port, { host: at.host, process, waitingBytes: 0, receive })
      let open = true
      return {
        address,
        send: (packet, to, failed) => {
          if (!open || !process.alive) return
          const error = this.#send(packet, port, to)
          if (error !== undefined && failed !== undefined) process.schedule('packet', 0, () => failed(error))
        },
        close: () => {
          if (!open || !process.alive) return
          open = false
          release()
          unbind()
        },
      }
    })
  }

  #send(packet: Uint8Array, port: number, to: Address): NetworkError | undefined {
    const network = this.#network
    if (packet.length > maxPacketBytes) return new NetworkError('EMSGSIZE', `a packet of ${packet.length} bytes`)
    const target = network.find(to.host, this.#machine)
    if (target === undefined) return new NetworkError('ENETUNREACH', `no route to ${to.host}`)
    const from: Address = { host: isLoopback(to.host) ? '127.0.0.1' : this.#machine.ip, port }
    const tag = tagOf(packet, to.port)
    const delaysUs = network.isOpen(this.#machine, target)
      ? network.datagramDelaysUs(this.#machine, target, packet.length)
      : []
    if (delaysUs.length === 0) network.trace.event(network.timeline.nowUs, 'packetLost', this.#machine.index, tag)
    for (const delayUs of delaysUs) {
      const copy = packet.slice()
      // Of the world: what is on the wire arrives even when its sender is dead, and the receiver is found on arrival.
      network.timeline.schedule(undefined, 'packet', delayUs, () => this.#arrive(copy, from, target, to), tag)
    }
    return undefined
  }

  #arrive(packet: Uint8Array, from: Address, target: Machine, to: Address): void {
    if (!this.#network.isOpen(this.#machine, target)) return
    const port = target.datagramPorts.get(to.port)
    if (port === undefined || !hears(port.host, to.host)) return
    const { process } = port
    if (!process.paused) {
      this.#deliver(port, packet, from)
      return
    }
    if (port.waitingBytes + packet.length > receiveBufferBytes) return
    port.waitingBytes += packet.length
    process.schedule('packet', 0, () => {
      port.waitingBytes -= packet.length
      if (target.datagramPorts.get(to.port) === port) this.#deliver(port, packet, from)
    })
  }

  #deliver(port: DatagramPort, packet: Uint8Array, from: Address): void {
    try {
      port.receive(packet, from)
    } catch (error) {
      port.process.failed(error)
    }
  }
}
