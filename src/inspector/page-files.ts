/** The files of the page, as they are served. */

import { xxh64 } from '@node-rs/xxhash'
import type { WebAnswer, WebRequest } from '../env/env.ts'

export interface PageFile {
  /** Such as `index.html`, `page-3F2A91BC.js`. */
  readonly name: string
  readonly content: Uint8Array
}

const types: { readonly [extension: string]: string } = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  map: 'application/json; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
}

/** Names that carry a hash of the content, as the bundler makes them: under such a name there is only one content, ever. */
const hashedName = /-[A-Z0-9]{8}\.[a-z0-9]+$/

export class PageFiles {
  readonly #files = new Map<string, PageFile & { readonly etag: string }>()

  constructor(files: Iterable<PageFile>) {
    for (const file of files) this.#files.set(file.name, { ...file, etag: `"${xxh64(file.content).toString(16)}"` })
  }

  answer(name: string, request: WebRequest, headers: Readonly<Record<string, string>>): WebAnswer | undefined {
    const file = this.#files.get(name)
    if (!file) return undefined
    const { content, etag } = file
    const cache = hashedName.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache'
    const all = { ...headers, etag, 'cache-control': cache }
    if (request.headers.get('if-none-match') === etag) return { status: 304, headers: all }
    const type = types[/\.([a-z0-9]+)$/.exec(name)?.[1] ?? ''] ?? 'application/octet-stream'
    return { status: 200, headers: { ...all, 'content-type': type }, body: content }
  }
}
