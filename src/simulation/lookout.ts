/** Sees from outside, by questions, answers and disks, which rare states a run reaches. */

import type { Operation, ProduceAsked, ReadAsked } from './history.ts'
import type { NodeSlot } from './node-slot.ts'
import type { Sometimes } from './sometimes.ts'

export class Lookout {
  readonly #slots: ReadonlyMap<string, NodeSlot>
  readonly #reached: (name: Sometimes) => void
  /** By producer's place: where it was asked for first, in which run, and where it was stored first. */
  readonly #places = new Map<string, { node: string; run: number; origin?: string }>()
  /** By reading: the node that answered last. */
  readonly #readings = new Map<string, string>()
  /** By node and topic: how far named cursors were committed, and by whom. */
  readonly #commits = new Map<string, { client: string; to: number }>()
  readonly #begun = new Set<string>()

  constructor(slots: readonly NodeSlot[], reached: (name: Sometimes) => void) {
    this.#slots = new Map(slots.map((slot) => [slot.name, slot]))
    this.#reached = reached
  }

  begun(operation: Operation): void {
    if (operation.kind !== 'produce' || operation.place === undefined) return
    const key = `${operation.topic}/${operation.place}`
    if (!this.#places.has(key)) this.#places.set(key, { node: operation.node, run: this.#run(operation.node) })
  }

  ended(operation: Operation): void {
    if (operation.kind === 'produce') this.#produced(operation)
    else if (operation.kind === 'read') this.#read(operation)
    else if (operation.kind === 'commit' && operation.answer?.ok) {
      for (const [log, to] of Object.entries(operation.positions)) {
        this.#commits.set(`${operation.node}/${log}`, { client: operation.client, to })
      }
    }
  }

  /** A disk holds a frame that it did not have. `isNew`: no disk ever had it. */
  held(disk: string, log: string, isNew: boolean): void {
    const origin = log.split('/')[1] as string
    if (isNew) return
    if (origin === disk) this.#reached('ownEpochPulledBack')
    else if (this.#slots.get(origin)?.state === 'down') this.#reached('healedFromThird')
  }

  /** A step of the plan was taken. */
  stepTaken(): void {
    const slots = [...this.#slots.values()]
    for (const { name, state } of slots) if (state === 'up') this.#begun.add(name)
    if (this.#begun.size > 0 && slots.every(({ state }) => state === 'down')) this.#reached('everybodyDown')
  }

  #produced({ answer, place, topic, node }: ProduceAsked): void {
    if (answer === undefined) return
    if (!answer.ok) {
      if (answer.code === 'COPIES_PENDING') this.#reached('copiesMissed')
      else if (answer.code === 'COPIES_IMPOSSIBLE') this.#reached('copiesImpossible')
      else if (answer.code === 'NODE_STOPPING') this.#reached('refusedWhileStopping')
      else if (answer.code === 'UNAVAILABLE') this.#reached('answerLost')
      return
    }
    const first = place === undefined ? undefined : this.#places.get(`${topic}/${place}`)
    if (first === undefined) return
    if (answer.duplicate && first.node === node && first.run < this.#run(node)) this.#reached('answeredFromStored')
    const origin = answer.log.split('/')[1] as string
    if (first.origin !== undefined && first.origin !== origin) this.#reached('storedAtTwoOrigins')
    first.origin ??= origin
  }

  #read({ answer, reading, node, from, waitsFor, beganMs, endedMs, cursorName, client }: ReadAsked): void {
    if (answer === undefined) return
    if (!answer.ok) {
      if (answer.code === 'NOT_CAUGHT_UP') this.#reached('waitTimedOut')
      else if (answer.code === 'OFFSET_TRIMMED') this.#reached('trimmedForReader')
      return
    }
    const last = this.#readings.get(reading)
    this.#readings.set(reading, node)
    if (last !== undefined && last !== node && answer.runs.some(({ log }) => log in from))
      this.#reached('cursorElsewhere')
    if (!answer.atEnd && answer.runs.length === 0) this.#reached('behindCursor')
    // Longer than the way there and back: something was waited for.
    if (Object.keys(waitsFor).length > 0 && endedMs! - beganMs > 50 && answer.runs.length > 0)
      this.#reached('waitEnded')
    if (cursorName === undefined) return
    for (const { log, from: at } of answer.runs) {
      const commit = this.#commits.get(`${node}/${log}`)
      if (commit !== undefined && commit.client !== client && commit.to === at) this.#reached('cursorNameShared')
    }
  }

  #run(node: string): number {
    return this.#slots.get(node)?.host.runs ?? 0
  }
}
