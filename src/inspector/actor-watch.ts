/**
 * Makes records of what XState's inspection stream tells of the actors of one node. Owns who lives and what each was
 * last seen doing; keeps no snapshot of any actor, so that nothing lives longer for being watched.
 *
 * What a record is made from is looked at once, here; only its context is passed on as it is, to be redacted by whoever
 * gives it away. A record grows (`sent`, `taken`) until its actor has done all that its event led to, within the same
 * turn of the event loop: to be given away in a later turn.
 */

import type { AnyActorRef, AnyEventObject, AnyTransitionDefinition, InspectionEvent } from 'xstate'
import { transitionId } from '../../machines/drawings/chart.ts'
import type { Json, SentMessage, StartedRecord, StoppedRecord, TransitionRecord } from './record.ts'
import { showEvent, showReason } from './shown-event.ts'

type ActorRecord = StartedRecord | TransitionRecord | StoppedRecord
/** Without what the recorder puts on it. */
export type Unstamped<T> = T extends unknown ? Omit<T, 'node' | 'epoch' | 'sequence' | 'atMs'> : never

/** What is used of an actor and its snapshots; both come from XState as less than that. */
interface Ref {
  readonly id: string
  readonly sessionId: string
  readonly src?: unknown
  readonly _parent?: Ref
  getSnapshot(): unknown
}

interface Seen {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly error?: unknown
  readonly value?: StateValue
  readonly context?: Context
  readonly machine?: { readonly id: string }
}
type StateValue = string | { readonly [key: string]: StateValue }
type Context = { readonly [key: string]: Json }

interface Living {
  readonly path: string
  readonly chart: string | null
  states: readonly string[]
  value: StateValue | undefined
  context: Context
  /** Events on their way to it, to know their senders. */
  readonly inbox: { readonly event: AnyEventObject; readonly from: string | null }[]
  /** Its record that still grows. */
  open: { sent: SentMessage[]; taken?: string[]; after: readonly string[]; context?: Context } | undefined
}

/** Events wait only while their actor is busy; more than this were lost with it. */
const inboxMax = 64
const noStates: readonly string[] = []
const noContext: Context = {}
const stopEvent = 'xstate.stop'
const startEvent = 'xstate.init'

export class ActorWatch {
  readonly #record: (record: Unstamped<ActorRecord>) => void
  /** By session id. */
  readonly #living = new Map<string, Living>()
  readonly #byPath = new Map<string, string>()
  readonly #transitionIds = new WeakMap<AnyTransitionDefinition, string>()

  constructor(record: (record: Unstamped<ActorRecord>) => void) {
    this.#record = record
  }

  inspect(event: InspectionEvent): void {
    const actor = event.actorRef as unknown as Ref
    switch (event.type) {
      case '@xstate.event':
        this.#sent(event.sourceRef as unknown as Ref | undefined, actor, event.event)
        break
      case '@xstate.microstep':
        this.#step(actor, event.event, event.snapshot as Seen, event._transitions)
        break
      case '@xstate.snapshot':
        this.#settled(actor, event.snapshot as Seen)
        break
    }
  }

  /** The root has crashed: XState tells that to nobody but its subscribers. */
  crashed(actor: AnyActorRef, error: unknown): void {
    this.#ended((actor as unknown as Ref).sessionId, 'error', error)
  }

