/** Plain HTTP requests and answers for a `WebHandler`. Owns the streams that are open, to end them with the server. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { toReeveError } from '../../errors.ts'
import type { RpcServerEvent, WebAnswer, WebHandler, WebOutputListener, WebRequest } from '../env.ts'

/** A stream may queue this much before `write` says false. */
const queueMaxBytes = 64 * 1024

export class WebPages {
  readonly #handler: WebHandler
  readonly #report: (event: RpcServerEvent) => void
  readonly #streams = new Set<ServerResponse>()
  #closed = false

  constructor(handler: WebHandler, report: (event: RpcServerEvent) => void) {
    this.#handler = handler
    this.#report = report
  }

  /** False: the path is not one of these. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    let answer: WebAnswer | undefined
    try {
      answer = this.#handler(readRequest(request))
    } catch (error) {
      this.#crashed(request, error)
      answer = { status: 500, headers: {} }
    }
    if (answer === undefined) return false
    response.on('error', () => {})
    request.on('error', () => {})
    request.resume()
    const { status, headers, body } = answer
    if (body instanceof Promise) {
      body.then(
        (text) => response.writeHead(status, headers).end(text),
        (error) => {
          this.#crashed(request, error)
          response.writeHead(500).end()
        },
      )
      return true
    }
    response.writeHead(status, headers)
    if (typeof body !== 'function' || request.method === 'HEAD') response.end(typeof body === 'function' ? '' : body)
    else this.#stream(response, body)
    return true
  }

  /** Ends all streams; those that begin from now on end at once. */
  close(): void {
    this.#closed = true
    for (const response of this.#streams) response.end()
  }

  #crashed(request: IncomingMessage, error: unknown): void {
    const from = request.socket.remoteAddress ?? ''
    this.#report({ kind: 'handlerCrashed', from, message: toReeveError(error).message })
  }

  #stream(response: ServerResponse, body: Extract<WebAnswer['body'], (...args: never) => unknown>): void {
    if (this.#closed) {
      response.end()
      return
    }
    this.#streams.add(response)
    response.flushHeaders()
    // Small writes are to arrive when they are made.
    response.socket?.setNoDelay(true)
    let listener: WebOutputListener | undefined
    response.on('drain', () => listener?.drained())
    response.on('close', () => {
      this.#streams.delete(response)
      listener?.closed()
    })
    listener = body({
      write(text) {
        if (!response.writableEnded && !response.destroyed) response.write(text)
        return response.writableLength < queueMaxBytes
      },
      end: () => response.end(),
    })
  }
}

function readRequest(request: IncomingMessage): WebRequest {
  const [path = '', ...rest] = (request.url ?? '').split('?')
  const { remoteAddress = '', remotePort = 0 } = request.socket
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => {
    return [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]
  })
  return {
    method: request.method ?? '',
    path,
    query: new Map(new URLSearchParams(rest.join('?'))),
    headers: new Map(headers),
    remote: { host: remoteAddress, port: remotePort },
  }
}
