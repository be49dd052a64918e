/** Counts what a member sends: a door to the world like the one it is given, with a counter in it. */

import type { ByteStream, Env } from '../../src/env/env.ts'
import { decodePacket } from '../../src/gossip/packet.ts'

export class Traffic {
  packets = 0
  packetBytes = 0
  /** In the packets; a packet may carry many. Counted while `reading`, as it costs more than to send them. */
  messages = 0
  streams = 0
  streamBytes = 0
  reading = false

  reset(): void {
    this.packets = this.packetBytes = this.messages = this.streams = this.streamBytes = 0
  }

  through(env: Env): Env {
    return {
      ...env,
      datagrams: {
        bind: async (at, receive) => {
          const socket = await env.datagrams.bind(at, receive)
          return {
            address: socket.address,
            send: (packet, to, failed) => {
              this.#sent(packet)
              socket.send(packet, to, failed)
            },
            close: () => socket.close(),
          }
        },
      },
      streams: {
        listen: (at, accept) => env.streams.listen(at, (stream) => accept(this.#counted(stream))),
        connect: async (to, timeoutMs, signal) => {
          const stream = await env.streams.connect(to, timeoutMs, signal)
          this.streams += 1
          return this.#counted(stream)
        },
        resolve: (host) => env.streams.resolve(host),
        ownAddresses: () => env.streams.ownAddresses(),
      },
    }
  }

  #sent(packet: Uint8Array): void {
    this.packets += 1
    this.packetBytes += packet.length
    if (this.reading) this.messages += decodePacket(packet).messages.length
  }

  #counted(stream: ByteStream): ByteStream {
    return {
      remote: stream.remote,
      receive: (listener) => stream.receive(listener),
      write: (bytes) => {
        this.streamBytes += bytes.length
        return stream.write(bytes)
      },
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    }
  }
}
