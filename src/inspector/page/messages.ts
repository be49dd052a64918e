/** What is shown of the records as messages between lanes: who told whom what, and what happened between. Pure. */

import type { TraceRecord, TransitionRecord } from '../record.ts'
import { type MarkKind, markOf } from './marks.ts'
import type { Story } from './story.ts'

/** The latest that are shown. */
const shownMax = 2000
const searchedMax = 20_000
const heldMax = 20_000

export interface Message {
  readonly what: 'message'
  readonly position: number
  readonly atMs: number
  readonly node: string
  readonly actor: string
  /** A lane. Null: from outside all actors. */
  readonly from: string | null
  /** A lane. */
  readonly to: string
  readonly type: string
  readonly states: readonly string[]
  /** It led somewhere. */
  readonly taken: boolean
  /** More than once: of a timer that fired again and again while nothing else was told; what is here is the latest. */
  readonly times: number
  /** Of the first of them. */
  readonly sinceMs: number
  /** A timer of its own that left it where it was. */
  readonly routine: boolean
}

/** Not between lanes: something that happened to the cluster, or that is missing here. */
export interface Aside {
  readonly what: 'aside'
  readonly position: number
  readonly atMs: number | undefined
  readonly kind: MarkKind
  readonly text: string
}

export interface Sought {
  /** Empty: all. */
  readonly node: string
  /** In types and lanes, in small letters. */
  readonly text: string
  /** Only those that led to another state. */
  readonly onlyTaken: boolean
  /** Only those from or to this actor of the node. */
  readonly actor: string | undefined
}

/** In their order, up to this position; only those at or behind another one, where that is given. */
export function messagesOf(story: Story, position: number, sought: Sought, from = 0): (Message | Aside)[] {
  const found: (Message | Aside)[] = []
  const first = Math.max(story.first, position - searchedMax, from)
  const running = new Set<string>()
  let rows = 0
  const take = (message: Message | Aside) => {
    found.push(message)
    if (isRoutine(message)) {
      if (running.has(timerOf(message))) return
      running.add(timerOf(message))
    } else running.clear()
    rows++
  }
  for (let at = position - 1; at >= first && rows < shownMax; at--) {
    const record = story.record(at)
    if (!record) continue
    if (record.kind === 'transition') {
      if (sought.node !== '' && record.node !== sought.node) continue
      if (sought.onlyTaken && record.taken.length === 0) continue
      if (sought.actor !== undefined && record.actor !== sought.actor && record.from !== sought.actor) continue
      const message = messageOf(at, record)
      if (
        sought.text === '' ||
        `${message.type} ${message.from ?? ''} ${message.to}`.toLowerCase().includes(sought.text)
      ) {
        take(message)
      }
    } else if (sought.node === '' || !('node' in record) || record.node === sought.node || isOfAll(record)) {
      const mark = markOf(record)
      if (mark) take({ what: 'aside', position: at, atMs: 'atMs' in record ? record.atMs : undefined, ...mark })
    }
  }
  return joined([], found.reverse())
}

/** With more behind them. Timers that fire again and again would push everything else out of sight: each is one row. */
function joined(found: readonly (Message | Aside)[], more: readonly (Message | Aside)[]): (Message | Aside)[] {
  let last = found.length
  while (last > 0 && isRoutine(found[last - 1])) last--
  const all = found.slice(0, last)
  const running = new Map<string, Message>()
  // A map keeps the place of what it has: the latest is to be the last.
  const end = () => {
    for (const message of running.values()) all.push(message)
    running.clear()
  }
  for (const message of [...found.slice(last), ...more]) {
    if (isRoutine(message)) {
      const timer = timerOf(message)
      const before = running.get(timer)
      running.delete(timer)
      const { times, sinceMs } = message
      running.set(
        timer,
        before ? { ...message, times: before.times + times, sinceMs: before.sinceMs } : { ...message, times, sinceMs },
      )
    } else {
      end()
      all.push(message)
    }
  }
  end()
  return all
}

function isRoutine(message: Message | Aside | undefined): message is Message {
  return message?.what === 'message' && message.routine
}

function timerOf({ to, type }: Message): string {
  return `${to}${between}${type}`
}

/** Those of a story. What was found is kept while only more comes. */
export class Messages {
  #story: Story | undefined
  #sought = ''
  #upTo = 0
  #found: readonly (Message | Aside)[] = []

  /**
   * As `messagesOf`; the same array as before where nothing changed. `hold`: somebody reads further up, so the oldest stay
   * and nothing moves away from under the eye, up to ten times as many as are shown otherwise.
   */
  of(story: Story, position: number, sought: Sought, hold: boolean): readonly (Message | Aside)[] {
    const key = JSON.stringify([sought.node, sought.text, sought.onlyTaken, sought.actor])
    const goesOn = story === this.#story && key === this.#sought && position >= this.#upTo
    if (!goesOn || position - this.#upTo > shownMax) this.#found = messagesOf(story, position, sought)
    else {
      const more = messagesOf(story, position, sought, this.#upTo)
      if (more.length > 0) this.#found = joined(this.#found, more)
    }
    this.#story = story
    this.#sought = key
    this.#upTo = position
    const max = hold ? heldMax : shownMax
    if (this.#found.length > max) this.#found = this.#found.slice(-max)
    if ((this.#found[0]?.position ?? story.first) < story.first) {
      this.#found = this.#found.filter((message) => message.position >= story.first)
    }
    return this.#found
  }
}

/** Some node has to carry it. */
function isOfAll(record: TraceRecord): boolean {
  return record.kind === 'note' && record.about !== undefined
}

function messageOf(position: number, record: TransitionRecord): Message {
  const { node, actor, from, event, before, after, taken, atMs } = record
  const stays = before.length === after.length && before.every((state, at) => state === after[at])
  return {
    what: 'message',
    ...{ position, atMs, node, actor },
    from: from === null ? null : laneOf(node, from),
    to: laneOf(node, actor),
    type: event.type,
    states: after,
    taken: taken.length > 0,
    ...{ times: 1, sinceMs: atMs, routine: from === actor && stays && event.type.startsWith('xstate.after.') },
  }
}

/** A name may hold anything but this. */
const between = '\u0000'

function laneOf(node: string, actor: string): string {
  return `${node}${between}${actor}`
}

export interface Lane {
  readonly key: string
  readonly node: string
  /** The actor's own name: what stands behind its parent's. */
  readonly short: string
  /** Whose, where that says too little: `pull` of the replicator of this peer. Empty: nothing to add. */
  readonly of: string
}

/** Those of these messages, in the order of the tree, node by node. */
export function lanesOf(messages: readonly (Message | Aside)[]): Lane[] {
  const keys = new Set<string>()
  for (const message of messages) {
    if (message.what !== 'message') continue
    if (message.from !== null) keys.add(message.from)
    keys.add(message.to)
  }
  return [...keys].sort().map((key) => {
    const [node = '', actor = ''] = key.split(between)
    return { key, node, ...shortOf(actor) }
  })
}

/** `replicator/b` and `replicator/b/pull` say too little without their middle. */
function shortOf(actor: string): { short: string; of: string } {
  const parts = actor.split('/')
  const at = parts.indexOf('replicator')
  const short = parts.at(-1) ?? actor
  if (at < 0 || parts.length < at + 2) return { short, of: '' }
  return parts.length === at + 2 ? { short: 'replicator', of: short } : { short, of: parts.slice(at + 1, -1).join('/') }
}
