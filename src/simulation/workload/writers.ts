/** Clients that write: some whatever comes, some one record after the other until each is acknowledged. */

import { pending } from '../judges/durable-copies.ts'
import type { SeededRandom } from '../random.ts'
import { allCopies, type Counter, type Floor } from './floor.ts'

/** At one node: batches of one or a few, with copies and deadlines of all kinds; never sends anything again. */
export function carelessWriter(floor: Floor, counter: Counter): void {
  const client = `writer at ${counter.name}`
  const random = floor.random(client)
  const { topics, recordMaxBytes, counters } = floor.options
  let count = 0
  const write = (): void => {
    if (!floor.isOpen) return
    floor.later(random, write)
    const topic = random.pick(topics)
    const payloads = Array.from({ length: random.chance(0.8) ? 1 : random.integer(2, 5) }, () =>
      textBytes(`${counter.name} ${count++} ${'x'.repeat(random.integer(0, recordMaxBytes))}`),
    )
    const to = random.chance(0.9) ? counter : floor.pick(random)
    if (!to.isUp) return
    const asked = {
      client,
      topic,
      payloads,
      copies: drawCopies(random, counters.length),
      timeoutMs: drawTimeout(random),
    }
    floor.produce(floor.desk(counter), to, asked, undefined)
  }
  floor.later(random, write)
}

export interface StubbornOptions {
  readonly client: string
  readonly desk: Counter
  /** The same node always, or any after one that did not answer. */
  readonly roams: boolean
}

/** Sends a record under its sequence until it is stored, however often; some once more after that. */
export function stubbornWriter(floor: Floor, { client, desk, roams }: StubbornOptions): void {
  const random = floor.random(client)
  const producerId = random.bytes(16)
  const producer = Buffer.from(producerId).toString('hex')
  const { topics } = floor.options
  const next = new Map<string, number>()
  let counter = desk
  let record: { topic: string; sequence: number; payloads: Uint8Array[] } | undefined
  const step = (): void => {
    if (floor.isSilent || (record === undefined && !floor.isOpen)) return
    record ??= begin()
    const { topic, sequence, payloads } = record
    const request = {
      producerId,
      producerSequence: BigInt(sequence),
      producerSkips: roams,
      place: `${producer}/${sequence}`,
    }
    const copies = random.chance(0.8) ? 1 : Math.min(2, floor.options.counters.length)
    floor.produce(
      floor.desk(desk),
      counter,
      { client, topic, payloads, copies, timeoutMs: drawTimeout(random) },
      request,
      told,
    )
  }
  const told: Parameters<Floor['produce']>[4] = ({ answer, sums, topic }) => {
    const stored = answer?.ok === true || (answer !== undefined && pending(answer.code, answer.facts) !== undefined)
    if (stored && random.chance(0.8)) {
      next.set(topic, (record?.sequence ?? 0) + sums.length)
      record = undefined
    } else if (roams && (!stored || random.chance(0.5))) {
      // Also with what is stored: as if the answer had been lost on its way.
      counter = floor.pick(random)
    }
    floor.later(random, step)
  }
  const begin = () => {
    const topic = random.pick(topics)
    const sequence = next.get(topic) ?? 0
    const payloads = Array.from({ length: random.integer(1, 3) }, (_, index) =>
      textBytes(`${client} ${sequence + index}`),
    )
    return { topic, sequence, payloads }
  }
  floor.later(random, step)
}

function drawCopies(random: SeededRandom, nodes: number): number {
  if (random.chance(0.7)) return 1
  return random.chance(0.15) ? allCopies : random.integer(1, nodes)
}

function drawTimeout(random: SeededRandom): number {
  return random.chance(0.7) ? 5_000 : random.integer(50, 2_000)
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
