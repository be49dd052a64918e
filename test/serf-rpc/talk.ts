/** The far end of a session in tests: says bytes, and hears headers and bodies as they came. */

import { MsgpackReader } from '../../src/gossip/msgpack-reader.ts'
import { MsgpackScanner } from '../../src/gossip/msgpack-scanner.ts'
import { Session, type SessionOptions } from '../../src/serf-rpc/session.ts'
import { encodeRequest } from '../../src/serf-rpc/wire.ts'
import type { FakeAgent } from './fake-agent.ts'

export class Talk {
  readonly session: Session
  readonly written: Uint8Array[] = []
  /** Undefined while the session has not ended; then why, empty for no reason. */
  ended: string | undefined
  /** The other side takes nothing. */
  full = false

  constructor(agent: FakeAgent, options: Pick<SessionOptions, 'authKey'> = {}) {
    this.session = new Session({
      agent,
      ...options,
      write: (bytes) => {
        this.written.push(bytes)
        return !this.full
      },
      end: (problem = '') => {
        this.ended = problem
      },
    })
  }

  /** Says it and lets the session come to rest. */
  async say(bytes: Uint8Array): Promise<void> {
    this.session.receive(bytes)
    await rest()
  }

  async ask(command: string, seq: number, body?: Uint8Array): Promise<void> {
    await this.say(encodeRequest(command, BigInt(seq), body))
  }

  /** All that came since the last time, as plain values; bytes as `{ $hex }`, as in the recordings. */
  heard(): unknown[] {
    const values = Buffer.concat(this.written.splice(0))
    const found: unknown[] = []
    const reader = new MsgpackReader(new Uint8Array(values))
    while (reader.at < reader.end) found.push(read(reader))
    return found
  }
}

/** Until nothing is under way but what waits for a test. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** One value of any type. */
function read(reader: MsgpackReader): unknown {
  const head = reader.input[reader.at]!
  const scanner = new MsgpackScanner(reader.at)
  if (scanner.advance(reader.input, reader.end) !== 'complete') throw new Error('not MessagePack')
  if (head === 0xc0) {
    reader.nil()
    return null
  }
  if ((head & 0xf0) === 0x80 || head === 0xde || head === 0xdf) {
    const entries = Array.from({ length: reader.mapSize() }, () => [reader.text(), read(reader)] as const)
    return Object.fromEntries(entries)
  }
  if (reader.nextIsArray()) return Array.from({ length: reader.arraySize() }, () => read(reader))
  if (head === 0xc2 || head === 0xc3) return reader.bool()
  if (head === 0xcb) return reader.float()
  if (head >= 0xc4 && head <= 0xc6) return { $hex: Buffer.from(reader.bytes()!).toString('hex') }
  if ((head & 0xe0) === 0xa0 || (head >= 0xd9 && head <= 0xdb)) return reader.text()
  return Number(reader.int64(-(2n ** 63n), 2n ** 64n - 1n))
}
