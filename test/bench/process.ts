/** One process of a measurement: what it says, what it answers, its end. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export const root = join(import.meta.dirname, '..', '..')
export const patienceMs = 180_000

export interface Line {
  readonly text: string
  readonly atMs: number
}

/** What a load (see `loads/load.ts`) says to a request. */
export type Answer = { readonly result: unknown } | { readonly error: string }

/** Lines are stamped on arrival with the clock of this process. */
export class Process {
  readonly name: string
  readonly exited: Promise<unknown>
  readonly #child: ChildProcess
  readonly #endsBy: NodeJS.Signals
  readonly #lines: Line[] = []
  /** Told of each new line, and of the end without one. */
  readonly #waiting = new Set<(line?: Line) => void>()

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
    this.exited = once(this.#child, 'exit').finally(() => this.#tell())
    this.exited.catch(() => undefined)
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: output as Readable }).on('line', (text) => {
        const line = { text, atMs: performance.now() }
        this.#lines.push(line)
        this.#tell(line)
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

  /** One request, one answer: for loads, one at a time. */
  async ask<T>(request: object): Promise<T> {
    const ended = this.exited.then(() => Promise.reject(new Error(`${this.name} ended:\n${this.story()}`)))
    ended.catch(() => undefined)
    const answered = once(this.#child, 'message')
    this.send(request)
    const [answer] = (await Promise.race([answered, ended])) as [Answer]
    if ('error' in answer) throw new Error(`${this.name}: ${answer.error}`)
    return answer.result as T
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The first line with all of these parts, also one of before. */
  said(...parts: string[]): Promise<Line> {
    const isIt = ({ text }: Line) => parts.every((part) => text.includes(part))
    const before = this.#lines.find(isIt)
    if (before) return Promise.resolve(before)
    const waitedFor = `${this.name} to say ${parts.join(' … ')}`
    return new Promise((resolve, reject) => {
      const conclude = (action: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(hear)
        action()
      }
      // Fifty members with fifty sights each: what hears each line has to be cheap.
      const hear = (line?: Line) => {
        if (line && isIt(line)) conclude(() => resolve(line))
        else if (!line) conclude(() => reject(new Error(`waited for ${waitedFor}, but it ended:\n${this.story()}`)))
      }
      const inVain = () => reject(new Error(`waited in vain for ${waitedFor}:\n${this.story()}`))
      const timer = setTimeout(() => conclude(inVain), patienceMs)
      this.#waiting.add(hear)
      if (!this.running) hear()
    })
  }

  /** All it said on lines that are JSON. */
  json(): unknown[] {
    return this.lines()
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text))
  }

  lines(): string[] {
    return this.#lines.map(({ text }) => text)
  }

  /** The last lines, for an error. */
  story(): string {
    return this.lines().slice(-20).join('\n')
  }

  /** CPU time of all its threads up to now, as the scheduler counts it. */
  cpuMs(): number {
    const tasks = `/proc/${this.pid}/task`
    return readdirSync(tasks)
      .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
      .reduce((sum, ms) => sum + ms, 0)
  }

  residentBytes(): number {
    return Number(readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]) * 4096
  }

  openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
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

  #tell(line?: Line): void {
    for (const hear of [...this.#waiting]) hear(line)
  }
}
