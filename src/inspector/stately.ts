/**
 * What a node's actors do, in the messages of Stately's own inspector (`@statelyai/inspect`, whose WebSocket takes each as
 * a text). Nothing secret and nothing that users wrote is in them, as in our own records. Never throws into what it watches.
 *
 * https://github.com/statelyai/inspect
 */

import type { InspectionEvent } from 'xstate'
import type { Clock } from '../env/env.ts'
import { redactContext } from './redact.ts'
import { showEvent } from './shown-event.ts'

/** Of their package, whose shapes these are. */
const formatVersion = '0.7.2'

/** What is used of an actor and its snapshots; both come from XState as less than that. */
interface Ref {
  readonly id: string
  readonly sessionId: string
  readonly logic?: { readonly config?: unknown }
  readonly _parent?: Ref
  getSnapshot(): unknown
}

interface Seen {
  readonly status: string
  readonly value?: unknown
  readonly context?: { readonly [key: string]: unknown }
}

/** For `inspect` of `createNode`; `send` gets one message at a time, as JSON. */
export function statelyMessages(
  send: (message: string) => void,
  clock: Pick<Clock, 'now'>,
): (event: InspectionEvent) => void {
  const say = (event: InspectionEvent, message: object) => {
    const { sessionId } = event.actorRef as unknown as Ref
    const { rootId } = event
    const stamp = { id: null, createdAt: String(clock.now()), _version: formatVersion }
    send(JSON.stringify({ type: event.type, ...message, rootId, sessionId, ...stamp }))
  }
  return (event) => {
    try {
      const actor = event.actorRef as unknown as Ref
      if (event.type === '@xstate.actor') {
        const definition = definitionOf(actor)
        // It has no state before its first event.
        const snapshot = shownSnapshot((actor.getSnapshot() ?? { status: 'active' }) as Seen)
        say(event, { name: actor.id, definition, parentId: actor._parent?.sessionId, snapshot })
      } else if (event.type === '@xstate.event') {
        const sourceId = (event.sourceRef as unknown as Ref | undefined)?.sessionId
        say(event, { event: shownEvent(event.event), sourceId })
      } else if (event.type === '@xstate.snapshot') {
        say(event, { event: shownEvent(event.event), snapshot: shownSnapshot(event.snapshot as Seen) })
      }
    } catch {
      // Whoever looks on misses something; the node does not.
    }
  }
}

function definitionOf({ id, logic }: Ref): string {
  // Of a promise or a callback it is a function.
  const config = typeof logic?.config === 'object' ? logic.config : { id }
  return JSON.stringify(config, (_key, part: unknown) => (typeof part === 'function' ? { type: part.name } : part))
}

function shownEvent(event: Parameters<typeof showEvent>[0]): object {
  const { type, fields, rest } = showEvent(event)
  return { type, ...fields, ...(rest && { rest }) }
}

function shownSnapshot({ status, value, context }: Seen): object {
  return { status, ...(value !== undefined && { value }), ...(context && { context: redactContext(context) }) }
}
