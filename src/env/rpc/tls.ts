/** Certificates and keys: checked before anything uses them. */

import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { ReeveError } from '../../errors.ts'
import type { TlsMaterial } from '../env.ts'

export interface SecureOptions {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** The material as node takes it. Throws `TLS_INVALID` where a part is missing, unreadable or does not fit another. */
export function checkTls(material: TlsMaterial, role: 'server' | 'client'): SecureOptions {
  const { ca, cert, key } = material
  if ((cert === undefined) !== (key === undefined)) {
    throw new ReeveError('TLS_INVALID', 'a certificate and its private key go together: one of them is missing')
  }
  if (role === 'server' && cert === undefined) {
    throw new ReeveError('TLS_INVALID', 'a TLS server needs a certificate and its private key')
  }
  if (ca !== undefined) checkCertificates(ca, 'CA certificate')
  if (cert !== undefined) checkCertificates(cert, 'certificate')
  const options: SecureOptions = {
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(cert === undefined ? {} : { cert: Buffer.from(cert) }),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
  }
  try {
    createSecureContext(options)
  } catch (error) {
    throw new ReeveError('TLS_INVALID', `certificate and private key are unusable: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return options
}

export function certificateEndMs({ cert }: TlsMaterial): number | undefined {
  if (cert === undefined) return undefined
  try {
    const endMs = Date.parse(new X509Certificate(cert).validTo)
    return Number.isNaN(endMs) ? undefined : endMs
  } catch {
    return undefined
  }
}

/** OpenSSL skips what it cannot read in a bundle; a half-written file must not pass as a shorter one. */
function checkCertificates(pem: Uint8Array, what: string): void {
  const text = Buffer.from(pem).toString('latin1')
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0 || blocks.length !== begun) {
    throw new ReeveError('TLS_INVALID', `the ${what} is not PEM, or is cut off`)
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block)
    } catch (error) {
      throw new ReeveError('TLS_INVALID', `the ${what} cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }
}
