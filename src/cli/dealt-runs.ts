/**
 * Many runs by seed in processes of their own, one run at a time in each: whoever is done gets the next seed. They live
 * as long as there are seeds.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** `failure`: no run came of it, and why: it threw, or its process ended. */
export type Dealt<Run> = { readonly seed: number } & ({ readonly run: Run } | { readonly failure: string })

/** The program and its words for each process, which must come to `takeSeeds`: this very command with the same flags. */
const sameCommand = (): string[] => [process.execPath, ...process.execArgv, ...process.argv.slice(1), '--worker']

/** In the order in which they end. `Run` is what JSON keeps of what `takeSeeds` was given. */
export async function* dealtRuns<Run>(
  seeds: Iterable<number>,
  jobs: number,
  command: readonly string[] = sameCommand(),
): AsyncGenerator<Dealt<Run>, void, void> {
  const left = seeds[Symbol.iterator]()
  const running = new Map<Worker<Run>, Promise<[Worker<Run>, Dealt<Run>]>>()
  const deal = (worker: Worker<Run>): void => {
    const next = left.next()
    if (next.done) worker.end()
    else
      running.set(
        worker,
        worker.run(next.value).then((dealt) => [worker, dealt]),
      )
  }
  try {
    for (let job = 0; job < jobs; job++) deal(new Worker(command))
    while (running.size > 0) {
      const [worker, dealt] = await Promise.race(running.values())
      running.delete(worker)
      deal(worker)
      yield dealt
    }
  } finally {
    for (const worker of running.keys()) worker.kill()
  }
}

/** In this process, one after the other. */
export async function* ownRuns<Run>(
  seeds: Iterable<number>,
  run: (seed: number) => Promise<Run>,
): AsyncGenerator<Dealt<Run>, void, void> {
  for (const seed of seeds) yield await attempt(seed, run)
}

/** The other side: runs what it is given until the process that gave it is gone. */
export async function takeSeeds(run: (seed: number) => Promise<unknown>): Promise<void> {
  process.on('message', (seed: number) => {
    void attempt(seed, run).then((dealt) => process.send?.(dealt))
  })
  if (process.connected) await once(process, 'disconnect')
  // A run under way has nobody to tell.
  process.exit()
}

async function attempt<Run>(seed: number, run: (seed: number) => Promise<Run>): Promise<Dealt<Run>> {
  try {
    return { seed, run: await run(seed) }
  } catch (error) {
    return { seed, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

class Worker<Run> {
  readonly #command: readonly string[]
  #child: ChildProcess | undefined

  constructor(command: readonly string[]) {
    this.#command = command
  }

  /** One at a time. */
  run(seed: number): Promise<Dealt<Run>> {
    const [program, ...words] = this.#command
    this.#child ??= spawn(program!, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const child = this.#child
    return new Promise((resolve) => {
      const settle = (dealt: Dealt<Run>): void => {
        child.off('message', settle).off('exit', exited).off('error', failed)
        resolve(dealt)
      }
      const failed = (error: Error): void => {
        this.#child = undefined
        settle({ seed, failure: error.message })
      }
      const exited = (code: number | null, signal: string | null): void =>
        failed(new Error(`its process ended: ${signal ?? `exit code ${code}`}`))
      child.on('message', settle).on('exit', exited).on('error', failed)
      child.send(seed, (error) => error && failed(error))
    })
  }

  end(): void {
    if (this.#child?.connected) this.#child.disconnect()
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }
}
