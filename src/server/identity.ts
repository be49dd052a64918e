/**
 * Who a caller is, as policies name it: from the certificate it proved, the SPIFFE URI, else the DNS name, else the
 * common name. Of several of one kind the first in the certificate's order counts. A certificate whose first name of
 * the best kind is not a proper one is refused: falling back to a weaker name would let its issuer's mistake decide.
 */

import type { Caller, CallerCertificate } from '../env/env.ts'

/** The subject of callers without a certificate; no certificate may claim it. */
export const anonymous = 'anonymous'

export type Identity =
  | { readonly ok: true; readonly subject: string }
  | { readonly ok: false; readonly problem: string }

export function identify(caller: Caller): Identity {
  return caller.certificate ? nameOf(caller.certificate) : { ok: true, subject: anonymous }
}

/** https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md, sections 2 and 2.3 */
const spiffePattern = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)*$/
const spiffeBytesMax = 2048
const dotSegment = /\/\.\.?(?:\/|$)/

/** RFC 1123 names, and underscores, which many internal names carry. No wildcards: those name nobody. */
const dnsPattern = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const dnsLengthMax = 253

/** RFC 5280 allows 64 characters (ub-common-name). */
const commonNameLengthMax = 64

function nameOf(certificate: CallerCertificate): Identity {
  const uri = certificate.uris.find((each) => /^spiffe:/i.test(each))
  if (uri !== undefined) {
    const proper = uri.length <= spiffeBytesMax && spiffePattern.test(uri) && !dotSegment.test(uri)
    return proper ? { ok: true, subject: uri } : { ok: false, problem: 'its SPIFFE URI is not a proper one' }
  }
  const dnsName = certificate.dnsNames[0]
  if (dnsName !== undefined) {
    const name = dnsName.toLowerCase()
    const proper = name.length <= dnsLengthMax && dnsPattern.test(name)
    return proper ? named(name) : { ok: false, problem: 'its first DNS name is not a proper one' }
  }
  const commonName = certificate.commonName
  if (commonName === undefined) return { ok: false, problem: 'it carries no name' }
  const proper =
    commonName.length > 0 &&
    commonName.length <= commonNameLengthMax &&
    commonName === commonName.trim() &&
    !/[\p{C}\p{Zl}\p{Zp}]/u.test(commonName) &&
    // Nobody checks what stands in a common name as strictly as a URI name.
    !/^spiffe:/i.test(commonName)
  return proper ? named(commonName) : { ok: false, problem: 'its common name is not a proper one' }
}

/** Why no caller is ever called that; undefined: some caller may be. */
export function problemOfSubject(subject: string): string | undefined {
  if (subject === '*') return 'a subject is one name, not a pattern; "g" lines make groups'
  if (subject === anonymous) return undefined
  const identity = nameOf(
    /^spiffe:/i.test(subject) ? { uris: [subject], dnsNames: [] } : { uris: [], dnsNames: [], commonName: subject },
  )
  // A DNS name may be longer than a common name.
  if (identity.ok || dnsPattern.test(subject)) return undefined
  return identity.problem
}

function named(subject: string): Identity {
  return subject.toLowerCase() === anonymous
    ? { ok: false, problem: `"${anonymous}" is reserved for callers without a certificate` }
    : { ok: true, subject }
}
