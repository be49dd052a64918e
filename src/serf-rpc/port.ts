/** The port of a node for Serf's own command line and its libraries: sessions over streams, within limits. */

import type { Logger } from 'pino'
import type { Address, ByteStream, Env, StreamListener, Timer } from '../env/env.ts'
import { NetworkError } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { RpcAgent } from './agent.ts'
import { Session } from './session.ts'

const maxConnections = 128
/** To shake hands and to show the key. */
const admissionMs = 10_000
/** For the other side to take a last answer and to close. */
const lingerMs = 2_000

export interface SerfRpcOptions {
  readonly env: Pick<Env, 'clock' | 'streams'>
  readonly at: Address
  /** Without it everybody who reaches the port may do everything. */
  readonly authKey?: string
  readonly agent: RpcAgent
  readonly log: Logger
}

export interface SerfRpc {
  readonly address: Address
  close(): void
}

/** Rejects with `ADDRESS_UNUSABLE`. */
export async function openSerfRpc(options: SerfRpcOptions): Promise<SerfRpc> {
  const { at, env } = options
  const connections = new Connections(options)
  let listener: StreamListener
  try {
    listener = await env.streams.listen(at, (stream) => connections.take(stream))
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    const where = `${at.host}:${at.port}`
    const why = error.code === 'EADDRINUSE' ? 'another process has that port (EADDRINUSE)' : error.message
    throw new ReeveError('ADDRESS_UNUSABLE', `Serf RPC cannot listen on ${where}: ${why}`, { cause: error })
  }
  return {
    address: listener.address,
    close() {
      listener.close()
      connections.close()
    },
  }
}

class Connections {
  readonly #options: SerfRpcOptions
  readonly #open = new Map<ByteStream, () => void>()

  constructor(options: SerfRpcOptions) {
    this.#options = options
  }

  take(stream: ByteStream): void {
    const { env, agent, authKey } = this.#options
    if (this.#open.size >= maxConnections) {
      this.#note(stream, 'too many connections')
      stream.destroy()
      return
    }
    let timer: Timer | undefined
    const limit = (delayMs: number, expired: () => void) => {
      env.clock.clearTimeout(timer)
      timer = env.clock.setTimeout(expired, delayMs)
    }
    const session = new Session({
      agent,
      ...(authKey !== undefined && { authKey }),
      write: (bytes) => stream.write(bytes),
      end: (problem) => {
        if (problem !== undefined) this.#note(stream, problem)
        stream.end()
        limit(lingerMs, () => stream.destroy())
      },
    })
    limit(admissionMs, () => {
      if (session.isAdmitted) return
      this.#note(stream, 'not admitted in time')
      stream.destroy()
    })
    const release = () => {
      this.#open.delete(stream)
      env.clock.clearTimeout(timer)
      session.close()
    }
    this.#open.set(stream, release)
    const guarded = (action: () => void) => {
      try {
        action()
      } catch (error) {
        this.#options.log.error({ err: toReeveError(error) }, 'a session of Serf RPC crashed')
        stream.destroy()
      }
    }
    stream.receive({
      data: (bytes) => guarded(() => session.receive(bytes)),
      drained: () => guarded(() => session.drained()),
      ended: () => stream.end(),
      closed: () => {
        release()
        if (session.lost > 0) this.#note(stream, `${session.lost} records were lost, it was too slow`)
      },
    })
  }

  close(): void {
    for (const [stream, release] of [...this.#open]) {
      release()
      stream.destroy()
    }
  }

  #note({ remote }: ByteStream, problem: string): void {
    this.#options.log.debug({ from: `${remote.host}:${remote.port}`, problem }, 'a Serf RPC connection ended')
  }
}
