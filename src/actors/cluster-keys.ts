/**
 * Changes the keys of a whole cluster by asking every member to. Before a change that could lock a member out it asks
 * who has which keys, and does not begin while anybody alive would be left behind.
 */

import { ReeveError } from '../errors.ts'
import type { KeyResponse } from '../gossip/key-codec.ts'
import { encodeKeyRequest, keyQueries } from '../gossip/key-codec.ts'
import { type KeyResult, objections, readKeyResponse, tallyKeys } from '../gossip/key-tally.ts'
import { type KeyChange, parseKey } from '../gossip/keys.ts'
import type { Query, SerfKeys } from './serf-member.ts'

export interface ClusterKeysParts {
  /** Asks everybody one of Serf's own queries. */
  readonly ask: (name: string, payload: Uint8Array) => Query
  /** Names of the members that are alive, ourselves included. */
  readonly alive: () => string[]
}

interface Answers {
  readonly nodes: number
  readonly responses: ReadonlyMap<string, KeyResponse>
}

export class ClusterKeys implements SerfKeys {
  readonly #parts: ClusterKeysParts

  constructor(parts: ClusterKeysParts) {
    this.#parts = parts
  }

  async install(key: string): Promise<KeyResult> {
    return this.#change('install', bytesOf(key))
  }

  async use(key: string): Promise<KeyResult> {
    const bytes = bytesOf(key)
    return (await this.#objections('use', key)) ?? this.#change('use', bytes)
  }

  async remove(key: string): Promise<KeyResult> {
    const bytes = bytesOf(key)
    return (await this.#objections('remove', key)) ?? this.#change('remove', bytes)
  }

  async list(): Promise<KeyResult> {
    return tally(await this.#ask(keyQueries.list, encodeKeyRequest()))
  }

  async #change(change: KeyChange, key: Uint8Array): Promise<KeyResult> {
    return tally(await this.#ask(keyQueries[change], encodeKeyRequest(key)))
  }

  /** Undefined: nobody objects. */
  async #objections(change: 'use' | 'remove', key: string): Promise<KeyResult | undefined> {
    const lists = await this.#ask(keyQueries.list, encodeKeyRequest())
    const messages = objections(change, key, this.#parts.alive(), lists.responses)
    return messages.size === 0 ? undefined : { ...tally(lists), errors: messages.size, messages }
  }

  async #ask(name: string, payload: Uint8Array): Promise<Answers> {
    const query = this.#parts.ask(name, payload)
    const responses = new Map<string, KeyResponse>()
    for await (const answer of query) {
      if (answer.kind !== 'response') continue
      responses.set(answer.from, readKeyResponse(answer.payload))
      if (responses.size >= query.expected) break
    }
    return { nodes: query.expected, responses }
  }
}

function tally({ nodes, responses }: Answers): KeyResult {
  return tallyKeys(nodes, responses)
}

/** Throws `REQUEST_MALFORMED`, and never repeats the text. */
function bytesOf(text: string): Uint8Array {
  const key = parseKey(text)
  if (!key.ok) throw new ReeveError('REQUEST_MALFORMED', `unusable key: ${key.problem}`)
  return key.value
}
