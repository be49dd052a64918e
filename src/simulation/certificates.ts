/** What stands in for X.509 here: a file of text that says whose it is and until when it is good. Nothing is signed. */

import type { CallerCertificate } from '../env/env.ts'

export interface SimulatedCertificate extends CallerCertificate {
  /** Ms since 1970, by the clock of whoever looks at it. Absent: for ever. */
  readonly notAfterMs?: number
}

const mark = 'simulated certificate '

export function writeCertificate(certificate: SimulatedCertificate): Uint8Array {
  return new TextEncoder().encode(mark + JSON.stringify(certificate))
}

/** Every call shows one, and nobody writes into a file that was read: each is looked at once. */
const read = new WeakMap<Uint8Array, { readonly certificate: SimulatedCertificate | undefined }>()

/** Undefined: bytes that are no such certificate; they count as one that is good for ever. */
export function readCertificate(bytes: Uint8Array | undefined): SimulatedCertificate | undefined {
  if (bytes === undefined) return undefined
  const known = read.get(bytes)
  if (known !== undefined) return known.certificate
  const certificate = parseCertificate(bytes)
  read.set(bytes, { certificate })
  return certificate
}

function parseCertificate(bytes: Uint8Array): SimulatedCertificate | undefined {
  const text = new TextDecoder().decode(bytes)
  return text.startsWith(mark) ? (JSON.parse(text.slice(mark.length)) as SimulatedCertificate) : undefined
}

export function hasExpired(certificate: SimulatedCertificate | undefined, nowMs: number): boolean {
  return certificate?.notAfterMs !== undefined && certificate.notAfterMs <= nowMs
}
