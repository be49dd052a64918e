import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { Report } from './blocked-member.ts'

const patienceMs = 120_000
const stallForMs = 20_000
/** A machine that has no time for a process holds it up, too; what is shorter can make nobody fail. */
const heldUpMs = 1000

class Remote {
  readonly name: string
  readonly #child: ChildProcess
  readonly #reports: Report[] = []
  readonly #news = new EventEmitter()

  constructor(name: string, seed: string) {
    this.name = name
    this.#child = fork(join(import.meta.dirname, 'blocked-member.ts'), [name, seed])
    this.#child.on('message', (report: Report) => {
      this.#reports.push(report)
      this.#news.emit('report')
    })
    this.#child.once('exit', (code) => this.#news.emit('error', new Error(`${name} ended with ${code}`)))
  }

  async until<T>(look: (reports: readonly Report[]) => T | undefined): Promise<T> {
    const signal = AbortSignal.timeout(patienceMs)
    for (;;) {
      const found = look(this.#reports)
      if (found !== undefined) return found
      await once(this.#news, 'report', { signal })
    }
  }

  found<K extends Report['kind']>(kind: K): Promise<Extract<Report, { kind: K }>> {
    return this.until((reports) => reports.find((report) => report.kind === kind) as Extract<Report, { kind: K }>)
  }

  seesAlive(names: readonly string[]): Promise<boolean> {
    return this.until((reports) => {
      const last = reports.findLast((report) => report.kind === 'members')
      return last?.alive.join() === names.join() || undefined
    })
  }

  /** Names, once for each time. */
  failures(): string[] {
    return this.#reports.flatMap((report) => (report.kind === 'failed' ? [report.name] : []))
  }

  tell(stallForMs: number): void {
    this.#child.send({ stallForMs })
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#news.on('error', () => {})
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

describe('six processes, the event loops of three blocked for seconds again and again', () => {
  const remotes: Remote[] = []
  afterEach(() => Promise.all(remotes.splice(0).map((remote) => remote.end())))

  test('those that were never held up never fail, the others notice that they were, and in the end all are there', async () => {
    const names = ['busy-0', 'busy-1', 'busy-2', 'steady-0', 'steady-1', 'steady-2']
    const start = (name: string, seed: string) => {
      const remote = new Remote(name, seed)
      remotes.push(remote)
      return remote
    }
    const first = start('steady-0', '-')
    const { address } = await first.found('bound')
    const others = names.filter((name) => name !== first.name).map((name) => start(name, address))
    await Promise.all(others.map((other) => other.found('bound')))
    await Promise.all(remotes.map((remote) => remote.seesAlive(names)))

    const busy = remotes.filter(({ name }) => name.startsWith('busy'))
    const steady = remotes.filter((remote) => !busy.includes(remote))
    for (const remote of busy) remote.tell(stallForMs)
    for (const remote of busy) {
      const { blocked, stalls } = await remote.found('over')
      assert.ok(blocked >= 3, `${remote.name} was blocked ${blocked} times`)
      // Two in quick succession may count as one.
      assert.ok(
        stalls.count * 2 >= blocked && stalls.totalMs >= 500 * blocked,
        `${JSON.stringify(stalls)} of ${blocked}`,
      )
    }
    await Promise.all(remotes.map((remote) => remote.seesAlive(names)))
    for (const remote of steady) remote.tell(0)
    const failures = remotes.flatMap((remote) => remote.failures())
    for (const remote of steady) {
      const { stalls } = await remote.found('over')
      if (stalls.totalMs < heldUpMs) assert.equal(failures.includes(remote.name), false, `${remote.name}: ${failures}`)
    }
  })
})
