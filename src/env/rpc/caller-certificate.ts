import { SubjectAlternativeNameExtension, X509Certificate } from '@peculiar/x509'
import type { CallerCertificate } from '../env.ts'

/**
 * The names in a certificate that the handshake has verified. Read from the DER itself: a text form such as
 * `DNS:a, URI:b` can be forged by a name that contains a comma (CVE-2021-44532). Undefined where it cannot be read:
 * who cannot be named is nobody.
 */
export function callerCertificate(der: Uint8Array): CallerCertificate | undefined {
  try {
    const certificate = new X509Certificate(new Uint8Array(der))
    const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
    const ofType = (type: string) => names.filter((name) => name.type === type).map((name) => name.value)
    const commonName = certificate.subjectName.getField('CN').at(-1)
    return {
      uris: ofType('url'),
      dnsNames: ofType('dns'),
      ...(commonName === undefined ? {} : { commonName }),
    }
  } catch {
    return undefined
  }
}
