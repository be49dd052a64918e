/**
 * Whoever runs the certificates and the access rules of a world: every node that starts gets a certificate in its name,
 * and every host the rules that let all nodes replicate. Both are files on the hosts' disks, as in production.
 */

import { writeCertificate } from './certificates.ts'
import type { Host } from './host.ts'
import type { World } from './world.ts'

const certFile = '/data/tls/node.pem'
const keyFile = '/data/tls/node-key.pem'
const caFile = '/data/tls/ca.pem'
const aclPolicyFile = '/data/policy.csv'

/** With these a node shows and asks for certificates and judges by rules. */
export const registrarSettings = { serverTls: { certFile, keyFile, caFile }, aclPolicyFile }

/** What a writer or reader beside a node dials with. */
export const writerTls = {
  cert: writeCertificate({ uris: [], dnsNames: ['writer'], commonName: 'writer' }),
  key: new TextEncoder().encode('key'),
}

const longMs = 365 * 86_400_000
const registrars = new WeakMap<World, Registrar>()

/** Of all nodes of a world. */
export function registrarOf(world: World): Registrar {
  const registrar = registrars.get(world) ?? new Registrar(world)
  registrars.set(world, registrar)
  return registrar
}

export class Registrar {
  readonly #world: World
  readonly #equipped = new Set<Host>()
  /** Names that may not replicate from a host. */
  readonly #forbidden = new Map<Host, readonly string[]>()

  constructor(world: World) {
    this.#world = world
  }

  /** Before a node starts: its certificate, and rules everywhere that know its name. */
  equip(host: Host): void {
    this.#equipped.add(host)
    host.disk.install(keyFile, new TextEncoder().encode('key'))
    host.disk.install(caFile, new TextEncoder().encode('ca'))
    this.certify(host, longMs)
    for (const each of this.#equipped) this.#writeRules(each)
  }

  /** Its certificate is replaced by one that is good for so long; does nothing where there are none. */
  certify(host: Host, forMs: number): void {
    if (!this.#equipped.has(host)) return
    const notAfterMs = this.#world.wallMs + forMs
    host.disk.install(certFile, writeCertificate({ uris: [], dnsNames: [host.nodeName], notAfterMs }))
  }

  /** The nodes of these names may not replicate from this host; an empty list lets all. */
  forbid(host: Host, names: readonly string[]): void {
    if (!this.#equipped.has(host)) return
    this.#forbidden.set(host, names)
    this.#writeRules(host)
  }

  /** Everybody has a good certificate and may replicate. */
  restoreAll(): void {
    this.#forbidden.clear()
    for (const host of this.#equipped) {
      this.certify(host, longMs)
      this.#writeRules(host)
    }
  }

  #writeRules(host: Host): void {
    const forbidden = this.#forbidden.get(host) ?? []
    const names = [...this.#world.hosts.values()].map(({ nodeName }) => nodeName)
    const nodes = names.filter((name) => !forbidden.includes(name)).map((name) => `p, ${name}, *, replicate, allow`)
    const client = ['produce', 'consume', 'admin'].map((act) => `p, writer, *, ${act}, allow`)
    const text = [...client, ...nodes, ''].join('\n')
    host.disk.install(aclPolicyFile, new TextEncoder().encode(text))
  }
}
