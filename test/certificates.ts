/** Certificates for tests, made on the spot: a CA and what it signs, as PEM. */

import 'reflect-metadata'
import { webcrypto as crypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000

export interface IssueOptions {
  /** Common name; none when absent. */
  readonly name?: string
  readonly dns?: readonly string[]
  readonly ips?: readonly string[]
  readonly uris?: readonly string[]
  readonly expired?: boolean
}

/** PEM: certificate, its private key (PKCS #8), and the certificate of the CA that signed it. */
export interface Issued {
  readonly cert: Uint8Array
  readonly key: Uint8Array
  readonly ca: Uint8Array
}

export interface Authority {
  /** PEM of the CA's own certificate. */
  readonly cert: Uint8Array
  /** Good for servers and clients. */
  issue(options: IssueOptions): Promise<Issued>
}

export async function createAuthority(name = 'Test CA'): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const own = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [name] }],
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    crypto,
  )
  const cert = Buffer.from(own.toString('pem'))
  return {
    cert,
    async issue(options) {
      const ownKeys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const names: JsonGeneralName[] = [
        ...(options.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
        ...(options.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
        ...(options.uris ?? []).map((value) => ({ type: 'url' as const, value })),
      ]
      const issued = await X509CertificateGenerator.create(
        {
          serialNumber: serialNumber(),
          subject: options.name === undefined ? [] : [{ CN: [options.name] }],
          issuer: own.subject,
          notBefore: new Date(Date.now() - 2 * dayMs),
          notAfter: new Date(Date.now() + (options.expired ? -dayMs : dayMs)),
          signingAlgorithm: algorithm,
          publicKey: ownKeys.publicKey,
          signingKey: keys.privateKey,
          extensions: [
            new BasicConstraintsExtension(false, undefined, true),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
            ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
          ],
        },
        crypto,
      )
      const pkcs8 = await crypto.subtle.exportKey('pkcs8', ownKeys.privateKey)
      return {
        cert: Buffer.from(issued.toString('pem')),
        key: Buffer.from(PemConverter.encode(pkcs8, 'PRIVATE KEY')),
        ca: cert,
      }
    },
  }
}

function serialNumber(): string {
  // First byte below 0x80: a serial number is a positive integer.
  return `1${Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('hex')}0`
}
