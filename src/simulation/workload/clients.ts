/** Who is there in a run: writers at every node, and readers of every kind, going from node to node. */

import { cursorUser } from './cursor-users.ts'
import type { Floor } from './floor.ts'
import { probe, roamingReader, tailingReader } from './readers.ts'
import { topicKeeper } from './topic-keeper.ts'
import { carelessWriter, stubbornWriter } from './writers.ts'

/** How many of each kind; writers are besides one of each kind at every node. */
export interface ClientMix {
  readonly roamingWriters: number
  readonly readers: number
  readonly tails: number
  readonly probes: number
  /** Of the first topic, all by one name. */
  readonly cursorUsers: number
  /** Of the last topic. */
  readonly topicKeepers: number
}

export const usualClients: ClientMix = {
  roamingWriters: 1,
  readers: 2,
  tails: 1,
  probes: 1,
  cursorUsers: 2,
  topicKeepers: 0,
}

export function startClients(floor: Floor, mix: ClientMix): void {
  const { counters, topics } = floor.options
  const [first, last] = [topics[0] as string, topics.at(-1) as string]
  for (const counter of counters) {
    carelessWriter(floor, counter)
    stubbornWriter(floor, { client: `stubborn at ${counter.name}`, desk: counter, roams: false })
  }
  times(mix.roamingWriters, (index) => {
    const desk = counters[index % counters.length]!
    stubbornWriter(floor, { client: `roaming writer ${index}`, desk, roams: true })
  })
  times(mix.readers, (index) => roamingReader(floor, `reader ${index}`))
  times(mix.tails, (index) => tailingReader(floor, `tail ${index}`))
  times(mix.probes, (index) => probe(floor, `probe ${index}`))
  times(mix.cursorUsers, (index) => cursorUser(floor, `cursor user ${index}`, first))
  times(mix.topicKeepers, (index) => topicKeeper(floor, `keeper ${index}`, last))
}

function times(count: number, make: (index: number) => void): void {
  for (let index = 0; index < count; index++) make(index)
}
