import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Ports on loopback that are free for TCP and UDP alike; all are held until all are found, so they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Held[] = []
  try {
    while (held.length < count) {
      const next = await holdPort()
      if (next) held.push(next)
    }
    return held.map((each) => each.port)
  } finally {
    await Promise.all(held.map((each) => each.release()))
  }
}

interface Held {
  readonly port: number
  release(): Promise<void>
}

async function holdPort(): Promise<Held | undefined> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = createSocket('udp4')
  try {
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
  } catch {
    socket.close()
    await closed(server)
    return undefined
  }
  return {
    port,
    release: async () => {
      socket.close()
      await closed(server)
    },
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
