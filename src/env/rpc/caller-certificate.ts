import type { X509Certificate } from 'node:crypto'
import type { CallerCertificate } from '../env.ts'

/**
 * One name of node's text form: a type, a colon, the value; values that contain anything but harmless characters are
 * JSON strings. Read strictly from one end to the other: a name such as `a, URI:spiffe://b` must stay one name
 * (CVE-2021-44532). https://nodejs.org/api/crypto.html#x509subjectaltname
 */
const alternativeName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?=, |$)/y

/**
 * The names in a certificate that the handshake has verified. Undefined where they cannot be read: who cannot be named
 * is nobody.
 */
export function callerCertificate(certificate: X509Certificate): CallerCertificate | undefined {
  const uris: string[] = []
  const dnsNames: string[] = []
  const text = certificate.subjectAltName ?? ''
  alternativeName.lastIndex = 0
  for (let at = 0; at < text.length; at = alternativeName.lastIndex) {
    const match = alternativeName.exec(text)
    if (match === null) return undefined
    const name = unquote(match[2]!)
    if (name === undefined) return undefined
    if (match[1] === 'URI') uris.push(name)
    else if (match[1] === 'DNS') dnsNames.push(name)
  }
  // Several common names: none is the name.
  const commonName: unknown = certificate.toLegacyObject().subject?.CN
  return typeof commonName === 'string' ? { uris, dnsNames, commonName } : { uris, dnsNames }
}

function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
