/** How each node is, by what it tells of itself and by what the others say of it. Pure. */

import type { Alarm, MemberFacts } from '../facts.ts'
import type { NodeReplay } from '../replay.ts'
import type { Tone } from './look.ts'
import type { Moment } from './story.ts'

export interface Standing {
  readonly name: string
  /** Undefined: it told nothing yet. */
  readonly replay: NodeReplay | undefined
  /** It runs, as far as anybody knows. */
  readonly up: boolean
  readonly word: string
  readonly tone: Tone
  /** A sentence; empty: nothing to add. */
  readonly why: string
}

/** What a node said so long before the moment is not news of it any more. */
const freshMs = 15_000

/** All nodes that told something, that could not be asked, or that another knows as one that failed; by name. */
export function standingsOf({ nodes, relays, atMs }: Moment): Standing[] {
  const names = new Set(nodes.keys())
  for (const { node, state } of relays.values()) if (state !== 'gone') names.add(node)
  for (const { facts } of nodes.values()) {
    for (const { name, status, tags } of facts.members ?? []) {
      // A member without an epoch is no node of ours: an agent of Serf's.
      if (status === 'failed' && Object.hasOwn(tags, 'epoch')) names.add(name)
    }
  }
  const fresh = [...nodes.values()].filter((node) => node.actors.size > 0 && node.atMs >= atMs - freshMs)
  const seen = [...names].sort().filter((name) => {
    // Reaped: it was a member once, and nobody remembers.
    return relays.get(name)?.state !== 'gone' || opinions(fresh, name).length > 0
  })
  return seen.map((name) => {
    const replay = nodes.get(name)
    const said = opinions(fresh, name)
    const gone = said.length > 0 && !said.includes('alive') && !said.includes('suspect')
    const relay = relays.get(name)
    const of = (word: string, tone: Tone, up: boolean, why = ''): Standing => ({ name, replay, word, tone, up, why })
    if (replay && replay.actors.size === 0 && replay.sequence > 0) return of('stopped', 'quiet', false, 'It ended.')
    if (relay && relay.state !== 'open' && relay.state !== 'asking') {
      const word = gone ? (said[0] as string) : relay.state
      const down = relay.state === 'away' || relay.state === 'gone'
      const tone = word === 'left' || relay.state === 'unsupported' ? 'quiet' : 'bad'
      const why = gone ? witnesses(said) : (relay.reason?.message ?? 'It cannot be asked.')
      return of(word, tone, !down, why)
    }
    if (gone && !(replay && fresh.includes(replay))) {
      const word = said[0] as string
      return of(word, word === 'failed' ? 'bad' : 'quiet', false, witnesses(said))
    }
    if (!replay && gone) return of(said[0] as string, said[0] === 'failed' ? 'bad' : 'quiet', false)
    if (!replay) return of('asking', 'busy', true, 'It tells nothing yet.')
    const phase = replay.facts.node?.phase ?? phaseOf(replay)
    if (phase === 'serving') {
      if (said.includes('suspect')) return of('suspected', 'busy', true, 'Somebody got no answer from it lately.')
      return of(phase, 'good', true)
    }
    return of(phase, phase === 'stopped' ? 'quiet' : 'busy', phase !== 'stopped')
  })
}

function witnesses(said: readonly string[]): string {
  const as = `as ${[...new Set(said)].join(' or ')}`
  return said.length === 1 ? `One of the others sees it ${as}.` : `${said.length} of the others see it ${as}.`
}

/** What nodes that can tell say of a node. */
function opinions(observers: readonly NodeReplay[], name: string): MemberFacts['status'][] {
  return observers.flatMap((observer) => {
    if (observer.node === name) return []
    return observer.facts.members?.find((member) => member.name === name)?.status ?? []
  })
}

/** Of a node that tells no facts: what its root is doing. */
function phaseOf(node: NodeReplay): string {
  const [state = ''] = node.actors.get('supervisor')?.states ?? []
  const word = state.slice(state.lastIndexOf('.') + 1)
  if (word === '') return 'starting'
  return word === 'settled' || word === 'running' ? 'serving' : word
}

export interface NodeAlarm {
  readonly node: string
  readonly alarm: Alarm
}

/** Of those that are up: what was wrong with the others is past. */
export function alarmsOf(standings: readonly Standing[]): NodeAlarm[] {
  return standings.flatMap(({ name, up, replay }) => {
    return up ? (replay?.facts.alarms ?? []).map((alarm) => ({ node: name, alarm })) : []
  })
}

/** How one node copies from another. */
export interface Link {
  readonly from: string
  readonly to: string
  readonly state: string
  readonly lagRecords: number
}

/** Every link of every node; of those that are down what they said last. */
export function linksOf(standings: readonly Standing[]): Link[] {
  return standings.flatMap(({ name, replay }) => {
    if (!replay) return []
    const links = linksTo(name, replay)
    return links.sort((one, other) => (one.from < other.from ? -1 : 1))
  })
}

function linksTo(name: string, replay: NodeReplay): Link[] {
  const told = replay.facts.links
  if (told) return told.map(({ peer, state, lagRecords }) => ({ from: peer, to: name, state, lagRecords }))
  return [...replay.actors.values()]
    .filter(({ chart }) => chart === 'replicator')
    .map(({ id, states: [state = ''] }) => ({
      from: id.slice(id.indexOf('/') + 1),
      to: name,
      state: state.slice(state.lastIndexOf('.') + 1),
      lagRecords: 0,
    }))
}

/** How a link looks: told by the line's style and a sign as well as by its colour. */
export interface LinkLook {
  readonly kind: 'live' | 'behind' | 'dialing' | 'parked' | 'diverged'
  readonly tone: Tone
  readonly sign: string
  readonly says: string
}

const looks: Readonly<Record<LinkLook['kind'], LinkLook>> = {
  live: { kind: 'live', tone: 'good', sign: '●', says: 'live: copies as it comes' },
  behind: { kind: 'behind', tone: 'busy', sign: '◐', says: 'catching up' },
  dialing: { kind: 'dialing', tone: 'busy', sign: '…', says: 'dialing, or waiting to dial again' },
  parked: { kind: 'parked', tone: 'quiet', sign: '○', says: 'parked: the peer failed' },
  diverged: { kind: 'diverged', tone: 'bad', sign: '✕', says: 'diverged: the copies contradict each other' },
}
export const linkLooks: readonly LinkLook[] = Object.values(looks)

export function lookOf({ state }: Pick<Link, 'state'>): LinkLook {
  if (state === 'live') return looks.live
  if (state === 'catchingUp') return looks.behind
  if (state === 'parked') return looks.parked
  return state === 'diverged' ? looks.diverged : looks.dialing
}
