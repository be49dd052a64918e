/** The place of one node in a scenario, through all its runs: starts it, stops it, lets it crash, in any order. */

import type { Host } from './host.ts'
import { checkNothingOpen, type NodeSnapshot, type Violation } from './invariants.ts'
import type { NodeHandle, StartContext, StartNode } from './scenario.ts'

/** What a process manager waits before it starts again what failed. */
const restartMs = 1_000

export interface SlotOptions {
  readonly context: StartContext
  readonly startNode: StartNode
  readonly stopMs: number
  readonly report: (violation: Violation) => void
}

export class NodeSlot {
  state: 'down' | 'starting' | 'up' | 'stopping' = 'down'
  readonly #options: SlotOptions
  readonly host: Host
  /** Answers of an earlier run are nobody's business any more. */
  #run = 0
  #node: NodeHandle | undefined

  constructor(options: SlotOptions) {
    this.#options = options
    this.host = options.context.host
  }

  get name(): string {
    return this.host.name
  }

  /** While it is up, and its process not paused. */
  get node(): NodeHandle | undefined {
    return this.host.paused ? undefined : this.#node
  }

  /** Does nothing unless it is down. */
  start(): void {
    if (this.state !== 'down') return
    if (!this.host.alive) this.host.start()
    const run = this.#begin('starting')
    const { troubles } = this.host.disk
    const failuresBefore = troubles.failures
    this.#options.startNode(this.#options.context).then(
      (node) => {
        if (run !== this.#run) return
        this.#node = node
        this.state = 'up'
        this.#note('is up')
        node.ended?.then((reason) => {
          if (run === this.#run) this.#gaveUp('processFailed', reason, failuresBefore)
        })
      },
      (error) => {
        if (run === this.#run) this.#gaveUp('startFailed', String(error), failuresBefore)
      },
    )
  }

  /** A node may end, or not start, when its disk fails; whoever looks after it starts it again. */
  #gaveUp(kind: 'startFailed' | 'processFailed', reason: string, failuresBefore: number): void {
    const isExcused = this.host.disk.troubles.failures > failuresBefore
    this.#note(`gave up: ${reason}`)
    if (!isExcused) this.#options.report({ kind, node: this.name, reason })
    this.end('kill')
    const run = this.#run
    if (isExcused) this.#options.context.world.after(restartMs, () => run === this.#run && this.start())
  }

  /** Gracefully; does nothing unless it is up. */
  stop(): void {
    const node = this.#node
    if (this.state !== 'up' || node === undefined) return
    this.host.resume()
    const run = this.#begin('stopping')
    const { report, stopMs, context } = this.#options
    const stopped = () => {
      if (run !== this.#run) return
      for (const violation of checkNothingOpen(this.name, this.host.open())) report(violation)
      this.#note('stopped')
      this.end('kill')
    }
    node.stop().then(
      // Calls that were cut at the very end are told of it in a turn of their own.
      () => context.world.after(0, stopped),
      (error) => {
        if (run !== this.#run) return
        report({ kind: 'stopFailed', node: this.name, reason: String(error) })
        this.end('kill')
      },
    )
    context.world.after(stopMs, () => {
      if (run !== this.#run) return
      report({ kind: 'stopFailed', node: this.name, reason: `not within ${stopMs} ms` })
      this.end('kill')
    })
  }

  end(how: 'kill' | 'crash' | 'powerOff'): void {
    this.#begin('down')
    this.host[how]()
  }

  /** The process died of an exception. */
  processFailed(error: unknown): void {
    this.#begin('down')
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.report({ kind: 'processFailed', node: this.name, reason })
  }

  /** Records and places are read when they are asked for. */
  snapshot(): NodeSnapshot | undefined {
    const { node } = this
    if (node === undefined) return undefined
    return {
      name: node.name,
      copies: node.copies(),
      get records() {
        return node.readAll?.() ?? []
      },
      get places() {
        return node.places?.() ?? []
      },
      wanted: node.wanted(),
      running: node.running(),
      lagging: node.lagging?.() ?? [],
    }
  }

  #begin(state: NodeSlot['state']): number {
    this.state = state
    this.#node = undefined
    return ++this.#run
  }

  #note(text: string): void {
    this.#options.context.world.note(`${this.name} ${text}`)
  }
}
