/** A name at an address of a mixed cluster, where a real agent or a member of ours runs, or nobody does for now. */

import type { Address } from '../../src/env/env.ts'
import type { fleet } from './fleet.ts'
import { hostPort, type TestMember } from './member.ts'
import type { SerfAgent } from './serf-agent.ts'

type Tags = Readonly<Record<string, string>>

/** What everybody is to see: the tags of everybody by name, and nobody else. */
export type Everybody = ReadonlyMap<string, Tags>

interface Seen {
  readonly name: string
  readonly status: string
  readonly tags: Tags
}

export interface Resident {
  readonly kind: 'ours' | 'theirs'
  readonly name: string
  readonly at: Address
  /** As set last. */
  readonly tags: Tags
  start(tags: Tags, through?: Resident): Promise<void>
  /** Nobody is told. */
  kill(): Promise<void>
  leave(): Promise<void>
  setTag(key: string, value: string): Promise<void>
  sendEvent(name: string): Promise<void>
  join(through: Resident): Promise<void>
  /** Waits until it sees everybody alive with their tags. */
  sees(everybody: Everybody): Promise<void>
  /** What it does not see like that right now. */
  misses(everybody: Everybody): Promise<string[]>
}

type Fleet = ReturnType<typeof fleet>

export interface ResidentOptions {
  readonly name: string
  readonly at: Address
  /** All of the cluster have it, or none. */
  readonly key?: Uint8Array | undefined
  /** Of what ours sends. */
  readonly compression?: boolean
}

export function ourResident(fleet: Fleet, { name, at, key, compression = true }: ResidentOptions): Resident {
  const encryption = key && { source: { key }, acceptPlain: false, sendPlain: false }
  let running: TestMember
  return {
    kind: 'ours',
    name,
    at,
    tags: {},
    async start(tags, through) {
      Object.assign(this, { tags })
      running = await fleet.member(name, { tags, at, compression, ...(encryption && { encryption }) })
      if (through) await this.join(through)
    },
    async kill() {
      running.gossip.close()
    },
    async leave() {
      await running.gossip.leave()
      running.gossip.close()
    },
    async setTag(key, value) {
      const tags = { ...this.tags, [key]: value }
      Object.assign(this, { tags })
      await running.gossip.setTags(new Map(Object.entries(tags)))
    },
    sendEvent: (event) => running.gossip.sendEvent(event),
    async join(through) {
      await running.gossip.join([hostPort(through.at)])
    },
    async sees(everybody) {
      await running.until('everybody', () => differences(list(running), everybody).length === 0)
    },
    async misses(everybody) {
      return differences(list(running), everybody)
    },
  }
}

export function theirResident(fleet: Fleet, { name, at, key }: ResidentOptions): Resident {
  const encrypt = key && Buffer.from(key).toString('base64')
  let running: SerfAgent
  return {
    kind: 'theirs',
    name,
    at,
    tags: {},
    async start(tags, through) {
      Object.assign(this, { tags })
      running = await fleet.agent(name, { tags, at, ...(through && { join: through.at }), ...(encrypt && { encrypt }) })
    },
    kill: () => running.kill(),
    async leave() {
      // An agent whose goodbye was not sent often enough in time says so and goes without.
      await running.run('leave').catch(() => {})
      await running.ended()
    },
    async setTag(key, value) {
      Object.assign(this, { tags: { ...this.tags, [key]: value } })
      await running.run('tags', '-set', `${key}=${value}`)
    },
    async sendEvent(event) {
      await running.run('event', event)
    },
    async join(through) {
      await running.run('join', hostPort(through.at))
    },
    async sees(everybody) {
      await running.until('everybody', (list) => differences(list, everybody).length === 0)
    },
    async misses(everybody) {
      return differences(await running.members(), everybody)
    },
  }
}

const list = ({ gossip }: TestMember): Seen[] =>
  gossip.members().map(({ name, status, tags }) => ({ name, status, tags: Object.fromEntries(tags) }))

/** What is not as it should be in the list of one member. */
function differences(list: readonly Seen[], everybody: Everybody): string[] {
  const wanted = new Map([...everybody].map(([name, tags]) => [name, written({ name, status: 'alive', tags })]))
  const strange = list.flatMap((one) => (written(one) === wanted.get(one.name) ? [] : [written(one)]))
  const names = new Set(list.map(({ name }) => name))
  return [...strange, ...[...everybody.keys()].filter((name) => !names.has(name)).map((name) => `no ${name}`)]
}

/** The same text for the same state. */
function written({ name, status, tags }: Seen): string {
  const words = Object.entries(tags).map(([key, value]) => `${key}=${value}`)
  return [name, status, ...words.sort()].join(' ')
}