  #sent(source: Ref | undefined, target: Ref, event: AnyEventObject): void {
    if (event.type === startEvent) {
      this.#started(target)
      return
    }
    const from = source && this.#living.get(source.sessionId)
    const to = this.#living.get(target.sessionId)
    if (from?.open && from !== to) from.open.sent.push({ to: to?.path ?? target.id, type: event.type })
    // These are the last that is heard of an actor; its parent should handle them after it is known to be gone.
    if (source && event.type.startsWith('xstate.error.actor.')) this.#ended(source.sessionId, 'error', event.error)
    else if (source && event.type.startsWith('xstate.done.actor.')) this.#ended(source.sessionId, 'done')
    if (!to || to.chart === null) return
    if (to.inbox.length === inboxMax) to.inbox.shift()
    to.inbox.push({ event, from: from?.path ?? null })
  }

  #started(actor: Ref): void {
    const parent = actor._parent ? (this.#living.get(actor._parent.sessionId)?.path ?? actor._parent.id) : null
    const path = parent === null ? actor.id : `${parent}/${actor.id}`
    const before = this.#byPath.get(path)
    if (before !== undefined) this.#ended(before, 'stopped')
    const { machine, value, context = noContext } = actor.getSnapshot() as Seen
    const chart = machine?.id ?? null
    const states = chart === null || value === undefined ? noStates : statesIn(value, chart)
    const open = { sent: [], after: states }
    const shown = machine ? context : noContext
    this.#living.set(actor.sessionId, { path, chart, states, value, context: shown, inbox: [], open })
    this.#byPath.set(path, actor.sessionId)
    const logic = typeof actor.src === 'string' ? actor.src : actor.id
    const { sent, after } = open
    this.#record({ kind: 'started', actor: path, parent, id: actor.id, chart, logic, after, context: shown, sent })
  }

  #step(actor: Ref, event: AnyEventObject, seen: Seen, transitions: readonly AnyTransitionDefinition[]): void {
    const living = this.#living.get(actor.sessionId)
    if (!living || living.chart === null || event.type === stopEvent) return
    const before = living.states
    if (seen.value !== living.value && seen.value !== undefined) {
      living.value = seen.value
      living.states = statesIn(seen.value, living.chart)
    }
    if (!living.open?.taken) {
      const open = { sent: [], taken: [], before, after: before }
      living.open = open
      const shown = showEvent(event)
      const from = this.#senderOf(living, event)
      this.#record(Object.assign(open, { kind: 'transition', actor: living.path, event: shown, from } as const))
    }
    const open = living.open as { taken: string[]; after: readonly string[]; context?: Context }
    open.after = living.states
    for (const transition of transitions) open.taken.push(this.#idOf(transition))
    if (seen.context && seen.context !== living.context) {
      const changed = changes(living.context, seen.context)
      living.context = seen.context
      if (changed) open.context = { ...open.context, ...changed }
    }
  }

  #settled(actor: Ref, { status, error }: Seen): void {
    const living = this.#living.get(actor.sessionId)
    if (!living) return
    living.open = undefined
    if (status !== 'active') this.#ended(actor.sessionId, status, error)
  }

  #ended(session: string, status: 'done' | 'stopped' | 'error', error?: unknown): void {
    const living = this.#living.get(session)
    if (!living) return
    this.#living.delete(session)
    if (this.#byPath.get(living.path) === session) this.#byPath.delete(living.path)
    const reason = status === 'error' && { reason: showReason(error) }
    this.#record({ kind: 'stopped', actor: living.path, status, ...reason })
  }

  /** What it raised itself never was on its way. */
  #senderOf({ inbox, path }: Living, event: AnyEventObject): string | null {
    const at = inbox.findIndex((each) => each.event === event)
    if (at < 0) return path
    const [found] = inbox.splice(0, at + 1).slice(-1)
    return found?.from ?? null
  }

  #idOf(transition: AnyTransitionDefinition): string {
    let id = this.#transitionIds.get(transition)
    if (id === undefined) {
      id = transitionId(transition)
      this.#transitionIds.set(transition, id)
    }
    return id
  }
}

function statesIn(value: StateValue, path: string): string[] {
  if (typeof value === 'string') return [`${path}.${value}`]
  const regions = Object.entries(value)
  return regions.length === 0 ? [path] : regions.flatMap(([key, inside]) => statesIn(inside, `${path}.${key}`))
}

function changes(before: Context, after: Context): Context | undefined {
  let changed: Record<string, Json> | undefined
  for (const key in after) {
    if (after[key] === before[key]) continue
    changed ??= {}
    changed[key] = after[key] as Json
  }
  return changed
}
