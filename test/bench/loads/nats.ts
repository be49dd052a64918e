/** One client of a JetStream stream, file store, on a bare socket. */

import { repeated } from './grpc.ts'
import { NatsConnection, publication } from './nats-wire.ts'

export type NatsRequest = { readonly port: number } & (
  | { readonly task: 'create'; readonly replicas: number }
  | { readonly task: 'publish'; readonly records: number; readonly recordBytes: number; readonly inFlight: number }
  | { readonly task: 'read'; readonly records: number; readonly recordBytes: number }
  | { readonly task: 'purge' }
)

export interface NatsResult {
  readonly tookMs: number
  /** From each publication to its acknowledgement; only with one in flight. */
  readonly callMs: number[]
}

/** A cluster needs some time until it can create streams; before that it refuses, or does not answer. */
const createAttempts = 60
const createTimeoutMs = 2000
const attemptPauseMs = 200
const publicationsPerWrite = 64
const readBatch = 4096

const connections = new Map<number, NatsConnection>()
let readers = 0

export async function run(request: NatsRequest): Promise<NatsResult> {
  const connection = connections.get(request.port) ?? (await NatsConnection.to(request.port))
  connections.set(request.port, connection)
  const beganMs = performance.now()
  let callMs: number[] = []
  if (request.task === 'create') await createStream(connection, request.replicas)
  if (request.task === 'purge') await connection.ask('$JS.API.STREAM.PURGE.S', {})
  if (request.task === 'publish') callMs = await publish(connection, request)
  if (request.task === 'read') return { tookMs: await read(connection, request.records, request.recordBytes), callMs }
  return { tookMs: performance.now() - beganMs, callMs }
}

async function createStream(connection: NatsConnection, replicas: number): Promise<void> {
  const stream = { name: 'S', subjects: ['s'], storage: 'file', num_replicas: replicas }
  for (let attempt = 0; ; attempt++) {
    try {
      await connection.ask('$JS.API.STREAM.CREATE.S', stream, createTimeoutMs)
      return
    } catch (error) {
      if (attempt === createAttempts) throw error
      await new Promise((resolve) => setTimeout(resolve, attemptPauseMs))
    }
  }
}

/** So many unacknowledged at a time; each ack must say which number in the stream its message has. */
function publish(
  connection: NatsConnection,
  { records, recordBytes, inFlight }: { records: number; recordBytes: number; inFlight: number },
): Promise<number[]> {
  const published = new Promise<number[]>((resolve, reject) => {
    const callMs: number[] = []
    let sent = 0
    let acked = 0
    let sentMs = 0
    let filling = false
    const reply = connection.inbox((payload) => {
      if (!payload.includes('"seq":')) return reject(new Error(`NATS: ${payload}`))
      acked++
      if (inFlight === 1) callMs.push(performance.now() - sentMs)
      if (acked === records) return resolve(callMs)
      if (inFlight === 1) return fill()
      // One write for all that one turn's acknowledgements let go.
      if (!filling) setImmediate(fill)
      filling = true
    })
    const one = publication('s', reply, new Uint8Array(recordBytes).fill(0x61))
    const many = repeated(one, publicationsPerWrite)
    function fill(): void {
      filling = false
      for (;;) {
        const count = Math.min(records - sent, inFlight - (sent - acked), publicationsPerWrite)
        if (count <= 0) return
        if (inFlight === 1) sentMs = performance.now()
        connection.write(many.subarray(0, count * one.length))
        sent += count
      }
    }
    fill()
  })
  return Promise.race([published, connection.failed])
}

/** A pull consumer that acknowledges nothing; the next batch is asked for before the one before it has come. */
async function read(connection: NatsConnection, records: number, recordBytes: number): Promise<number> {
  const consumer = `c${readers++}`
  await connection.ask(`$JS.API.CONSUMER.DURABLE.CREATE.S.${consumer}`, {
    stream_name: 'S',
    config: { durable_name: consumer, ack_policy: 'none', deliver_policy: 'all', max_waiting: 16 },
  })
  const beganMs = performance.now()
  const whole = new Promise<void>((resolve, reject) => {
    let got = 0
    let asked = 0
    const inbox = connection.inbox((payload, hasHeaders) => {
      if (hasHeaders) return reject(new Error(`NATS has ${got} messages of ${records}: ${payload}`))
      if (payload.length !== recordBytes) return reject(new Error('NATS gave something else'))
      got++
      if (got === records) resolve()
      else if (asked - got < readBatch) ask()
    })
    function ask(): void {
      const batch = Math.min(readBatch, records - asked)
      if (batch <= 0) return
      asked += batch
      const request = Buffer.from(JSON.stringify({ batch, expires: 30_000_000_000 }))
      connection.write(publication(`$JS.API.CONSUMER.MSG.NEXT.S.${consumer}`, inbox, request))
    }
    ask()
    ask()
  })
  await Promise.race([whole, connection.failed])
  const tookMs = performance.now() - beganMs
  await connection.ask(`$JS.API.CONSUMER.DELETE.S.${consumer}`, {})
  return tookMs
}
