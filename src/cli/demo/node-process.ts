/** One node of the demo as a real process of its own: started, killed, stopped. */

import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatAddress } from '../../address.ts'
import type { Address } from '../../env/env.ts'

export interface NodeProcess {
  readonly name: string
  readonly gossip: Address
  readonly rpc: Address
  /** Undefined while it is down. */
  readonly pid: number | undefined
  start(joins: readonly Address[]): void
  /** Like a power cut: kill -9. */
  kill(): void
  /** SIGTERM, and SIGKILL after `limitMs`. */
  stop(limitMs: number): Promise<void>
  /** What it said last, when it said why it could not go on. */
  lastWords(): string
}

export interface NodeProcessOptions {
  readonly name: string
  readonly gossip: Address
  readonly rpc: Address
  readonly httpPort: number
  readonly folder: string
  /** It said that it is ready to be called. */
  readonly ready: () => void
  readonly exited: (how: string) => void
}

const linesKept = 20

export function createNodeProcess({
  name,
  gossip,
  rpc,
  httpPort,
  folder,
  ready,
  exited,
}: NodeProcessOptions): NodeProcess {
  let child: ChildProcess | undefined
  let lines: string[] = []
  const logFile = join(folder, `${name}.log`)

  function start(joins: readonly Address[]): void {
    const settings = {
      'node-name': name,
      'bind-addr': formatAddress(gossip),
      'rpc-port': String(rpc.port),
      'http-port': String(httpPort),
      'data-dir': join(folder, name),
      'cluster-name': 'demo',
      // The seed may need a moment longer to start than the one that joins it.
      'join-retry-ms': '100',
      'join-retry-max-ms': '400',
      'log-format': 'json',
      ...(joins.length > 0 && { 'start-join-addrs': joins.map(formatAddress).join(',') }),
    }
    const flags = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value])
    const environment = Object.entries(process.env).filter(
      ([key]) => !key.startsWith('REEVE_') || key === 'REEVE_DEBUG',
    )
    // A group of its own keeps the terminal's Ctrl-C from it; the channel tells it when this process is gone.
    const started = spawn(process.execPath, [...process.execArgv, process.argv[1]!, 'agent', ...flags], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
      env: Object.fromEntries(environment),
    })
    child = started
    lines = []
    let rest = ''
    started.stderr!.setEncoding('utf8').on('data', (text: string) => {
      appendFileSync(logFile, text)
      const parts = (rest + text).split('\n')
      rest = parts.pop()!
      if (child === started && parts.some((line) => line.endsWith('"msg":"ready"}'))) ready()
      lines = [...lines, ...parts].slice(-linesKept)
    })
    started.on('error', (error) => lines.push(error.message))
    started.on('close', (code, signal) => {
      if (child === started) child = undefined
      exited(signal ?? `exit code ${code}`)
    })
  }

  async function stop(limitMs: number): Promise<void> {
    const running = child
    if (!running) return
    const gone = new Promise<void>((resolve) => running.once('close', () => resolve()))
    running.kill('SIGTERM')
    const timer = setTimeout(() => running.kill('SIGKILL'), limitMs)
    await gone
    clearTimeout(timer)
  }

  return {
    name,
    gossip,
    rpc,
    get pid() {
      return child?.pid
    },
    start,
    kill: () => void child?.kill('SIGKILL'),
    stop,
    lastWords: () => {
      const line = lines.findLast((each) => each.startsWith('reeve: ')) ?? lines.at(-1) ?? 'it said nothing'
      return messageIn(line.replace(/^reeve: /, ''))
    },
  }
}

/** The message of a JSON log line; any other line as it is. */
function messageIn(line: string): string {
  try {
    return String((JSON.parse(line) as { msg?: unknown }).msg ?? line)
  } catch {
    return line
  }
}
