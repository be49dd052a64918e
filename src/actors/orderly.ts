/**
 * Callback actors that release what they hold however they end. XState runs a callback's clean-up only if the callback
 * returned one, and knows nothing of errors in promises, timers and sockets; here every resource is owned the moment it
 * exists, every error becomes one fact to the parent, and the end (stop, failure, throw) releases in reverse order, once.
 */

import { type CallbackActorLogic, type EventObject, fromCallback, type NonReducibleUnknown } from 'xstate'
import type { Reason } from '../../machines/messages.ts'
import { toReeveError } from '../errors.ts'

export interface Scope<TOrder, TFact, TInput> {
  readonly input: TInput
  /** Sends a fact to the parent; nothing after the end. */
  tell(fact: TFact): void
  receive(handler: (order: TOrder) => void): void
  /** Hands over the release of a resource; runs it at once when the actor has ended meanwhile. */
  own(release: () => void): void
  /** Runs work now; whatever it throws, now or later, ends the actor with a failure. */
  run(work: () => void | Promise<void>): void
  /** The same for a callback that something else will call. */
  guard<TArguments extends unknown[]>(work: (...args: TArguments) => void): (...args: TArguments) => void
  readonly ended: boolean
}

/** `failed` makes the fact that tells the parent why the actor ended by itself. */
export function orderly<
  TOrder extends EventObject,
  TFact extends EventObject,
  TInput extends NonReducibleUnknown = NonReducibleUnknown,
>(
  failed: (reason: Reason, input: TInput) => TFact,
  body: (scope: Scope<TOrder, TFact, TInput>) => void | Promise<void>,
): CallbackActorLogic<TOrder, TInput> {
  return fromCallback<TOrder, TInput>(({ input, sendBack, receive }) => {
    const releases: (() => void)[] = []
    let ended = false

    const end = () => {
      if (ended) return
      ended = true
      while (releases.length > 0) {
        try {
          releases.pop()!()
        } catch {
          // A resource that cannot even be released is gone; the others still must be.
        }
      }
    }
    const fail = (error: unknown) => {
      if (ended) return
      end()
      sendBack(failed(toReason(error), input))
    }
    const guard =
      <TArguments extends unknown[]>(work: (...args: TArguments) => void) =>
      (...args: TArguments) => {
        if (ended) return
        try {
          work(...args)
        } catch (error) {
          fail(error)
        }
      }
    const run = (work: () => void | Promise<void>) => {
      try {
        const pending = work()
        if (pending) pending.catch(fail)
      } catch (error) {
        fail(error)
      }
    }
    run(() =>
      body({
        input,
        tell: (fact) => {
          if (!ended) sendBack(fact)
        },
        receive: (handler) => receive(guard(handler)),
        own: (release) => {
          if (ended) release()
          else releases.push(release)
        },
        run,
        guard,
        get ended() {
          return ended
        },
      }),
    )
    return end
  })
}

/** Any error as plain JSON. */
export function toReason(error: unknown): Reason {
  const { code, message } = toReeveError(error)
  return { code, message }
}
