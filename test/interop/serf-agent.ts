/** Real `serf` agents as processes of a test: started on free ports, asked by their own command line, killed by pid. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Address } from '../../src/env/env.ts'
import { missing } from '../component.ts'

const binary = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'serf'))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

export function withoutSerf(): string | false {
  return binary ? false : missing('the serf command is not installed (Debian: apt-get install serf)')
}

export interface SerfMember {
  readonly name: string
  /** host:port */
  readonly addr: string
  readonly status: 'alive' | 'leaving' | 'left' | 'failed'
  readonly tags: Readonly<Record<string, string>>
}

export interface SerfAgentOptions {
  readonly tags?: Record<string, string>
  /** Must be there, or the agent does not start. */
  readonly join?: Address
  /** Also takes in the user events of before it joined. */
  readonly replay?: boolean
  readonly at?: Address
  /** False: it compresses nothing of what it sends. */
  readonly compression?: boolean
  /** A key in base64. */
  readonly encrypt?: string
  /** Must be there, too. */
  readonly keyringFile?: string
  /** Where its command line is served; default: a free port. */
  readonly rpcAddress?: string
  /** Scripts by what they are for, as in `query:load=echo 1`. */
  readonly handlers?: readonly string[]
  /** A file to remember its cluster by. */
  readonly snapshot?: string
  /** Also what it knew before it left. */
  readonly rejoin?: boolean
}

/** How long a test waits for something that a sound cluster does within seconds. */
const patienceMs = 90_000

export async function startSerfAgent(name: string, options: SerfAgentOptions = {}, tries = 3): Promise<SerfAgent> {
  const at = options.at ?? { host: '127.0.0.1', port: await freePort() }
  const rpc = options.rpcAddress ?? `127.0.0.1:${await freePort()}`
  const words = ['agent', `-node=${name}`, `-bind=${at.host}:${at.port}`, `-rpc-addr=${rpc}`, '-log-level=debug']
  for (const [key, value] of Object.entries(options.tags ?? {})) words.push('-tag', `${key}=${value}`)
  if (options.join) words.push(`-join=${options.join.host}:${options.join.port}`)
  if (options.replay) words.push('-replay')
  if (options.compression === false) words.push('-disable-compression')
  if (options.encrypt) words.push(`-encrypt=${options.encrypt}`)
  if (options.keyringFile) words.push(`-keyring-file=${options.keyringFile}`)
  for (const handler of options.handlers ?? []) words.push(`-event-handler=${handler}`)
  if (options.snapshot) words.push(`-snapshot=${options.snapshot}`)
  if (options.rejoin) words.push('-rejoin')
  const agent = new SerfAgent(name, at, rpc, spawn(binary as string, words, { stdio: ['ignore', 'pipe', 'pipe'] }))
  try {
    await agent.logged(/Serf agent running!/)
    if (options.join) await agent.logged(/Join completed/)
    return agent
  } catch (error) {
    await agent.kill()
    // Between the look for a free port and its use somebody else may have taken it.
    const isTaken = String(error).includes('address already in use')
    if (isTaken && tries > 1 && !(options.at && options.rpcAddress)) return startSerfAgent(name, options, tries - 1)
    throw error
  }
}

/** The real command line, against any port, whether it works out or not; `until` ends it once it printed that. */
export async function runSerf(
  rpcAddress: string,
  words: readonly string[],
  until?: RegExp,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [command, ...rest] = words
  const child = spawn(binary as string, [command as string, `-rpc-addr=${rpcAddress}`, ...rest])
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      printed[name] += text
      if (until?.test(printed.stdout)) child.kill('SIGINT')
    })
  }
  const limit = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  const [code] = await once(child, 'close')
  clearTimeout(limit)
  return { code, ...printed }
}

export class SerfAgent {
  readonly name: string
  readonly at: Address
  readonly #rpc: string
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  readonly #lines: string[] = []
  readonly #news = new EventEmitter()

  constructor(name: string, at: Address, rpc: string, child: ChildProcess) {
    this.name = name
    this.at = at
    this.#rpc = rpc
    this.#child = child
    this.#news.setMaxListeners(0)
    this.#ended = once(child, 'close').finally(() => this.#add('(ended)'))
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output as Readable }).on('line', (line) => this.#add(line))
    }
  }

  get log(): string {
    return this.#lines.join('\n')
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** host:port of its port for the command line. */
  get rpcAddress(): string {
    return this.#rpc
  }

  /** The real command line, against this agent. */
  async run(command: string, ...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(binary as string, [command, `-rpc-addr=${this.#rpc}`, ...words])
    return stdout
  }

  async members(): Promise<SerfMember[]> {
    return (JSON.parse(await this.run('members', '-format=json')) as { members: SerfMember[] }).members
  }

  /** Looks again after every line that the agent logs, until its members are as wanted. */
  async until(what: string, condition: (members: SerfMember[]) => boolean): Promise<void> {
    await this.#wait(what, async () => condition(await this.members()))
  }

  /** Waits for a line that matches, also one of before. */
  async logged(pattern: RegExp): Promise<void> {
    await this.#wait(`a line ${pattern}`, async () => this.#lines.some((line) => pattern.test(line)))
  }

  /** Waits until the process is gone by itself. */
  async ended(): Promise<void> {
    await this.#ended
  }

  /** Holds its process up as it is, until it is told to go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL')
    await this.#ended
  }

  async #wait(what: string, holds: () => Promise<boolean>): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs)
    try {
      for (;;) {
        const news = once(this.#news, 'line', { signal })
        news.catch(() => {})
        if (await holds()) return
        if (!this.running) throw new Error('it ended')
        await news
      }
    } catch (error) {
      throw new Error(`${this.name} never came to: ${what}\n${this.#lines.slice(-40).join('\n')}`, { cause: error })
    }
  }

  #add(line: string): void {
    this.#lines.push(line)
    this.#news.emit('line')
  }
}

/** A port that is free for TCP and UDP on 127.0.0.1 right now, chosen by the system. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await claim(0)
    if (port !== undefined) return port
  }
}

const given = new Set<number>()

/**
 * A free port below those that systems give to connections and to whoever asks for any (from 32768 on), so that nobody
 * takes it while its owner is down: no two are the same, and processes side by side draw from different hundreds.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const wanted = 20_000 + (process.pid % 120) * 100 + Math.floor(Math.random() * 100)
    if (given.has(wanted) || (await claim(wanted)) === undefined) continue
    given.add(wanted)
    return wanted
  }
}

/** The port, when both protocols could have it; released at once. */
async function claim(wanted: number): Promise<number | undefined> {
  const server = createServer()
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(wanted, '127.0.0.1', () => resolve(true))
  })
  if (!listening) return undefined
  const { port } = server.address() as { port: number }
  const socket = createSocket('udp4')
  const free = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => resolve(true))
  })
  socket.close()
  server.close()
  await once(server, 'close')
  return free ? port : undefined
}
