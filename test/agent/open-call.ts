/** A Produce call that a node has begun to handle and whose request is held back, as gRPC over a bare HTTP/2 stream. */

import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../src/client/call.ts'
import { LogService, ProduceRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { Agent } from './agent.ts'

export class OpenCall {
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream
  readonly #trailers: Promise<IncomingHttpHeaders>

  private constructor(session: ClientHttp2Session) {
    this.#session = session
    this.#stream = session.request(
      {
        ':method': 'POST',
        ':path': pathOf(LogService.method.produce),
        'content-type': 'application/grpc',
        te: 'trailers',
      },
      { endStream: false },
    )
    this.#stream.on('error', () => {})
    this.#trailers = new Promise((resolve) => {
      for (const event of ['response', 'trailers'] as const) {
        this.#stream.on(event, (headers: IncomingHttpHeaders) => {
          if (headers['grpc-status'] !== undefined) resolve(headers)
        })
      }
      this.#stream.on('close', () => resolve({}))
    })
  }

  /** Resolves once the node has the call. */
  static async begin(agent: Agent): Promise<OpenCall> {
    const session = connect(`http://${agent.rpcAddress}`)
    session.on('error', () => {})
    await once(session, 'connect')
    const call = new OpenCall(session)
    // What is on one connection arrives in order.
    await new Promise((resolve) => session.ping(resolve))
    return call
  }

  /** Sends the request and resolves with the call's gRPC status; undefined: it was cut. */
  async finish(topic: string, value: string): Promise<string | undefined> {
    const records = [{ value: new TextEncoder().encode(value) }]
    const message = toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic, batch: { records } }))
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    this.#stream.end(Buffer.concat([prefix, message]))
    this.#stream.resume()
    const status = (await this.#trailers)['grpc-status']
    this.#session.close()
    return status === undefined ? undefined : String(status)
  }

  abandon(): void {
    this.#session.destroy()
  }
}
