/** Writes to one node record by record through the client library: each record is acknowledged to who sent it. */

import { readFileSync } from 'node:fs'
import { type Client, connect, createRealEnv } from '../../../src/index.ts'
import type { Target } from '../stage.ts'

export interface SendRequest extends Target {
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
}

const clients = new Map<string, Client>()

export async function run(request: SendRequest): Promise<{ tookMs: number }> {
  const { topic, records } = request
  const client = libraryClient(request)
  const producer = client.producer({ topic })
  const value = new Uint8Array(request.recordBytes).fill(0x61)
  let acked = 0
  const count = () => {
    acked++
  }
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
  }
  const beganMs = performance.now()
  for (let sent = 0; sent < records; sent++) {
    producer.send({ value }).then(count, fail)
    if (sent % 64 === 0) await producer.ready()
  }
  await producer.flush()
  const tookMs = performance.now() - beganMs
  await producer.close()
  if (failure !== undefined) throw failure
  if (acked !== records) throw new Error(`${acked} records of ${records} were acknowledged`)
  return { tookMs }
}

/** One client a node and process. */
export function libraryClient({ address, caFile }: Target): Client {
  let client = clients.get(address)
  if (!client) {
    const tls = caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }
    client = connect({ addresses: [address], discovery: false, env: createRealEnv(), ...tls })
    clients.set(address, client)
  }
  return client
}
