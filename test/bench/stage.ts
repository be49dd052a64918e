/**
 * The processes, clients and folders of a measurement. Owns all of them: whatever happens, `clear` ends every process and
 * removes every file. Lines of processes are stamped on arrival with the clock of this process.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseAddress } from '../../src/address.ts'
import { freePorts } from '../../src/cli/demo/ports.ts'
import type { RpcChannel } from '../../src/env/env.ts'
import { type Client, connect, createRealEnv } from '../../src/index.ts'

const root = join(import.meta.dirname, '..', '..')
const patienceMs = 120_000

export interface Line {
  readonly text: string
  readonly atMs: number
}

export class Process {
  readonly name: string
  readonly exited: Promise<unknown>
  readonly #child: ChildProcess
  readonly #endsBy: NodeJS.Signals
  readonly #lines: Line[] = []
  readonly #waiting = new Set<() => void>()

  /** `endsBy`: what ends it when nobody cares how, in a way that leaves nothing behind. */
  constructor(name: string, command: readonly string[], endsBy: NodeJS.Signals) {
    this.name = name
    this.#endsBy = endsBy
    // A group of its own keeps the terminal's Ctrl-C from it; the channel tells a node when this process is gone.
    this.#child = spawn(command[0] as string, command.slice(1), {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('REEVE_'))),
    })
    this.exited = once(this.#child, 'exit').finally(() => this.#wake())
    this.exited.catch(() => undefined)
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: output as Readable }).on('line', (text) => {
        this.#lines.push({ text, atMs: performance.now() })
        this.#wake()
      })
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** A message on the channel between the two processes. */
  send(message: object): void {
    this.#child.send(message)
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The first line with all of these parts, also one of before. */
  async said(...parts: string[]): Promise<Line> {
    const deadlineMs = performance.now() + patienceMs
    for (let seen = 0; ; ) {
      for (; seen < this.#lines.length; seen++) {
        const line = this.#lines[seen] as Line
        if (parts.every((part) => line.text.includes(part))) return line
      }
      const waitedFor = `${this.name} to say ${parts.join(' … ')}`
      if (!this.running) throw new Error(`waited for ${waitedFor}, but it ended:\n${this.#story()}`)
      await new Promise<void>((resolve, reject) => {
        const give = () => {
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(
          () => reject(new Error(`waited in vain for ${waitedFor}:\n${this.#story()}`)),
          deadlineMs - performance.now(),
        )
        this.#waiting.add(give)
      })
    }
  }

  /** All it said on lines that are JSON. */
  json(): unknown[] {
    return this.#lines.filter(({ text }) => text.startsWith('{')).map(({ text }) => JSON.parse(text))
  }

  /** kill -9. Gives the moment before it. */
  kill(): number {
    const atMs = performance.now()
    this.#child.kill('SIGKILL')
    return atMs
  }

  async end(signal = this.#endsBy): Promise<void> {
    if (!this.running) return
    this.#child.kill(signal)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs)
    await this.exited
    clearTimeout(timer)
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #story(): string {
    return this.#lines
      .slice(-20)
      .map(({ text }) => text)
      .join('\n')
  }
}

export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'))
  readonly #processes: Process[] = []
  readonly #open: { close(): void }[] = []
  readonly #env = createRealEnv()
  #folders = 0
  #ended = false

  /** A new folder on the disk that the nodes write to. */
  folder(): string {
    const path = join(this.#folder, String(this.#folders++))
    mkdirSync(path)
    return path
  }

  run(name: string, command: readonly string[], endsBy: NodeJS.Signals = 'SIGKILL'): Process {
    if (this.#ended) throw new Error('it is over')
    const started = new Process(name, command, endsBy)
    this.#processes.push(started)
    return started
  }

  reeve(name: string, words: readonly string[], endsBy?: NodeJS.Signals): Process {
    return this.run(name, [process.execPath, ...process.execArgv, join('.tools', 'run.mjs'), ...words], endsBy)
  }

  /** Nodes that join the first of them, with the default settings but for a seed that may start after them. */
  async agents(count: number): Promise<Process[]> {
    const ports = await freePorts(count)
    return ports.map((port, index) =>
      this.reeve(`node-${index + 1}`, [
        'agent',
        ...['--node-name', `node-${index + 1}`, '--data-dir', this.folder(), '--log-format', 'json'],
        ...['--bind-addr', `127.0.0.1:${port}`, '--rpc-port', '0'],
        ...['--join-retry-ms', '100', '--join-retry-max-ms', '400'],
        ...(index > 0 ? ['--start-join-addrs', `127.0.0.1:${ports[0]}`] : []),
      ]),
    )
  }

  /** A client and a channel of that node alone, once it is ready. */
  async clientOf(agent: Process): Promise<{ client: Client; channel: RpcChannel }> {
    const { rpcAddress } = JSON.parse((await agent.said('"msg":"ready"')).text) as { rpcAddress: string }
    const client = connect({ addresses: [rpcAddress], discovery: false, env: this.#env })
    const channel = this.#env.rpc.dial({ to: parseAddress(rpcAddress)!, maxMessageBytes: 8 * 1024 * 1024 })
    this.#open.push(client, channel)
    return { client, channel }
  }

  /** Ends and removes all there is. */
  async clear(): Promise<void> {
    for (const each of this.#open.splice(0)) each.close()
    await Promise.all(this.#processes.splice(0).map((each) => each.end()))
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder)
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.clear()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Each says that it saw each of the others join. */
export async function together(agents: readonly Process[]): Promise<number> {
  const seen = agents.flatMap((agent) =>
    agents
      .filter((other) => other !== agent)
      .map((other) => agent.said('"msg":"member joined"', `"member":"${other.name}"`)),
  )
  return Math.max(...(await Promise.all(seen)).map(({ atMs }) => atMs))
}
