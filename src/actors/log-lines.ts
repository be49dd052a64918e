/** What a node says in its log of what its parts report. */

import type { Logger } from 'pino'
import type { NodeConfig } from '../config.ts'
import type { RpcServerEvent } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { JournalEvent } from '../log/journal.ts'
import type { LogWindow } from './log-window.ts'
import type { ScrubEvent } from './scrubber.ts'

/** Every protection that is off, at start. */
export function warnOfOpenDoors(config: NodeConfig, log: Logger): void {
  if (!config.serverTls) log.warn({ rpcHost: config.rpcHost }, 'no TLS: the RPC port speaks plain text')
  if (config.aclPolicyFile === undefined)
    log.warn('no access rules: everybody who reaches the RPC port may do everything')
  if (!config.gossipKey && config.gossipKeyringFile === undefined)
    log.warn('no gossip key: everybody who reaches the gossip port may read, join and expel')
  if (config.gossipAcceptPlain) log.warn('gossip that is not encrypted is taken in')
  if (config.gossipSendPlain) log.warn('gossip is sent without encryption')
  if (config.durability === 'os') log.warn('durability os: a power cut may take acknowledged records')
}

/**
 * Of certificates whose time is over, at start and when they were read again. The node starts all the same: its data is
 * served to whoever has a channel yet, and a clock that is wrong must not keep a cluster down.
 */
export function warnOfEndedCertificates(
  ends: readonly { readonly use: string; readonly endMs: number }[],
  nowMs: number,
  log: Pick<Logger, 'error'>,
): void {
  for (const { use, endMs } of ends) {
    if (endMs > nowMs) continue
    log.error({ use, endedAgoMs: nowMs - endMs }, 'a certificate has ended: who checks it refuses this node')
  }
}

/** `window`: for what strangers can bring about as often as they like. */
export function reportServer(log: Logger, event: RpcServerEvent, window: LogWindow): void {
  if (event.kind === 'handlerCrashed') log.error(event, 'a handler crashed; its call ended')
  else if (event.kind === 'tlsRejected') {
    const leftOut = (count: number) => log.warn({ count }, 'more refused TLS handshakes were not logged')
    if (window.admits(leftOut)) log.warn(event, 'a TLS handshake was refused')
  }
  // Peers that die or scan do this all the time.
  else log.debug(event, 'a connection ended in the middle')
}

/** `failed` is called for a log that can no longer be written. */
export function reportJournal(log: Logger, event: JournalEvent, failed: (error: unknown) => void): void {
  const { kind } = event
  if (kind === 'failed') {
    log.error(event, 'a log can no longer be written')
    failed(new ReeveError('LOG_FAILED', `${event.log}: ${event.message}`))
  } else if (kind === 'damaged' || kind === 'corrupt') log.error(event, 'damaged data found; it is not served')
  else if (kind === 'lost') log.error(event, 'the beginning of a log is missing; it is asked of peers')
  else if (kind === 'full') log.error(event, 'the disk is full; writes are refused until there is space')
  else if (kind === 'unwritable') log.error(event, 'a log cannot be written; it is tried again')
  else if (kind === 'listenerFailed') log.error(event, 'a listener of commits failed')
  else if (kind === 'mended') log.warn(event, 'damaged data was replaced from a peer')
  else if (kind === 'takenBack') log.warn(event, 'what had been set aside behind damage is part of its log again')
  else if (kind === 'unmended') log.error(event, 'damaged data cannot be replaced now; it is tried again')
  else if (kind === 'begunAnew') log.warn(event, 'a copy begins anew: nobody has what follows its end any more')
  else if (kind === 'trimmedElsewhere') log.info(event, 'what was missing of a log has been trimmed elsewhere')
  else if (kind === 'trimmed') log.info(event, 'the beginning of a log was trimmed')
  else log.info(event, kind === 'tailCut' ? 'an unfinished write was cut off' : kind)
}

/** A day is what a quiet cluster may look like after a restart. */
const doubtWorthMs = 24 * 60 * 60_000

export function reportDoubt(log: Logger, aheadMs: number): void {
  if (aheadMs < doubtWorthMs) return
  log.warn(
    { aheadMs },
    'the wall clock is far ahead of what is known: records go by their age more slowly until it is met',
  )
}

export function reportScrub(log: Logger, event: ScrubEvent): void {
  if (event.kind === 'failed') log.warn(event, 'a segment could not be checked')
  else log.info(event, 'all segments were checked')
}
