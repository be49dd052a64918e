/** Headers as a call's metadata, and back. */

import { Metadata } from '@grpc/grpc-js'

/** Headers that belong to the protocol, not to the caller's metadata. */
const ownHeaders = new Set(['te', 'content-type', 'content-length', 'connection', 'transfer-encoding', 'host'])
const ownPrefix = /^(?::|grpc-|connect-)/

/**
 * From node's flat list of names and values. Lower-case names; the last value of a repeated one; `-bin` values stay
 * base64, as sent.
 */
export function metadataFromRaw(raw: readonly string[]): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase()
    if (ownHeaders.has(name) || ownPrefix.test(name)) continue
    const value = raw[index + 1]!
    // Base64 has no commas: here a comma joins the values of a repeated name.
    metadata.set(name, name.endsWith('-bin') ? value.slice(value.lastIndexOf(',') + 1).trim() : value)
  }
  return metadata
}

/** Throws where gRPC forbids a name or value. */
export function metadataToGrpc(metadata: ReadonlyMap<string, string> | undefined): Metadata {
  const sent = new Metadata()
  if (metadata === undefined) return sent
  for (const [name, value] of metadata) sent.set(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  return sent
}
