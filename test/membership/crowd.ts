/**
 * Many members alone, without logs, in one simulated world: they run what `createMember` of `reeve/serf` runs. Keeps what
 * each of them was told of each other one, so that it is known at every moment how far they are from the truth.
 */

import assert from 'node:assert/strict'
import { pino } from 'pino'
import { backoffMs } from '../../src/backoff.ts'
import { createMember, type MemberStatus, ReeveError } from '../../src/serf.ts'
import type { Host } from '../../src/simulation/host.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'
import { Traffic } from './traffic.ts'

/** What one member knows of another; `unknown` is zero, so that fresh views need no filling. */
const sights = { unknown: 0, alive: 1, failed: 2, left: 3 } as const
type Sight = keyof typeof sights

const sightAfter = { joined: 'alive', failed: 'failed', left: 'left', reaped: 'unknown' } as const

const port = 7946
const joinRetryMs = { least: 500, most: 5000 }
const seedCount = 3
const log = pino({ level: 'silent' })

/** In virtual ms: until all but a thousandth of all views were right, and until all were. */
export interface Agreement {
  readonly mostMs: number
  readonly allMs: number
}

type Member = Awaited<ReturnType<typeof createMember>>

interface Person {
  readonly index: number
  readonly host: Host
  member: Member | undefined
  /** By index of the others. */
  view: Uint8Array
}

export class Crowd {
  readonly world: World
  readonly traffic = new Traffic()
  /** How often somebody was declared failed who ran. */
  falselyFailed = 0
  readonly #people: Person[]
  readonly #byName: ReadonlyMap<string, Person>
  readonly #random: SeededRandom
  /** The truth, by index. */
  readonly #truth: Uint8Array
  /** Pairs of a member that runs and another one that it sees otherwise than it is. */
  #wrong = 0

