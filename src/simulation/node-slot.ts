/** The place of one node in a scenario, through all its runs: starts it, stops it, lets it crash, in any order. */

import type { Host } from './host.ts'
import { checkNothingOpen, type NodeSnapshot, type Violation } from './invariants.ts'
import type { NodeHandle, StartContext, StartNode } from './scenario.ts'

export interface SlotOptions {
  readonly context: StartContext
  readonly startNode: StartNode
  readonly stopMs: number
  readonly report: (violation: Violation) => void
}

export class NodeSlot {
  state: 'down' | 'starting' | 'up' | 'stopping' = 'down'
  /** While it is up. */
  node: NodeHandle | undefined
  readonly #options: SlotOptions
  readonly #host: Host
  /** Answers of an earlier run are nobody's business any more. */
  #run = 0

  constructor(options: SlotOptions) {
    this.#options = options
    this.#host = options.context.host
  }

  get name(): string {
    return this.#host.name
  }

  /** Does nothing unless it is down. */
  start(): void {
    if (this.state !== 'down') return
    if (!this.#host.alive) this.#host.start()
    const run = this.#begin('starting')
    this.#options.startNode(this.#options.context).then(
      (node) => {
        if (run !== this.#run) return
        this.node = node
        this.state = 'up'
        this.#note('is up')
      },
      (error) => {
        if (run !== this.#run) return
        this.#options.report({ kind: 'startFailed', node: this.name, reason: String(error) })
        this.end('kill')
      },
    )
  }

  /** Gracefully; does nothing unless it is up. */
  stop(): void {
    const { node } = this
    if (this.state !== 'up' || node === undefined) return
    const run = this.#begin('stopping')
    const { report, stopMs, context } = this.#options
    node.stop().then(
      () => {
        if (run !== this.#run) return
        for (const violation of checkNothingOpen(this.name, this.#host.open())) report(violation)
        this.#note('stopped')
        this.end('kill')
      },
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
    this.#host[how]()
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
      name: this.name,
      copies: node.copies(),
      get records() {
        return node.readAll()
      },
      get places() {
        return node.places?.() ?? []
      },
      wanted: node.wanted(),
      running: node.running(),
    }
  }

  #begin(state: NodeSlot['state']): number {
    this.state = state
    this.node = undefined
    return ++this.#run
  }

  #note(text: string): void {
    this.#options.context.world.note(`${this.name} ${text}`)
  }
}
