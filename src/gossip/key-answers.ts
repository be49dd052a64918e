/** What a member answers when it is asked to change or list its keys. */

import { type InternalQuery, responseRoomBytes } from './answering.ts'
import type { HeardQuery } from './effects.ts'
import { decodeKeyRequest, encodeKeyList, encodeKeyResponse, keyQueries } from './key-codec.ts'
import type { Keyring } from './keyring.ts'
import { formatKey, type KeyChange } from './keys.ts'

export interface KeyAnswersParts {
  readonly name: string
  /** Undefined: gossip is not encrypted. */
  readonly keyring: Keyring | undefined
  /** An answer that took its time: a change is stored first. Never throws. */
  readonly respond: (query: HeardQuery, payload: Uint8Array) => void
}

export function keyAnswers({ name, keyring, respond }: KeyAnswersParts): ReadonlyMap<string, InternalQuery> {
  const changing = (change: KeyChange): [string, InternalQuery] => [
    keyQueries[change],
    (query) => {
      if (!keyring) return answer('No keyring to modify (encryption not enabled)')
      const request = decodeKeyRequest(query.payload)
      if (!request.ok) return answer(request.problem)
      keyring.change(change, request.value.key, (problem) => respond(query, answer(problem)))
      return undefined
    },
  ]
  const listing: InternalQuery = (query) => {
    if (!keyring) return answer('Keyring is empty (encryption not enabled)')
    return encodeKeyList(keyring.keys.map(formatKey), responseRoomBytes(query, name))
  }
  return new Map([changing('install'), changing('use'), changing('remove'), [keyQueries.list, listing]])
}

function answer(problem: string | undefined): Uint8Array {
  return encodeKeyResponse({ result: problem === undefined, message: problem ?? '', keys: [], primaryKey: '' })
}
