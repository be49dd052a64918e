import { createSocket, type SocketOptions } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { DatagramSocket, Datagrams } from './env.ts'
import { networkError } from './real-streams.ts'

/** Room for a burst of gossip while the event loop is busy elsewhere. */
const receiveBufferBytes = 1 << 20

/** All our addresses are IP addresses: nothing to look up, which Node would put off to a later turn all the same. */
const asItIs: SocketOptions['lookup'] = (host, _options, found) => found(null, host, isIPv6(host) ? 6 : 4)

export const realDatagrams: Datagrams = {
  bind: (at, receive) =>
    new Promise((resolve, reject) => {
      const type = isIPv6(at.host) ? 'udp6' : 'udp4'
      const socket = createSocket({ type, recvBufferSize: receiveBufferBytes, lookup: asItIs })
      let open = false
      socket.on('error', (error) => {
        // After binding, an error belongs to one packet (ICMP refusals among them): the socket goes on.
        if (!open) reject(networkError(error))
      })
      socket.on('message', (packet, from) => receive(packet, { host: from.address, port: from.port }))
      socket.bind(at.port, at.host, () => {
        open = true
        const { address, port } = socket.address()
        const bound: DatagramSocket = {
          address: { host: address, port },
          send: (packet, to, failed) => {
            if (!open) return
            socket.send(packet, to.port, to.host, (error) => {
              if (error && failed) failed(networkError(error))
            })
          },
          close: () => {
            if (!open) return
            open = false
            socket.close()
          },
        }
        resolve(bound)
      })
    }),
}
