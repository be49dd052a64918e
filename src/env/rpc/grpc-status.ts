/** How a call's end looks on the wire, both ways: gRPC status, message and `google.rpc` details. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import { type ErrorCode, errorTable, GrpcCode, isErrorCode, ReeveError } from '../../errors.ts'
import { type ErrorInfo, ErrorInfoSchema, StatusSchema } from '../../gen/google/rpc/status_pb.ts'

/** `google.rpc.ErrorInfo.domain` of every error of ours. */
export const errorDomain = 'reeve'

/**
 * Trailers must pass the strictest peers (gRPC's C core refuses header lists over 8 KiB by default): longer messages
 * are cut, larger facts left out.
 */
const messageMaxBytes = 1024
const factsMaxBytes = 2048

export interface StatusTrailers {
  readonly 'grpc-status': string
  readonly 'grpc-message'?: string
  /** Base64 of `google.rpc.Status`. */
  readonly 'grpc-status-details-bin'?: string
}

const okTrailers: StatusTrailers = { 'grpc-status': '0' }

export function trailersOf(error: ReeveError | undefined): StatusTrailers {
  if (error === undefined) return okTrailers
  const message = cut(error.message)
  const details = create(StatusSchema, {
    code: error.grpc,
    message,
    details: [anyPack(ErrorInfoSchema, errorInfoOf(error))],
  })
  return {
    'grpc-status': String(error.grpc),
    'grpc-message': percentEncode(message),
    'grpc-status-details-bin': Buffer.from(toBinary(StatusSchema, details)).toString('base64'),
  }
}

export function errorInfoOf(error: ReeveError): ErrorInfo {
  let bytes = 0
  for (const [name, value] of Object.entries(error.facts)) bytes += name.length + Buffer.byteLength(value)
  const metadata = bytes <= factsMaxBytes ? error.facts : {}
  return create(ErrorInfoSchema, { reason: error.code, domain: errorDomain, metadata: { ...metadata } })
}

/** An error for a breach of the protocol, whose status the specification gives. */
export function protocolError(grpc: GrpcCode, message: string): ReeveError {
  return new ReeveError('REQUEST_MALFORMED', message, { remoteGrpc: grpc })
}

/** Codes for errors that carry no `ErrorInfo` of ours; all others become `INTERNAL` and keep their status. */
const codeOfStatus = new Map<number, ErrorCode>([
  [GrpcCode.CANCELLED, 'CANCELLED'],
  [GrpcCode.INVALID_ARGUMENT, 'REQUEST_MALFORMED'],
  [GrpcCode.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [GrpcCode.PERMISSION_DENIED, 'PERMISSION_DENIED'],
  [GrpcCode.UNIMPLEMENTED, 'METHOD_UNKNOWN'],
  [GrpcCode.UNAVAILABLE, 'UNAVAILABLE'],
  [GrpcCode.UNAUTHENTICATED, 'UNAUTHENTICATED'],
])

/**
 * A received status as an error of ours. `details`: the bytes of `google.rpc.Status`; what is malformed is left out.
 * Its message is the sender's own; grpc-js leaves `%2F` and its like in the one of the trailers.
 */
export function errorOfStatus(status: number, message: string, details: Uint8Array | undefined): ReeveError {
  const grpc = Number.isInteger(status) && status > 0 && status <= 16 ? (status as GrpcCode) : GrpcCode.UNKNOWN
  const sent = details === undefined ? undefined : readDetails(details)
  const info = sent?.info
  if (info !== undefined && isErrorCode(info.reason)) {
    const remote = errorTable[info.reason].grpc === grpc ? {} : { remoteGrpc: grpc }
    return new ReeveError(info.reason, sent?.message || message, { facts: { ...info.metadata }, ...remote })
  }
  if (grpc === GrpcCode.RESOURCE_EXHAUSTED && /message larger than max/i.test(message)) {
    return new ReeveError('MESSAGE_TOO_LARGE', message)
  }
  const code = codeOfStatus.get(grpc)
  return code === undefined
    ? new ReeveError('INTERNAL', message, { remoteGrpc: grpc })
    : new ReeveError(code, message, { remoteGrpc: grpc })
}

function readDetails(bytes: Uint8Array): { message: string; info: ErrorInfo } | undefined {
  try {
    const { message, details } = fromBinary(StatusSchema, bytes)
    for (const detail of details) {
      const info = anyUnpack(detail, ErrorInfoSchema)
      if (info?.domain === errorDomain) return { message, info }
    }
  } catch {
    // Details are an extra: a status without readable ones still is a status.
  }
  return undefined
}

/** `grpc-message`: UTF-8 with all but printable ASCII, and the percent sign, as %XX. */
export function percentEncode(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text
  let encoded = ''
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** The text again; what is not encoded so is left as it is. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function cut(text: string): string {
  // Through UTF-8 and back: protobuf refuses lone surrogates.
  const bytes = Buffer.from(text)
  if (bytes.length <= messageMaxBytes) return bytes.toString()
  let end = messageMaxBytes - 3
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return `${bytes.subarray(0, end).toString()}…`
}
