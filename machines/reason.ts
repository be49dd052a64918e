import type { Reason } from './messages.ts'

/** The reason that a fact or the error of a child carries, as plain JSON; null when the event has neither. */
export function reasonIn(event: object): Reason | null {
  if ('reason' in event) return event.reason as Reason
  if (!('error' in event)) return null
  const error = event.error as Partial<Reason> | undefined
  return { code: error?.code ?? 'INTERNAL', message: error?.message ?? String(event.error) }
}
