/** What is believed of a message about a node, whoever it is from: sizes and numbers that an honest member may send. */

import type { Alive } from './messages.ts'
import { isSaneVsn } from './versions.ts'

/**
 * Honest incarnations count refutations and tag changes. Beyond half of the u32 range it is an attack on the counter:
 * obeying it would leave a member no number to refute with.
 */
export const maxIncarnation = 0x7fff_ffff

const maxNameLength = 1024
/** Serf's own limit for what it sends is 512, but it takes more. */
const maxMetaBytesTaken = 4096

/** Undefined: it is credible. */
export function flawOf(message: Alive): string | undefined {
  if (message.node === '') return 'a node without a name'
  if (message.node.length > maxNameLength) return `a name of ${message.node.length} characters`
  if (message.addr.length !== 4 && message.addr.length !== 16) return `${message.node} has no address`
  if (message.incarnation === 0 || message.incarnation > maxIncarnation) return incarnationFlaw(message)
  if (message.meta.length > maxMetaBytesTaken) return `${message.node} has ${message.meta.length} bytes of tags`
  if (!isSaneVsn(message.vsn)) return `${message.node} has no usable versions`
  return undefined
}

export function incarnationFlaw(message: { node: string; incarnation: number }): string {
  return `incarnation ${message.incarnation} of ${message.node}`
}
