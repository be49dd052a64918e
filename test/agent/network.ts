/**
 * Hosts that can be cut off: network namespaces (ip-netns(8)), each with an interface on one switch, and another one
 * that leads to this process only. A host that is cut off notices nothing: what it sends is lost on the way.
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { missing } from '../component.ts'

const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })

export function withoutNetworks(): string | false {
  let reason: string
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    reason = 'network namespaces need Linux and root'
  } else {
    try {
      new Network(['trial']).end()
      return false
    } catch (error) {
      reason = `no network namespaces here: ${(error as Error).message}`
    }
  }
  return missing(reason)
}

export class Network {
  readonly #prefix = `rv${randomBytes(3).toString('hex')}`
  /** 198.18.0.0/15 is for tests of networks (RFC 2544): nobody else's address is ever hidden. */
  readonly #net = `198.18.${randomBytes(1)[0]}`
  readonly #control = `198.19.${randomBytes(1)[0]}`
  readonly #names: readonly string[]
  readonly #spaces: string[] = []
  readonly #endAtExit = () => this.end()

  constructor(names: readonly string[]) {
    this.#names = names
    process.once('exit', this.#endAtExit)
    try {
      const hub = this.#add('switch')
      ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
      ip('-n', hub, 'link', 'set', 'switch', 'up')
      for (const name of names) this.#addHost(hub, name)
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** Where the hosts reach each other. */
  addressOf(name: string): string {
    return `${this.#net}.${this.#numberOf(name)}`
  }

  /** Where this process reaches the host, cut off or not. */
  callHostOf(name: string): string {
    return `${this.#control}.${2 * this.#numberOf(name) + 1}`
  }

  /** The command that runs another one on that host. */
  under(name: string): string[] {
    return ['ip', 'netns', 'exec', `${this.#prefix}-${name}`]
  }

  /** Nothing passes to or from this host any more. */
  cutOff(name: string): void {
    ip('-n', `${this.#prefix}-switch`, 'link', 'set', `port${this.#numberOf(name)}`, 'nomaster')
  }

  heal(name: string): void {
    ip('-n', `${this.#prefix}-switch`, 'link', 'set', `port${this.#numberOf(name)}`, 'master', 'switch')
  }

  /** What the one sends to the other is lost on the way; the way back stays open. */
  block(from: string, to: string): void {
    // To a machine that is not there.
    const words = ['lladdr', '02:00:00:00:00:01', 'dev', 'eth0', 'nud', 'permanent']
    ip('-n', `${this.#prefix}-${from}`, 'neigh', 'replace', this.addressOf(to), ...words)
  }

  unblock(from: string, to: string): void {
    ip('-n', `${this.#prefix}-${from}`, 'neigh', 'del', this.addressOf(to), 'dev', 'eth0')
  }

  /** The interfaces go with their namespaces. */
  end(): void {
    process.off('exit', this.#endAtExit)
    for (const space of this.#spaces.splice(0)) ip('netns', 'del', space)
  }

  #numberOf(name: string): number {
    return this.#names.indexOf(name) + 1
  }

  #add(name: string): string {
    const space = `${this.#prefix}-${name}`
    ip('netns', 'add', space)
    this.#spaces.push(space)
    return space
  }

  #addHost(hub: string, name: string): void {
    const number = this.#numberOf(name)
    const space = this.#add(name)
    ip('-n', space, 'link', 'set', 'lo', 'up')

    const port = `port${number}`
    ip('-n', space, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', port, 'netns', hub)
    ip('-n', space, 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'eth0')
    ip('-n', space, 'link', 'set', 'eth0', 'up')
    ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up')

    const ours = `${this.#prefix}c${number}`
    const [here, there] = [`${this.#control}.${2 * number}`, this.callHostOf(name)]
    ip('link', 'add', ours, 'type', 'veth', 'peer', 'name', 'control', 'netns', space)
    ip('addr', 'add', here, 'peer', there, 'dev', ours)
    ip('link', 'set', ours, 'up')
    ip('-n', space, 'addr', 'add', there, 'peer', here, 'dev', 'control')
    ip('-n', space, 'link', 'set', 'control', 'up')
  }
}
