/** Classes of faults of the network, and how a plan draws each. */

import { type Draw, type DrawContext, type Drawn, twoHosts, twoSides } from './fault-draw.ts'
import type { Fault } from './faults.ts'

function lasting(
  context: DrawContext,
  maxMs: number,
  fault: (id: string) => Fault,
  ends: (id: string) => Fault,
): Drawn {
  const id = context.id()
  return { faults: [fault(id)], ends: [ends(id)], afterMs: context.random.between(500, maxMs) }
}

const heal = (id: string): Fault => ({ kind: 'heal', id })
const calm = (id: string): Fault => ({ kind: 'calm', id })

const partition: Draw = (context) => {
  const { random, hosts } = context
  const mixed = random.shuffle(hosts)
  const size = random.integer(1, Math.max(1, hosts.length - 1))
  const rest = mixed.slice(size)
  const first = mixed.slice(0, size)
  const groups = rest.length > 2 && random.chance(0.25) ? [first, rest.slice(0, 1)] : [first]
  return lasting(context, 40_000, (id) => ({ kind: 'partition', groups, id }), heal)
}

const bridge: Draw = (context) => {
  const sides = twoSides(context, context.random.integer(1, Math.max(1, context.hosts.length - 2)))
  return sides && lasting(context, 40_000, (id) => ({ kind: 'bridge', sides, id }), heal)
}

const block: Draw = (context) => {
  const two = twoHosts(context)
  return two && lasting(context, 20_000, (id) => ({ kind: 'block', from: two[0], to: two[1], id }), heal)
}

const flap: Draw = (context) => {
  const sides = twoSides(context)
  const [downMs, upMs] = [context.random.integer(50, 3_000), context.random.integer(50, 3_000)]
  return sides && lasting(context, 30_000, (id) => ({ kind: 'flap', sides, downMs, upMs, id }), heal)
}

const halfOpen: Draw = (context) => {
  const two = twoHosts(context)
  return two && { faults: [{ kind: 'halfOpen', from: two[0], to: two[1] }] }
}

const resets: Draw = ({ random, hosts, running }) => {
  const host = running()
  if (host === undefined) return undefined
  const others = hosts.filter((other) => other !== host)
  const peer = random.chance(0.5) && others.length > 0 ? random.pick(others) : undefined
  return { faults: [{ kind: 'reset', host, ...(peer !== undefined && { peer }) }] }
}

const refused: Draw = ({ random, running }) => {
  const host = running()
  if (host === undefined) return undefined
  return { faults: [{ kind: 'refuse', host }], ends: [{ kind: 'accept', host }], afterMs: random.between(200, 15_000) }
}

/** Everywhere, at one host, or one way between two groups. */
function somewhere(context: DrawContext): { hosts?: string[]; from?: string[]; to?: string[] } {
  const { random, hosts } = context
  const choice = random.fraction()
  const sides = twoSides(context)
  if (choice < 0.4 || sides === undefined) return {}
  return choice < 0.7 ? { hosts: [random.pick(hosts)] } : { from: sides[0]!, to: sides[1]! }
}

const weather: Draw = (context) => {
  const { random } = context
  const slow = random.between(5, 400)
  const delay = { minMs: slow / 4, maxMs: slow, tailChance: 0.05, tailMs: slow * 4 }
  const storm = { delay, loss: random.between(0, 0.4), duplicate: random.between(0, 0.05), reorder: 0.1 }
  const where = somewhere(context)
  return lasting(context, 20_000, (id) => ({ kind: 'weather', weather: storm, ...where, id }), calm)
}

const bandwidth: Draw = (context) => {
  const bytesPerSecond = Math.round(2_000 * 2 ** context.random.between(0, 8))
  const where = somewhere(context)
  return lasting(context, 20_000, (id) => ({ kind: 'weather', weather: { bytesPerSecond }, ...where, id }), calm)
}

export const networkClasses: Readonly<Record<string, Draw>> = {
  partition,
  bridge,
  block,
  flap,
  'half-open': halfOpen,
  resets,
  refused,
  weather,
  bandwidth,
}
