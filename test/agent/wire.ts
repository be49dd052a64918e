/** A wire between a client and a node that a test holds: it can lose what the node answers, and lead to another node. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** host:port of the node. */
  #to: string
  #answersLost = false

  private constructor(server: Server, to: string) {
    this.#server = server
    this.#to = to
    server.on('connection', (client) => this.#accept(client))
  }

  static async open(to: string): Promise<Wire> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Wire(server, to)
  }

  /** What a client calls. */
  get rpcAddress(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on nothing that the node answers arrives, while all that is sent does. */
  loseAnswers(): void {
    this.#answersLost = true
  }

  /** New connections lead there, in both directions. */
  leadTo(to: string): void {
    this.#to = to
    this.#answersLost = false
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(client: Socket): void {
    const at = this.#to.lastIndexOf(':')
    const node = connect(Number(this.#to.slice(at + 1)), this.#to.slice(0, at))
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      this.#sockets.add(one)
      one.on('data', (bytes) => {
        if (one === client || !this.#answersLost) other.write(bytes)
      })
      one.on('error', () => {})
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
  }
}
