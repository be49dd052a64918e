/** Makes the certificates of a development authority. EC P-256, PEM. */

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export interface Pem {
  readonly certificate: string
  readonly key: string
}

export interface Leaf {
  /** Common name. */
  readonly name: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly uri: string
  /** May serve, may call, or both. */
  readonly uses: readonly ('server' | 'client')[]
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
type KeyPair = webcrypto.CryptoKeyPair
const dayMs = 24 * 60 * 60 * 1000
/** Machines whose clocks are a little behind accept a certificate made just now. */
const skewMs = 5 * 60 * 1000

export async function createAuthority(name: string, nowMs: number): Promise<Pem> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(nowMs - skewMs),
      notAfter: new Date(nowMs + 3650 * dayMs),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return { certificate: pem(certificate.toString('pem')), key: await keyPem(keys) }
}

/** Throws when `authority` is no certificate with its key. */
export async function createLeaf(authority: Pem, leaf: Leaf, nowMs: number): Promise<Pem> {
  const issuer = new x509.X509Certificate(authority.certificate)
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ['sign'],
  )
  const keys = await newKeys()
  const uses = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth }
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: [{ CN: [leaf.name] }],
      issuer: issuer.subjectName,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(nowMs - skewMs),
      notAfter: new Date(nowMs + 365 * dayMs),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(leaf.uses.map((use) => uses[use])),
        new x509.SubjectAlternativeNameExtension([
          ...leaf.dnsNames.map((value) => ({ type: 'dns' as const, value })),
          ...leaf.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
          { type: 'url' as const, value: leaf.uri },
        ]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return { certificate: pem(certificate.toString('pem')), key: await keyPem(keys) }
}

function newKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<KeyPair>
}

async function keyPem(keys: KeyPair): Promise<string> {
  return pem(x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'))
}

function pem(text: string): string {
  return `${text.trim()}\n`
}
