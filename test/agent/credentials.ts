/** Certificates of `reeve cert` for agents and clients of a test, and what a server shows to those who connect. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { parseAddress } from '../../src/address.ts'
import type { TlsMaterial } from '../../src/index.ts'
import { reeve } from '../cli/capture.ts'
import type { Agent } from './agent.ts'

/** One authority and what it signs, in a folder. */
export class Certificates {
  readonly dir: string

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(dir: string): Promise<Certificates> {
    const certificates = new Certificates(dir)
    await certificates.make('ca')
    return certificates
  }

  /** `reeve cert WORDS` */
  async make(...words: string[]): Promise<void> {
    const { code, stderr } = await reeve('cert', ...words, '--dir', this.dir)
    assert.equal(code, 0, stderr)
  }

  get ca(): Uint8Array {
    return readFileSync(`${this.dir}/ca.pem`)
  }

  /** Flags of an agent that shows the server's certificate of that name, and asks callers for theirs. */
  flags(name: string): string[] {
    const { cert, key } = this.files(`${name}-server`)
    return [
      ...['--server-tls-cert-file', cert, '--server-tls-key-file', key],
      ...['--server-tls-ca-file', `${this.dir}/ca.pem`],
    ]
  }

  /** `name` with its kind: `a-server`, `anna-client`. */
  files(name: string): { cert: string; key: string } {
    return { cert: `${this.dir}/${name}.pem`, key: `${this.dir}/${name}-key.pem` }
  }

  tls(name: string): TlsMaterial {
    const { cert, key } = this.files(name)
    return { ca: this.ca, cert: readFileSync(cert), key: readFileSync(key) }
  }
}

/** Serial number of the certificate that the agent shows now. */
export async function shownSerial(agent: Agent, { ca, cert, key }: TlsMaterial): Promise<string> {
  const address = parseAddress(agent.rpcAddress)
  assert.ok(address)
  const pem = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes)
  const options = { ca: pem(ca), cert: pem(cert), key: pem(key), ALPNProtocols: ['h2'] }
  const socket = connect({ ...address, ...options })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().serialNumber
  } finally {
    socket.destroy()
  }
}
