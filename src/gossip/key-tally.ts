/** Counts what the members answered to one query about keys. */

import { decodeKeyResponse, type KeyResponse } from './key-codec.ts'

/** By name of the member. */
export type KeyResponses = ReadonlyMap<string, KeyResponse>

export interface KeyResult {
  /** Members asked. */
  readonly nodes: number
  readonly responses: number
  readonly errors: number
  /** What members said, by name. */
  readonly messages: ReadonlyMap<string, string>
  /** How many members have each key, in base64. */
  readonly keys: ReadonlyMap<string, number>
  /** How many members encrypt with each key. */
  readonly primaryKeys: ReadonlyMap<string, number>
}

/** Whatever cannot be read is an answer, too: that of a member that did not do it. */
export function readKeyResponse(payload: Uint8Array): KeyResponse {
  const decoded = decodeKeyResponse(payload)
  if (decoded.ok) return decoded.value
  return { result: false, message: `unreadable answer: ${decoded.problem}`, keys: [], primaryKey: '' }
}

export function tallyKeys(nodes: number, responses: KeyResponses): KeyResult {
  const messages = new Map<string, string>()
  const keys = new Map<string, number>()
  const primaryKeys = new Map<string, number>()
  let errors = 0
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const [name, response] of responses) {
    if (!response.result) errors += 1
    if (!response.result || response.message !== '') messages.set(name, response.message)
    for (const key of new Set(response.keys)) count(keys, key)
    const primary = primaryOf(response)
    if (primary !== undefined) count(primaryKeys, primary)
  }
  return { nodes, responses: responses.size, errors, messages, keys, primaryKeys }
}

/** A list begins with the primary key; old members do not say so apart. */
export function primaryOf({ keys, primaryKey }: KeyResponse): string | undefined {
  return primaryKey === '' ? keys[0] : primaryKey
}

/**
 * Who stands in the way of a change that could lock somebody out, and why: a key may be used once everybody alive has
 * it, and removed once nobody sends with it. `alive`: names of all who have to agree.
 */
export function objections(
  change: 'use' | 'remove',
  key: string,
  alive: readonly string[],
  lists: KeyResponses,
): ReadonlyMap<string, string> {
  const objections = new Map<string, string>()
  for (const name of new Set([...alive, ...lists.keys()])) {
    const list = lists.get(name)
    if (!list) objections.set(name, 'did not say which keys it has; nothing was changed anywhere')
    else if (!list.result) objections.set(name, list.message)
    else if (change === 'use' && !list.keys.includes(key)) {
      objections.set(name, 'does not have the key yet: install it first; nothing was changed anywhere')
    } else if (change === 'remove' && primaryOf(list) === key) {
      objections.set(name, 'still encrypts with the key: use another one first; nothing was changed anywhere')
    }
  }
  return objections
}
