/**
 * Whoever keeps the keys of a cluster's gossip: hands them to every node that starts, and changes them by the cluster's
 * own queries, one step after the other and only when every node that runs has taken the one before.
 */

import type { Disk } from '../env/env.ts'
import type { SerfClient } from '../serf-rpc/client.ts'
import { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** Where nodes keep theirs. */
export const keyringPath = '/data/keys.json'

const keepers = new WeakMap<World, KeyKeeper>()

/** Of all nodes of a world. */
export function keyKeeper(world: World): KeyKeeper {
  const keeper = keepers.get(world) ?? new KeyKeeper(world)
  keepers.set(world, keeper)
  return keeper
}

export class KeyKeeper {
  readonly #world: World
  readonly #random: SeededRandom
  /** The first one is for sending. */
  #keys: string[]
  #changing = false

  constructor(world: World) {
    this.#world = world
    this.#random = new SeededRandom(world.seed, 'keys')
    this.#keys = [this.#mint()]
  }

  /** A node that was away while keys changed has to be given the file. */
  async handOut(disk: Disk, path: string): Promise<void> {
    await disk.replaceFile(path, new TextEncoder().encode(JSON.stringify(this.#keys)), { mode: 0o600 })
  }

  /** Rejects when a step did not reach all nodes that run; what was done by then stays, and harms nobody. */
  async change(client: SerfClient): Promise<void> {
    if (this.#changing) throw new Error('the key is being changed already')
    this.#changing = true
    try {
      const [old] = this.#keys as [string]
      const fresh = this.#mint()
      this.#keys = [old, fresh]
      await this.#everywhere(client, 'install-key', fresh)
      this.#keys = [fresh, old]
      await this.#everywhere(client, 'use-key', fresh)
      await this.#everywhere(client, 'remove-key', old)
      this.#keys = [fresh]
    } finally {
      this.#changing = false
    }
  }

  async #everywhere(client: SerfClient, command: 'install-key' | 'use-key' | 'remove-key', key: string): Promise<void> {
    const { responses, errors } = await client.key(command, key)
    const running = [...this.#world.hosts.values()].filter(({ alive }) => alive).length
    if (errors > 0 || responses < running) throw new Error(`${command}: ${responses} of ${running} took it`)
  }

  #mint(): string {
    return Buffer.from(this.#random.bytes(32)).toString('base64')
  }
}
