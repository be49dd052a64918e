/** The page in front of a node that is made up: very much happened there already, and whatever a test wants happens next. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readPage } from '../../src/env/page-folder.ts'
import type { TraceRecord } from '../../src/inspector/record.ts'

export interface MadeStream {
  readonly address: string
  /** To all pages that are open; those that come get all of it. */
  tell(records: readonly TraceRecord[]): void
  /** From now on something else was told. */
  restart(records: readonly TraceRecord[]): void
  close(): Promise<void>
}

export async function openMadeStream(): Promise<MadeStream> {
  const bundle = pathToFileURL(join(import.meta.dirname, '..', '..', '.tools', 'bundle.mjs')).href
  await ((await import(bundle)) as { ensurePage(): Promise<void> }).ensurePage()
  const files = readPage()
  if (!files) throw new Error('the page is not built')
  const watching = new Set<ServerResponse>()
  let told: string[] = []
  const server = createServer((request, response) => {
    const name = new URL(request.url ?? '', 'http://made').pathname.replace(/^\/inspector\//, '')
    if (name === 'events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`: \n\n${told.join('')}`)
      watching.add(response)
      response.on('close', () => watching.delete(response))
      return
    }
    const asked = { method: 'GET', path: '', query: new URLSearchParams(), headers: new Map() }
    const answer = files.answer(name || 'index.html', asked as never, {})
    response.writeHead(answer?.status ?? 404, answer?.headers)
    response.end(answer?.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const texts = (records: readonly TraceRecord[]) => records.map((record) => `data: ${JSON.stringify(record)}\n\n`)
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/inspector/`,
    tell(records) {
      const more = texts(records)
      told.push(...more)
      for (const page of watching) page.write(more.join(''))
    },
    restart(records) {
      told = texts(records)
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