  constructor(seed: number, size: number) {
    this.world = createWorld({ seed })
    this.#random = new SeededRandom(seed, 'crowd')
    this.#people = Array.from({ length: size }, (_, index) => {
      const host = this.world.addHost(`member-${index}`)
      return { index, host, member: undefined, view: new Uint8Array(size) }
    })
    this.#byName = new Map(this.#people.map((person) => [person.host.name, person]))
    this.#truth = new Uint8Array(size)
  }

  get size(): number {
    return this.#people.length
  }

  /** Of those that run, never the seeds: somebody must be there to join. */
  draw(share: number): string[] {
    const names = this.#running.slice(seedCount).map(({ host }) => host.name)
    return this.#random.shuffle(names).slice(0, Math.round(share * this.size))
  }

  /** All of these start at this moment, and join by the same few seeds; those that run already are let be. */
  join(names: readonly string[] = [...this.#byName.keys()]): void {
    const starting = names.map((name) => this.#person(name)).filter(({ member }) => !member)
    for (const { index } of starting) this.#truth[index] = sights.alive
    this.#recount(starting)
    for (const person of starting) void this.#start(person)
  }

  /** Their machines go dark, all at once. */
  fail(names: readonly string[]): void {
    for (const name of names) {
      const person = this.#person(name)
      person.member = undefined
      person.host.powerOff()
      this.#truth[person.index] = sights.failed
    }
    this.#recount()
  }

  /** All say goodbye at once; then they are gone. */
  leave(names: readonly string[]): void {
    for (const name of names) {
      const person = this.#person(name)
      const { member } = person
      person.member = undefined
      this.#truth[person.index] = sights.left
      void member?.leave().then(() => member.close())
    }
    this.#recount()
  }

  /** From now on so many packets get lost everywhere; a segment of a stream then comes later. */
  lose(share: number): void {
    this.world.setWeather({ loss: share }, {}, 'loss')
  }

  /** Two halves that do not reach each other for so long; each has the other as failed by then, and none of its own. */
  async divide(forMs: number): Promise<void> {
    const names = this.#people.map(({ host }) => host.name)
    const half = names.length >> 1
    const failedBefore = this.falselyFailed
    this.world.partition([names.slice(0, half), names.slice(half)])
    await this.pass(forMs)
    const apart = 2 * half * (names.length - half)
    assert.equal(this.#wrong, apart, 'each half has the other as failed')
    assert.equal(this.falselyFailed - failedBefore, apart, 'nobody of its own')
    this.falselyFailed = failedBefore
    this.world.heal()
  }

  /** How long it takes until everybody who runs sees everybody as they are; throws when it takes longer than `limitMs`. */
  async agreed(limitMs: number): Promise<Agreement> {
    const { world } = this
    const beganMs = world.now
    const few = this.size ** 2 / 1000
    await world.run({ until: () => this.#wrong <= few, limitMs })
    const mostMs = world.now - beganMs
    if (!(await world.run({ until: () => this.#wrong === 0, limitMs: limitMs - mostMs }))) {
      throw new Error(`${this.#wrong} views are still wrong after ${limitMs} ms of virtual time: ${this.#examples()}`)
    }
    const allMs = world.now - beganMs
    this.#examine()
    return { mostMs, allMs }
  }

  pass(forMs: number): Promise<boolean> {
    return this.world.run({ untilMs: this.world.now + forMs })
  }

  /** Until nobody has anything left to tell, in virtual ms; looked at every so often. */
  async quiet(limitMs: number, everyMs = 5000): Promise<number> {
    const beganMs = this.world.now
    while (this.#busy > 0) {
      if (this.world.now - beganMs > limitMs) throw new Error(`${this.#busy} still gossip after ${limitMs} ms`)
      await this.pass(everyMs)
    }
    return this.world.now - beganMs
  }

  close(): void {
    for (const { member } of this.#running) member?.close()
  }

  get #running(): Person[] {
    return this.#people.filter(({ member, index }) => member || this.#truth[index] === sights.alive)
  }

  get #busy(): number {
    return this.#running.filter(({ member }) => {
      return member && Object.values(member.stats().queued).some((depth) => depth > 0)
    }).length
  }

  async #start(person: Person): Promise<void> {
    const { host, index } = person
    if (!host.alive) host.start()
    person.view = new Uint8Array(this.size)
    const env = this.traffic.through(host.env)
    const settings = { name: host.name, bind: `${host.ip}:${port}`, tags: { role: 'member' } }
    const member = await createMember(settings, { env, log })
    person.member = member
    for (const kind of ['joined', 'failed', 'left', 'reaped'] as const) {
      member.on(kind, ({ member: { name } }) => this.#saw(person, this.#person(name), sightAfter[kind]))
    }
    const seeds = this.#people.slice(0, seedCount).filter((seed) => seed.index !== index)
    for (let tries = 1; ; tries += 1) {
      try {
        await member.join(seeds.map((seed) => `${seed.host.ip}:${port}`))
        return
      } catch (error) {
        if (!(error instanceof ReeveError) || error.code !== 'UNAVAILABLE') throw error
        const waitMs = backoffMs(tries, joinRetryMs.least, joinRetryMs.most, env.random.fraction())
        await new Promise<void>((resolve) => env.clock.setTimeout(resolve, waitMs))
      }
    }
  }

  #saw(observer: Person, subject: Person, sight: Sight): void {
    const { index } = subject
    if (sight === 'failed' && this.#truth[index] === sights.alive) this.falselyFailed += 1
    if (this.#truth[observer.index] === sights.alive) {
      const wasWrong = observer.view[index] !== this.#truth[index]
      const isWrong = sights[sight] !== this.#truth[index]
      this.#wrong += Number(isWrong) - Number(wasWrong)
    }
    observer.view[index] = sights[sight]
  }

  /** After the truth has changed; `fresh`: will know nobody when they start. */
  #recount(fresh: readonly Person[] = []): void {
    for (const person of fresh) person.view = new Uint8Array(this.size)
    this.#wrong = 0
    for (const { index: observer, view } of this.#people) {
      if (this.#truth[observer] !== sights.alive) continue
      for (let index = 0; index < this.size; index += 1) {
        if (index !== observer && view[index] !== this.#truth[index]) this.#wrong += 1
      }
    }
  }

  /** What they were told is what they say when they are asked. */
  #examine(): void {
    for (const { member, host, index: own } of this.#running) {
      const said = new Uint8Array(this.size)
      for (const { name, status } of member?.members() ?? []) said[this.#person(name).index] = sights[sightOf(status)]
      said.forEach((sight, index) => {
        if (index !== own) assert.equal(sight, this.#truth[index], `${host.name} of member-${index}`)
      })
    }
  }

  #examples(): string {
    const found: string[] = []
    const words = Object.keys(sights)
    for (const { host, view, index: observer } of this.#running) {
      for (let index = 0; index < this.size && found.length < 3; index += 1) {
        const [seen, truth] = [view[index] ?? 0, this.#truth[index] ?? 0]
        if (index !== observer && seen !== truth)
          found.push(`${host.name} has member-${index} as ${words[seen]}, not ${words[truth]}`)
      }
    }
    return found.join('; ')
  }

  #person(name: string): Person {
    const person = this.#byName.get(name)
    if (!person) throw new Error(`nobody is called ${name}`)
    return person
  }
}

function sightOf(status: MemberStatus): Sight {
  return status === 'leaving' ? 'unknown' : status
}
