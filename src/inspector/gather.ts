/**
 * Looks at the node now and then and gives the recorder what changed: every second while somebody watches, else every
 * ten. Owns what was told last; asks, and never changes anything.
 */

import type { Clock, Timer } from '../env/env.ts'
import type { Member } from '../gossip/member.ts'
import { Alarms, type Finding } from './alarms.ts'
import { clockFindings } from './clock-findings.ts'
import type {
  DiskPart,
  GossipPart,
  LinkFacts,
  MemberFacts,
  NodeFacts,
  NodePart,
  ServerPart,
  SyncLoad,
} from './facts.ts'
import { LinkWatch } from './link-watch.ts'
import { LogEnds, type LogSources } from './log-ends.ts'
import type { Recorder } from './recorder.ts'
import { isSecretName } from './redact.ts'

/** What failure detection has of a node. */
export type Detected = ReadonlyMap<string, { readonly suspect: boolean; readonly incarnation: number }>

export interface FactSources extends LogSources {
  readonly node: () => NodePart
  readonly members: () => readonly Member[]
  readonly rttMs: (name: string) => Promise<number | undefined>
  /** Undefined: a Serf agent does the gossip. */
  readonly gossip: () => { readonly part: GossipPart; readonly detected: Detected } | undefined
  readonly links: () => readonly LinkFacts[]
  readonly server: () => ServerPart
  /** Undefined: not known. */
  readonly disk: () => DiskPart | undefined
  /** Of the time since it was asked last. */
  readonly syncs: () => SyncLoad | undefined
  /** Of what only they know; `about` tells two of a kind apart. */
  readonly findings: (nowMs: number) => (Finding & { readonly about: string })[]
}

const lookEveryMs = 1000
/** Looks are this far apart while nobody watches, and so are those for round trips that merely drift. */
const slowLooks = 10
const membersMax = 1000
const slowMs = 500

export class Gather {
  readonly logs: LogEnds
  readonly alarms = new Alarms()
  readonly #linkWatch = new LinkWatch()
  readonly #recorder: Recorder
  readonly #clock: Clock
  readonly #sources: FactSources
  /** By part, as JSON. */
  readonly #told = new Map<string, string>()
  readonly #rtts = new Map<string, number>()
  #timer: Timer | undefined
  #dueMs = 0
  #looks = 0
  #lookedMs: number
  #delayMs = 0
  #paused = false
  #closed = false

  constructor(recorder: Recorder, clock: Clock, sources: FactSources) {
    this.#recorder = recorder
    this.#clock = clock
    this.#sources = sources
    this.logs = new LogEnds(sources)
    this.#lookedMs = clock.monotonicMs()
  }

  /** The logs are open. */
  start(): void {
    this.logs.begin()
    // It is not known at once: asked now, it is there at the first look.
    this.#sources.disk()
    this.#wait()
  }

  /** No look until `resume`; its rhythm stays. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
  }

  #wait(): void {
    if (this.#closed) return
    this.#dueMs = this.#clock.monotonicMs() + lookEveryMs
    this.#timer = this.#clock.setTimeout(() => {
      this.#delayMs = Math.max(this.#delayMs, this.#clock.monotonicMs() - this.#dueMs)
      const slow = this.#looks++ % slowLooks === 0
      if (!this.#paused && (slow || this.#recorder.watched)) void this.#look(slow).then(() => this.#wait())
      else this.#wait()
    }, lookEveryMs)
  }

  async #look(slow: boolean): Promise<void> {
    // Who is asked for them may be another process, and slow.
    if (slow) await this.#measure().catch(() => {})
    if (this.#closed) return
    try {
      const facts = this.#changes(slow)
      if (Object.keys(facts).length > 0) this.#recorder.learn(facts)
    } catch {
      // Part of it was looked at and not told: the next look tells everything.
      this.#told.clear()
      this.logs.repeat()
    }
  }

  #changes(slow: boolean): NodeFacts {
    const sources = this.#sources
    const nowMs = this.#clock.now()
    const periodMs = this.#clock.monotonicMs() - this.#lookedMs
    this.#lookedMs += periodMs
    const { part: logs, growth } = this.logs.look()
    const syncs = sources.syncs()
    const load = {
      ...{ periodMs: Math.round(periodMs), loopDelayMs: Math.round(this.#delayMs), ...growth },
      ...(syncs && { syncs }),
    }
    this.#delayMs = 0
    const gossip = sources.gossip()
    const members = this.#members(gossip?.detected)
    const links = sources.links()
    const findings = [
      ...sources.findings(nowMs),
      ...this.#linkWatch.look(links, this.#lookedMs),
      ...clockFindings(links, this.logs.newest(), nowMs),
    ]
    const alarms = this.alarms.collect(nowMs, [...findings, ...slowness(load.loopDelayMs)])
    const disk = sources.disk()
    const changed = {
      ...this.#ifChanged('node', sources.node()),
      ...this.#membersIfChanged(members, slow),
      ...(gossip && this.#ifChanged('gossip', gossip.part)),
      ...this.#ifChanged('links', links),
      ...(disk && this.#ifChanged('disk', disk)),
      ...this.#ifChanged('server', sources.server()),
      ...this.#ifChanged('alarms', alarms),
      ...(logs && { logs }),
    }
    // A figure of every moment: not worth a record of its own while nobody looks.
    return this.#recorder.watched || Object.keys(changed).length > 0 ? { ...changed, load } : changed
  }

  #ifChanged<K extends keyof NodeFacts>(name: K, part: NodeFacts[K]): NodeFacts {
    return this.#differs(name, part) ? { [name]: part } : {}
  }

  /** Round trips drift all the time: they alone are told more rarely. */
  #membersIfChanged(members: readonly MemberFacts[], slow: boolean): NodeFacts {
    const known = members.map((member) => ({ ...member, rttMs: null }))
    const changed = this.#differs('members', known)
    const drifted = slow && this.#differs('rtts', [...this.#rtts])
    return changed || drifted ? { members } : {}
  }

  #differs(name: string, value: unknown): boolean {
    const text = JSON.stringify(value)
    if (this.#told.get(name) === text) return false
    this.#told.set(name, text)
    return true
  }

  async #measure(): Promise<void> {
    for (const { name } of this.#sources.members().slice(0, membersMax)) {
      const rttMs = await this.#sources.rttMs(name)
      if (rttMs === undefined) this.#rtts.delete(name)
      else this.#rtts.set(name, Number(rttMs.toPrecision(2)))
    }
  }

  #members(detected: Detected | undefined): MemberFacts[] {
    const members = [...this.#sources.members()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return members.slice(0, membersMax).map(({ name, host, port, status, tags }) => {
      const { suspect = false, incarnation = null } = detected?.get(name) ?? {}
      return {
        name,
        address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
        status: suspect && status === 'alive' ? 'suspect' : status,
        incarnation,
        rttMs: this.#rtts.get(name) ?? null,
        tags: Object.fromEntries([...tags].map(([key, value]) => [key, isSecretName(key) ? '(hidden)' : value])),
      }
    })
  }
}

function slowness(loopDelayMs: number): (Finding & { readonly about: string })[] {
  if (loopDelayMs < slowMs) return []
  return [{ what: 'slow', severity: 'warning', text: `the event loop stood still for ${loopDelayMs} ms`, about: '' }]
}
