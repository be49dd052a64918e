/** A member alone, without logs, as a world of members holds it: what `createMember` of `reeve/serf` runs. */

import { pino } from 'pino'
import { backoffMs } from '../../backoff.ts'
import { ReeveError } from '../../errors.ts'
import { createMember, type MemberFact, type SerfMember } from '../../serf.ts'
import type { Host } from '../host.ts'
import type { NodeHandle, StartNode } from '../node-handle.ts'

/** Of a host, for the next start of its member: what a step `settings` may change. */
export interface MemberHostSettings {
  readonly port?: number
  readonly tags?: Readonly<Record<string, string>>
}

export interface MemberNodeOptions {
  /** So many of the hosts, the first ones, are asked by whoever starts. */
  readonly seeds: number
  readonly started: (host: Host, member: SerfMember) => void
  readonly told: (host: Host, fact: MemberFact) => void
}

const defaultPort = 7946
const joinRetryMs = { least: 500, most: 5_000 }
const log = pino({ level: 'silent' })

export function settingsOf({ settings }: Host): Required<MemberHostSettings> {
  const { port = defaultPort, tags = {} } = settings as MemberHostSettings
  return { port, tags }
}

/** Whether somebody answers or not, it is up at once, and goes on asking its seeds until one does. */
export const memberNode =
  ({ seeds, started, told }: MemberNodeOptions): StartNode =>
  async ({ host, hosts }): Promise<NodeHandle> => {
    const { env } = host
    const { port, tags } = settingsOf(host)
    const member = await createMember({ name: host.nodeName, bind: `${host.ip}:${port}`, tags }, { env, log })
    for (const kind of ['joined', 'failed', 'left', 'reaped'] as const) {
      member.on(kind, (fact) => told(host, fact))
    }
    const ended = new Promise<string>((resolve) => member.on('ended', ({ error }) => resolve(error.message)))
    started(host, member)
    const places = hosts.slice(0, seeds).filter(({ name }) => name !== host.name)
    const at = places.map((seed) => `${seed.ip}:${settingsOf(seed).port}`)
    let isOver = false
    let retry: ReturnType<typeof env.clock.setTimeout> | undefined
    const join = async (tries: number): Promise<void> => {
      try {
        await member.join(at)
      } catch (error) {
        if (isOver) return
        if (!(error instanceof ReeveError) || error.code !== 'UNAVAILABLE') throw error
        const waitMs = backoffMs(tries, joinRetryMs.least, joinRetryMs.most, env.random.fraction())
        retry = env.clock.setTimeout(() => void join(tries + 1), waitMs)
      }
    }
    if (at.length > 0) void join(1)
    const others = () => member.members().filter(({ name, status }) => name !== member.name && status === 'alive')
    return {
      name: member.name,
      ended,
      copies: () => [],
      wanted: () => others().map(({ name }) => name),
      running: () => [],
      async stop() {
        isOver = true
        env.clock.clearTimeout(retry)
        await member.leave()
        member.close()
      },
    }
  }
