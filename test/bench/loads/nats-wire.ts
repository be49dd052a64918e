/** NATS' protocol, as much of it as a stream's clients need. https://docs.nats.io/reference/reference-protocols/nats-protocol */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Its payload is a view of what arrived; with headers, which only tell of errors here, it has those. */
export type OnMessage = (payload: Buffer, hasHeaders: boolean) => void

export class NatsConnection {
  readonly #socket: Socket
  readonly #inbox = `_INBOX.${process.pid}.${Math.random().toString(36).slice(2)}`
  readonly #listeners: OnMessage[] = []
  #rest: Buffer = Buffer.alloc(0)
  #fail: (error: Error) => void = () => undefined
  /** Rejects when the server says that something is wrong, or ends. */
  readonly failed: Promise<never>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    socket.on('data', (chunk) => this.#push(chunk as Buffer))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('NATS closed the connection')))
  }

  static async to(port: number): Promise<NatsConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const connection = new NatsConnection(socket)
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'bench', version: '1' }
    connection.write(Buffer.from(`CONNECT ${JSON.stringify(options)}\r\n`))
    return connection
  }

  /** A new subject whose messages go to the listener. */
  inbox(listener: OnMessage): string {
    const subscription = this.#listeners.push(listener)
    const subject = `${this.#inbox}.${subscription}`
    this.write(Buffer.from(`SUB ${subject} ${subscription}\r\n`))
    return subject
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** One question to JetStream; rejects with what it answers in `error`, and when it does not answer. */
  async ask(subject: string, question: object, timeoutMs = 60_000): Promise<Record<string, unknown>> {
    let timer: NodeJS.Timeout | undefined
    const answer = await Promise.race([
      this.failed,
      new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`NATS does not answer ${subject}`)), timeoutMs)
      }),
      new Promise<Buffer>((resolve) => {
        const reply = this.inbox((payload) => resolve(Buffer.from(payload)))
        this.write(publication(subject, reply, Buffer.from(JSON.stringify(question))))
      }),
    ]).finally(() => clearTimeout(timer))
    const answered = parse(answer)
    if (answered.error) throw new Error(`NATS: ${JSON.stringify(answered.error)}`)
    return answered
  }

  #push(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(10, at)
      if (lineEnd < 0) break
      const first = bytes[at] as number
      const payloadAt = lineEnd + 1
      if (first === 0x4d || first === 0x48) {
        // MSG subject sid [reply] bytes; HMSG subject sid [reply] header-bytes bytes
        const length = lastNumber(bytes, lineEnd - 2)
        if (payloadAt + length + 2 > bytes.length) break
        this.#listeners[sidOf(bytes, at) - 1]?.(bytes.subarray(payloadAt, payloadAt + length), first === 0x48)
        at = payloadAt + length + 2
        continue
      }
      if (first === 0x50 && bytes[at + 1] === 0x49) this.write(Buffer.from('PONG\r\n'))
      if (first === 0x2d) this.#fail(new Error(`NATS: ${bytes.subarray(at, lineEnd - 1)}`))
      at = payloadAt
    }
    this.#rest = bytes.subarray(at)
  }
}

export function publication(subject: string, reply: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`PUB ${subject} ${reply} ${payload.length}\r\n`), payload, Buffer.from('\r\n')])
}

/** Nobody answers a question where JetStream is not ready: that comes as headers alone. */
function parse(answer: Buffer): { error?: unknown } & Record<string, unknown> {
  try {
    return JSON.parse(String(answer))
  } catch {
    return { error: String(answer).trim() }
  }
}

/** The third word. */
function sidOf(bytes: Buffer, at: number): number {
  const from = bytes.indexOf(32, bytes.indexOf(32, at) + 1) + 1
  let value = 0
  for (let digit = from; (bytes[digit] as number) > 0x20; digit++) value = value * 10 + (bytes[digit] as number) - 0x30
  return value
}

/** The number whose last digit is there. */
function lastNumber(bytes: Buffer, end: number): number {
  let value = 0
  let weight = 1
  for (let at = end; (bytes[at] as number) > 0x20; at--) {
    value += ((bytes[at] as number) - 0x30) * weight
    weight *= 10
  }
  return value
}
