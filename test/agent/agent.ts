/** Nodes as real processes: started from source, read by their log, asked over the wire, ended by pid. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { recordingVariable } from './record-to-file.ts'

/** How long a test waits for something that a sound cluster does within seconds. */
export const patienceMs = 90_000
/** Between two looks at what nobody announces. */
const lookEveryMs = 100
/** Of what was seen last, in the message of a failure. */
const shownMax = 4000

const root = join(import.meta.dirname, '..', '..')

export interface Exit {
  /** Exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
}

/** One line of an agent's log. */
export interface LogLine {
  readonly msg: string
  readonly [key: string]: unknown
}

/** `recorded`: see `Recorded`. */
function spawnReeve(words: readonly string[], under: readonly string[], recorded?: Recorded): ChildProcess {
  const main = recorded?.main ?? join(root, '.tools', 'run.mjs')
  const [command, ...rest] = [...under, process.execPath, main, ...words]
  const env = recorded && { ...process.env, [recordingVariable]: recorded.steps }
  return spawn(command as string, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...(env && { env }) })
}

function outcomeOf(child: ChildProcess): Promise<Exit> {
  const caught = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    const output = child[name] as Readable
    output.setEncoding('utf8').on('data', (text) => {
      caught[name] += text
    })
  }
  return once(child, 'close').then(([code, signal]) => ({ code: code ?? signal, ...caught }))
}

/** The command line, as a process, until it ends by itself; ended by force when it takes for ever. */
export async function runReeve(...words: string[]): Promise<Exit> {
  const child = spawnReeve(words, [])
  const limit = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  try {
    return await outcomeOf(child)
  } finally {
    clearTimeout(limit)
  }
}

export interface AgentProcess {
  readonly name: string
  readonly dataDir: string
  /** Flags, besides name and folder. */
  readonly words: readonly string[]
  /** A command that runs the process, such as `ip netns exec NAME`. */
  readonly under?: readonly string[]
  /** Where this process of ours reaches it, when that is not where the other nodes do. */
  readonly callHost?: string
  readonly recorded?: Recorded
}

/** A process that tells what its disk does. */
export interface Recorded {
  /** The command line with a disk that records. */
  readonly main: string
  /** The file that the steps go to. */
  readonly steps: string
}

export class Agent {
  readonly name: string
  readonly dataDir: string
  readonly lines: LogLine[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<Exit>
  readonly #callHost: string | undefined
  readonly #news = new EventEmitter()
  #rest = ''

  constructor({ name, dataDir, words, under = [], callHost, recorded }: AgentProcess) {
    this.name = name
    this.dataDir = dataDir
    this.#callHost = callHost
    const own = ['--node-name', name, '--data-dir', dataDir, '--log-format', 'json']
    this.#child = spawnReeve(['agent', ...own, ...words], under, recorded)
    this.#news.setMaxListeners(0)
    this.#exited = outcomeOf(this.#child).finally(() => this.#news.emit('line'))
    createInterface({ input: this.#child.stderr as Readable }).on('line', (line) => this.#add(line))
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Addresses and epoch are known from then on. */
  ready(): Promise<LogLine> {
    return this.logged('ready')
  }

  /** It has said its addresses and its epoch. */
  get isReady(): boolean {
    return this.lines.some(({ msg }) => msg === 'ready')
  }

  /** For clients of the test. */
  get rpcAddress(): string {
    const announced = this.#fact('rpcAddress')
    return this.#callHost ? `${this.#callHost}${announced.slice(announced.lastIndexOf(':'))}` : announced
  }

  get gossipAddress(): string {
    return this.#fact('gossipAddress')
  }

  /** UUID of this run. */
  get epoch(): string {
    return this.#fact('epoch')
  }

  /** The first line with this message, also one of before; `from`: from that one of `lines` on. */
  async logged(msg: string, from = 0): Promise<LogLine> {
    const signal = AbortSignal.timeout(patienceMs)
    for (;;) {
      const line = this.lines.slice(from).find((each) => each.msg === msg)
      if (line) return line
      if (!this.running) throw new Error(`${this.name} ended before it said "${msg}":\n${this.story()}`)
      await once(this.#news, 'line', { signal }).catch(() => {
        throw new Error(`${this.name} never said "${msg}":\n${this.story()}`)
      })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** How it ended, by itself. */
  async ended(): Promise<Exit> {
    return inTime(`the end of ${this.name}`, this.#exited).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.story()}`)
    })
  }

  /** SIGTERM, and an end in peace. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM')
    const exit = await this.ended()
    assert.equal(exit.code, 0, `${this.name}: ${this.story()}`)
    return exit
  }

  /** The end of its log, for messages of failed assertions. */
  story(): string {
    return [...this.lines.slice(-30).map((line) => JSON.stringify(line)), this.#rest].join('\n')
  }

  #fact(key: string): string {
    const value = this.lines.find(({ msg }) => msg === 'ready')?.[key]
    assert.ok(typeof value === 'string', `${this.name} has not said its ${key} yet`)
    return value
  }

  #add(text: string): void {
    try {
      this.lines.push(JSON.parse(text) as LogLine)
    } catch {
      this.#rest += `${text}\n`
    }
    this.#news.emit('line')
  }
}

/** The same promise, or an error once patience ends. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let limit: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`never came to: ${what}`)), patienceMs)
  })
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(limit)
  }
}

/**
 * Looks again and again until `holds` accepts what it sees, and gives it. An error of `look` is something seen too: a
 * node that cannot answer yet. When patience ends: what was seen last, and the agents' stories.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  agents: readonly Agent[] = [],
): Promise<T> {
  const endMs = Date.now() + patienceMs
  for (;;) {
    let last: unknown
    try {
      const seen = await look()
      if (holds(seen)) return seen
      last = seen
    } catch (error) {
      last = error
    }
    if (Date.now() > endMs) {
      const shown = last instanceof Error ? last.message : JSON.stringify(last, plain).slice(0, shownMax)
      throw new Error(`never came to: ${what}; seen last: ${shown}\n${agents.map((agent) => agent.story()).join('\n')}`)
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Map ? Object.fromEntries(value) : value
}
