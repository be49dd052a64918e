/** One client of a Redis stream on a bare socket. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { command, ReplyReader } from './resp.ts'

export type RedisRequest = { readonly port: number } & (
  | { readonly task: 'add one by one'; readonly records: number; readonly recordBytes: number }
  | { readonly task: 'read'; readonly records: number; readonly recordBytes: number }
  | { readonly task: 'remove' }
)

export interface RedisResult {
  readonly tookMs: number
  readonly callMs: number[]
}

const readCount = 1000

class Connection {
  readonly #socket: Socket
  readonly #texts: Buffer[] = []
  #answer: (texts: Buffer[]) => void = () => undefined
  #fail: (error: unknown) => void = () => undefined

  constructor(socket: Socket) {
    this.#socket = socket
    const reader = new ReplyReader({
      text: (bytes) => void this.#texts.push(bytes),
      done: () => this.#answer(this.#texts.splice(0)),
    })
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk as Buffer)
      } catch (error) {
        this.#fail(error)
      }
    })
    socket.on('error', (error) => this.#fail(error))
  }

  /** All strings of the reply. */
  ask(request: Uint8Array): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#fail = reject
      this.#socket.write(request)
    })
  }
}

const connections = new Map<number, Connection>()

export async function run(request: RedisRequest): Promise<RedisResult> {
  const connection = connections.get(request.port) ?? (await connectTo(request.port))
  connections.set(request.port, connection)
  const callMs: number[] = []
  const beganMs = performance.now()
  if (request.task === 'remove') await connection.ask(command('UNLINK', 's'))
  if (request.task === 'add one by one') {
    const add = command('XADD', 's', '*', 'v', Buffer.alloc(request.recordBytes, 0x61))
    for (let sent = 0; sent < request.records; sent++) {
      const callBeganMs = performance.now()
      await connection.ask(add)
      callMs.push(performance.now() - callBeganMs)
    }
  }
  if (request.task === 'read') await read(connection, request.records, request.recordBytes)
  return { tookMs: performance.now() - beganMs, callMs }
}

/** From the start; each entry comes with its id, the name of its field, and its value. */
async function read(connection: Connection, records: number, recordBytes: number): Promise<void> {
  let from = '0'
  for (let got = 0; got < records; ) {
    const texts = await connection.ask(command('XREAD', 'COUNT', String(readCount), 'STREAMS', 's', from))
    const entries = (texts.length - 1) / 3
    if (entries < 1) throw new Error(`Redis has ${got} entries of ${records}`)
    for (let entry = 0; entry < entries; entry++) {
      if ((texts[3 * entry + 3] as Buffer).length !== recordBytes) throw new Error('Redis gave something else')
    }
    got += entries
    from = String(texts[texts.length - 3])
  }
}

async function connectTo(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return new Connection(socket)
}
