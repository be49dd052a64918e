/**
 * What befalls members, each a small story of a few seconds or minutes that ends with everybody back: what users of
 * membership meet, at the moments at which much depends on who has heard what.
 */

import type { Fault } from '../faults.ts'
import type { SeededRandom } from '../random.ts'

export interface EpisodeContext {
  readonly random: SeededRandom
  readonly members: readonly string[]
  /** The first so many stay. */
  readonly seeds: number
  /** A name for what lasts. */
  readonly id: () => string
  readonly step: (afterMs: number, fault: Fault) => void
}

/** Returns how long it takes, in ms. */
export type Episode = (context: EpisodeContext) => number

/** Processes stand still for a few seconds, some again and again: suspected, and back before anybody may declare them failed. */
const blinks: Episode = ({ random, members, step }) => {
  let lastMs = 0
  for (const host of random.shuffle(members).slice(0, random.integer(1, 3))) {
    let atMs = random.between(0, 5_000)
    for (let times = random.integer(1, 3); times > 0; times--) {
      const forMs = random.between(1_200, 3_600)
      step(atMs, { kind: 'pause', host })
      step(atMs + forMs, { kind: 'resume', host })
      atMs += forMs + random.between(1_000, 8_000)
    }
    lastMs = Math.max(lastMs, atMs)
  }
  return lastMs + 25_000
}

/** A process stands still until it is declared failed, and goes on. */
const sleeps: Episode = ({ random, members, step }) => {
  let lastMs = 0
  for (const host of random.shuffle(members).slice(0, random.integer(1, 2))) {
    const forMs = random.between(6_000, 28_000)
    step(0, { kind: 'pause', host })
    step(forMs, { kind: 'resume', host })
    lastMs = Math.max(lastMs, forMs)
  }
  return lastMs + 15_000
}

/** Some lose the network, each alone, until just about when they are declared failed. */
const cutOff: Episode = ({ random, members, id, step }) => {
  let lastMs = 0
  for (const host of random.shuffle(members).slice(0, random.integer(1, 3))) {
    const name = id()
    const fromMs = random.between(0, 3_000)
    const toMs = fromMs + random.between(5_000, 8_500)
    step(fromMs, { kind: 'partition', groups: [[host]], id: name })
    step(toMs, { kind: 'heal', id: name })
    lastMs = Math.max(lastMs, toMs)
  }
  return lastMs + 60_000
}

/** Two sides are apart for so long that each has the other as failed and speaks of it no more. */
const halves: Episode = ({ random, members, id, step }) => {
  const name = id()
  const count = random.integer(2, members.length - 2)
  const forMs = random.between(65_000, 80_000)
  step(0, { kind: 'partition', groups: [random.shuffle(members).slice(0, count)], id: name })
  step(forMs, { kind: 'heal', id: name })
  return forMs + 75_000
}

/** Members say goodbye while one has no network, and it does not hear them. */
const missedFarewell: Episode = ({ random, members, seeds, id, step }) => {
  const name = id()
  const [away, ...others] = random.shuffle(members)
  const leaving = others.filter((host) => members.indexOf(host) >= seeds).slice(0, 2)
  step(0, { kind: 'partition', groups: [[away as string]], id: name })
  for (const host of leaving) step(random.between(50, 1_000), { kind: 'stop', host })
  step(random.between(6_000, 9_000), { kind: 'heal', id: name })
  for (const host of leaving) step(80_000, { kind: 'start', host })
  return 95_000
}

/** A member says goodbye, and is back at another address at once. */
const moves: Episode = ({ random, members, seeds, step }) => {
  const [host] = random.shuffle(members.slice(seeds)) as [string]
  step(0, { kind: 'stop', host })
  step(4_000, { kind: 'settings', host, settings: { port: 7947 + random.integer(0, 1_000) } })
  step(random.between(4_000, 8_000), { kind: 'start', host })
  return 20_000
}

/** Processes end and are started again at once, some with other tags. */
const restarts: Episode = ({ random, members, seeds, step }) => {
  for (const host of random.shuffle(members.slice(seeds)).slice(0, 2)) {
    const atMs = random.between(0, 5_000)
    step(atMs, { kind: 'kill', host })
    if (random.chance(0.5)) {
      step(atMs, { kind: 'settings', host, settings: { tags: { run: `${random.integer(0, 1_000_000)}` } } })
    }
    step(atMs + random.between(50, 15_000), { kind: 'start', host })
  }
  return 35_000
}

/** Machines go dark or say goodbye while packets do not get to some (streams do): those still tell of them as alive. */
const deaf: Episode = ({ random, members, seeds, id, step }) => {
  const name = id()
  const mixed = random.shuffle(members)
  const ending = mixed.filter((host) => members.indexOf(host) >= seeds).slice(0, 3)
  const hearing = mixed.filter((host) => !ending.includes(host))
  const others = hearing.slice(0, Math.max(1, Math.floor(hearing.length / 3)))
  step(0, { kind: 'weather', weather: { loss: 1 }, to: others, id: name })
  for (const [index, host] of ending.entries()) {
    step(random.between(1_000, 2_000), { kind: index === 0 ? 'powerOff' : 'stop', host })
  }
  step(45_000, { kind: 'calm', id: name })
  for (const host of ending) step(125_000, { kind: 'start', host })
  return 140_000
}

export const episodes: Readonly<Record<string, Episode>> = {
  blinks,
  sleeps,
  'cut-off': cutOff,
  halves,
  'missed-farewell': missedFarewell,
  moves,
  restarts,
  deaf,
}
