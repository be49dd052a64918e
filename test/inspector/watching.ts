/** Nodes in this process with a page each, and browsers as plain HTTP requests: nothing of a browser's kindness. */

import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type NodeSettings, parseConfig } from '../../src/config.ts'
import { createRealEnv } from '../../src/env/real.ts'
import { PageFiles } from '../../src/inspector/page-files.ts'
import type { TraceRecord } from '../../src/inspector/record.ts'
import { createNode, type ReeveNode } from '../../src/node.ts'

const page = new PageFiles(
  Object.entries({
    'index.html': '<!doctype html><script src="page-0123ABCD.js"></script>',
    'page-0123ABCD.js': 'document.title = "Reeve"',
    'style.css': 'body { margin: 0 }',
  }).map(([name, text]) => ({ name, content: new TextEncoder().encode(text) })),
)

export interface Stage {
  start(name: string, settings?: NodeSettings): Promise<ReeveNode>
  close(): Promise<void>
}

export function openStage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-inspector-'))
  const nodes: ReeveNode[] = []
  return {
    async start(name, settings = {}) {
      const config = parseConfig(
        {
          nodeName: name,
          dataDir: join(folder, `${name}-${nodes.length}`),
          bindAddr: '127.0.0.1:0',
          rpcPort: 0,
          httpPort: 0,
          profile: 'local',
          joinRetryMs: 100,
          drainTimeoutMs: 2000,
          startJoinAddrs: nodes.flatMap((node) => node.status().gossipAddress ?? []),
          ...settings,
        },
        { hostName: name, resolvePath: (path) => path },
      )
      const node = createNode(config, createRealEnv(), {
        log: pino({ level: 'silent' }),
        page: () => page,
        version: '1',
      })
      nodes.push(node)
      await node.start()
      return node
    },
    async close() {
      await Promise.all(nodes.map((node) => node.stop()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

type Headers = Record<string, string>

export function get(node: ReeveNode, path: string, headers: Headers = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const [host, port] = address(node)
    const asked = request({ host, port, path, method, agent: false, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}

export function address(node: ReeveNode): [string, string] {
  return (node.status().httpAddress ?? '').split(':') as [string, string]
}

/** What a link leads to: its path, for `get`. */
export function linkPath(node: ReeveNode): string {
  const { pathname, search } = new URL(node.inspectorLink() ?? '')
  return pathname + search
}

/** The cookie of a session, opened by a link. */
export async function enter(node: ReeveNode): Promise<Headers> {
  const reply = await get(node, linkPath(node))
  return { cookie: (reply.headers['set-cookie']?.[0] ?? '').split(';', 1)[0] as string }
}

export interface Watch {
  readonly records: TraceRecord[]
  /** Of the last event. */
  readonly lastId: string
  /** Resolves once what was received satisfies it. */
  until(met: (records: TraceRecord[]) => boolean): Promise<void>
  /** Reads no more, until `resume`. */
  pause(): void
  resume(): void
  readonly ended: Promise<void>
  close(): void
}

export function watch(node: ReeveNode, headers: Headers): Promise<Watch> {
  return new Promise((resolve, reject) => {
    const [host, port] = address(node)
    const records: TraceRecord[] = []
    const waiting = new Set<() => void>()
    let lastId = ''
    let rest = ''
    const asked = request({ host, port, path: '/inspector/events', agent: false, headers }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`status ${response.statusCode}`))
        response.resume()
        return
      }
      response.setEncoding('utf8').on('data', (piece: string) => {
        const events = (rest + piece).split('\n\n')
        rest = events.pop() as string
        for (const event of events) {
          for (const line of event.split('\n')) {
            if (line.startsWith('id: ')) lastId = line.slice(4)
            if (line.startsWith('data: ')) records.push(JSON.parse(line.slice(6)))
          }
        }
        for (const look of [...waiting]) look()
      })
      const ended = new Promise<void>((done) => response.on('close', done))
      resolve({
        records,
        get lastId() {
          return lastId
        },
        until: (met) =>
          new Promise<void>((done, failed) => {
            const look = () => {
              if (!met(records)) return
              waiting.delete(look)
              done()
            }
            waiting.add(look)
            void ended.then(() => failed(new Error(`ended after ${records.length} records`)))
            look()
          }),
        pause: () => response.pause(),
        resume: () => response.resume(),
        ended,
        close: () => response.destroy(),
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
