/** What both kinds of channel have in common. */

import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { ReeveError } from '../../errors.ts'
import type { ClientCall, ClientCallListener, RpcDialOptions } from '../env.ts'

export const defaultMaxMessageBytes = 16 * 1024 * 1024

/**
 * How long a connection may take to come up: where packets vanish a system's first attempt lasts for minutes, and whoever
 * calls waits for it, also when the way has long been free again.
 */
export const connectTimeoutMs = 5000

/** A ping goes out so often while calls run; a peer that leaves it unanswered for so long is gone. */
export const pingEveryMs = 20_000
export const pingTimeoutMs = 10_000

/** SNI forbids IP addresses (RFC 6066): this goes out, the address is checked. */
const nameForIps = 'ip.invalid'

/** The name that is sent, and the check of the one that must come back. */
export function serverNaming({ to, serverName }: RpcDialOptions) {
  const expected = serverName ?? to.host
  return {
    sent: isIP(expected) === 0 ? expected : nameForIps,
    check: (_name: string, certificate: PeerCertificate) => checkServerIdentity(expected, certificate),
  }
}

/** A call that was over before it began: the listener hears of it, later. */
export function failedCall(listener: ClientCallListener, error: unknown): ClientCall {
  const reason = error instanceof ReeveError ? error : new ReeveError('REQUEST_MALFORMED', (error as Error).message)
  queueMicrotask(() => listener.closed(reason))
  return { send: () => false, end() {}, cancel() {}, pause() {}, resume() {} }
}
