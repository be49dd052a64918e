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
  async said(...parts: string[]): Promise<Line> {
    const deadlineMs = performance.now() + patienceMs
    for (let seen = 0; ; ) {
      for (; seen < this.#lines.length; seen++) {
        const line = this.#lines[seen] as Line
        if (parts.every((part) => line.text.includes(part))) return line
      }
      const waitedFor = `${this.name} to say ${parts.join(' … ')}`
      if (!this.running) throw new Error(`waited for ${waitedFor}, but it ended:\n${this.story()}`)
      await new Promise<void>((resolve, reject) => {
        const give = () => {
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(
          () => reject(new Error(`waited in vain for ${waitedFor}:\n${this.story()}`)),
          deadlineMs - performance.now(),
        )
        this.#waiting.add(give)
      })
    }
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

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
