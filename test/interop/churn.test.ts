import { describe, test } from 'node:test'
import { SeededRandom } from '../../src/simulation/random.ts'
import { keyOf } from '../gossip/sealed.ts'
import { fleet } from './fleet.ts'
import { ourResident, type Resident, theirResident } from './resident.ts'
import { lastingPort, withoutSerf } from './serf-agent.ts'

const ofEachKind = 10
const fewestOfAKind = 3
const operations = 200
/** So many go on at once; the next ones come when they are through, whatever the cluster has made of them so far. */
const atOnce = 5

const weights = { kill: 3, leave: 2, restart: 3, tag: 4, event: 3, join: 3 }
const kinds = Object.entries(weights).flatMap(([kind, weight]) =>
  Array<keyof typeof weights>(weight).fill(kind as never),
)

interface Operation {
  /** For whoever reads why it failed. */
  readonly what: string
  run(): Promise<void>
}

/** Draws operations that may go on at once: each with a member of its own, and none relies on one that goes down. */
class Plan {
  readonly #random: SeededRandom
  readonly #up: Set<Resident>
  readonly #down = new Set<Resident>()
  #count = 0

  constructor(seed: number, residents: readonly Resident[]) {
    this.#random = new SeededRandom(seed, 'mixed churn')
    this.#up = new Set(residents)
  }

  next(): Operation[] {
    const [up, down] = [[...this.#up], [...this.#down]]
    const chosen = this.#random.shuffle([...up, ...down]).slice(0, atOnce)
    const hosts = up.filter((one) => !chosen.includes(one))
    return chosen.map((one) => this.#draw(one, this.#random.pick(hosts)))
  }

  /** Starts whoever is down. */
  rest(): Operation[] {
    const hosts = [...this.#up]
    return [...this.#down].map((one) => this.#draw(one, this.#random.pick(hosts)))
  }

  /**
   * Everybody joins somebody once more. Exchanges of state between real agents wind up the time of a leave, at each by
   * another amount; one that came back through an agent whose clock is behind may be leaving for ever in the eyes of a
   * third, until it says with a later time that it is here. It cannot know that it has to: agents tell each other who
   * has left, but not who is leaving. Members of ours ask whoever they come to doubt; what a real agent doubts is its own.
   */
  again(): Operation[] {
    const up = [...this.#up]
    return up.map((one, index) => {
      const through = up[(index + 1) % up.length] as Resident
      return { what: `${++this.#count} join ${one.name} to ${through.name}`, run: () => one.join(through) }
    })
  }

  #draw(one: Resident, through: Resident): Operation {
    const run = `${++this.#count}`
    const start = () => one.start({ run }, through)
    if (this.#down.delete(one)) {
      this.#up.add(one)
      return { what: `${run} start ${one.name} through ${through.name}`, run: start }
    }
    const kind = this.#random.pick(kinds)
    const sameKind = [...this.#up].filter((other) => other.kind === one.kind)
    if (kind === 'kill' || kind === 'leave') {
      if (sameKind.length === fewestOfAKind) return this.#draw(one, through)
      this.#up.delete(one)
      this.#down.add(one)
      return { what: `${run} ${kind} ${one.name}`, run: () => one[kind]() }
    }
    if (kind === 'restart') {
      const restart = async () => {
        await one.kill()
        await start()
      }
      return { what: `${run} restart ${one.name} through ${through.name}`, run: restart }
    }
    if (kind === 'join') {
      return { what: `${run} join ${one.name} to ${through.name}`, run: () => one.join(through) }
    }
    if (kind === 'tag') return { what: `${run} tag ${one.name}`, run: () => one.setTag('mark', run) }
    return { what: `${run} event ${one.name}`, run: () => one.sendEvent(`event-${run}`) }
  }
}

describe('members that come and go among real serf agents', { skip: withoutSerf() }, () => {
  const started = fleet()

  async function churn(seed: number, key?: Uint8Array): Promise<void> {
    const done: string[] = []
    const carryOut = (round: readonly Operation[]) =>
      Promise.all(
        round.map(async ({ what, run }) => {
          done.push(what)
          await run().catch((cause) => {
            throw new Error(`operation ${what}`, { cause })
          })
        }),
      )
    const residents: Resident[] = []
    const everybody = () => new Map(residents.map(({ name, tags }) => [name, tags]))
    try {
      for (let index = 0; index < ofEachKind; index += 1) {
        const place = async () => ({ host: '127.0.0.1', port: await lastingPort() })
        const compression = index % 2 === 0
        residents.push(ourResident(started, { name: `ours-${index}`, at: await place(), key, compression }))
        residents.push(theirResident(started, { name: `theirs-${index}`, at: await place(), key }))
      }
      const [first, ...others] = residents as [Resident, ...Resident[]]
      await first.start({ run: '0' })
      await Promise.all(others.map((one) => one.start({ run: '0' }, first)))

      const plan = new Plan(seed, residents)
      while (done.length < operations) await carryOut(plan.next())
      await carryOut(plan.rest())
      // The first time brings all clocks together, the second time is later than what any of them says.
      await carryOut(plan.again())
      await carryOut(plan.again())
      for (const one of residents) await one.sees(everybody())
    } catch (cause) {
      const wrong = residents.map(async (one) => {
        const misses = await one.misses(everybody()).catch(() => ['everything'])
        return misses.length === 0 ? [] : [`${one.name} sees ${misses.join(', ')}`]
      })
      const views = (await Promise.all(wrong)).flat()
      throw new Error([`seed ${seed}, after ${done.join(', ')}`, ...views].join('\n'), { cause })
    }
  }

  test('after two hundred changes, everybody sees everybody', () => churn(1))

  test('and so they do when they encrypt', () => churn(2, keyOf(1)))
})
