/**
 * Every error a caller can meet: one class, one table. A code is for programs, the message for people; `retry` says
 * whether the same request may succeed later without anybody changing it.
 */

/** gRPC status codes, https://grpc.io/docs/guides/status-codes/ */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode]

const grpcCodeNames = new Map(Object.entries(GrpcCode).map(([name, code]) => [code, name]))

export function grpcCodeName(code: GrpcCode): string {
  return grpcCodeNames.get(code) ?? 'UNKNOWN'
}

interface ErrorKind {
  readonly grpc: GrpcCode
  readonly retry: boolean
}

const kind = (grpc: GrpcCode, retry = false): ErrorKind => ({ grpc, retry })

/** The table. Codes are stable: clients match on them. */
export const errorTable = {
  // requests
  REQUEST_MALFORMED: kind(GrpcCode.INVALID_ARGUMENT),
  TOPIC_NAME_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  NODE_NAME_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  CURSOR_NAME_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  BATCH_MALFORMED: kind(GrpcCode.INVALID_ARGUMENT),
  BATCH_EMPTY: kind(GrpcCode.INVALID_ARGUMENT),
  BATCH_TOO_LARGE: kind(GrpcCode.INVALID_ARGUMENT),
  MESSAGE_TOO_LARGE: kind(GrpcCode.RESOURCE_EXHAUSTED),
  CURSOR_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  /** There is no cursor of that name. */
  CURSOR_UNKNOWN: kind(GrpcCode.NOT_FOUND, true),
  /** This node has not yet what the caller has seen elsewhere. */
  NOT_CAUGHT_UP: kind(GrpcCode.DEADLINE_EXCEEDED, true),
  /** A producer's batch that is not the next one: what is between was never stored, or not here. Nothing was stored. */
  PRODUCER_OUT_OF_ORDER: kind(GrpcCode.FAILED_PRECONDITION),
  /** A producer's sequence that was stored before, with other records. Nothing was stored. */
  PRODUCER_CONFLICT: kind(GrpcCode.ALREADY_EXISTS),
  TOPIC_EXISTS: kind(GrpcCode.ALREADY_EXISTS),
  TOPIC_SETTINGS_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  COPIES_IMPOSSIBLE: kind(GrpcCode.FAILED_PRECONDITION),
  COPIES_PENDING: kind(GrpcCode.DEADLINE_EXCEEDED),
  DEADLINE_EXCEEDED: kind(GrpcCode.DEADLINE_EXCEEDED, true),
  CANCELLED: kind(GrpcCode.CANCELLED),
  /** A client lost its server after it had sent a batch and before the answer: stored or not, nobody said. */
  OUTCOME_UNKNOWN: kind(GrpcCode.UNKNOWN),
  METHOD_UNKNOWN: kind(GrpcCode.UNIMPLEMENTED),
  SERVICE_UNKNOWN: kind(GrpcCode.NOT_FOUND),
  ENCODING_UNSUPPORTED: kind(GrpcCode.UNIMPLEMENTED),
  // who may do what
  UNAUTHENTICATED: kind(GrpcCode.UNAUTHENTICATED),
  PERMISSION_DENIED: kind(GrpcCode.PERMISSION_DENIED),
  // the log
  TOPIC_UNKNOWN: kind(GrpcCode.NOT_FOUND, true),
  OFFSET_TRIMMED: kind(GrpcCode.OUT_OF_RANGE),
  DATA_CORRUPT: kind(GrpcCode.DATA_LOSS, true),
  LOG_DIVERGED: kind(GrpcCode.DATA_LOSS),
  LOG_FAILED: kind(GrpcCode.DATA_LOSS),
  OVERLOADED: kind(GrpcCode.RESOURCE_EXHAUSTED, true),
  DISK_FULL: kind(GrpcCode.RESOURCE_EXHAUSTED, true),
  DISK_FAILED: kind(GrpcCode.DATA_LOSS),
  /** Written by a later version of Reeve: not damaged, but not to be read, or added to, by this one. */
  FORMAT_NEWER: kind(GrpcCode.FAILED_PRECONDITION),
  DATA_DIR_LOCKED: kind(GrpcCode.FAILED_PRECONDITION),
  DATA_DIR_UNUSABLE: kind(GrpcCode.FAILED_PRECONDITION),
  // the node
  /** These two promise that nothing was done of what was not answered before them: another node may do it. */
  NODE_STARTING: kind(GrpcCode.UNAVAILABLE, true),
  NODE_STOPPING: kind(GrpcCode.UNAVAILABLE, true),
  /** Nobody answered: of what changes something, nothing is known. */
  UNAVAILABLE: kind(GrpcCode.UNAVAILABLE, true),
  CLUSTER_MISMATCH: kind(GrpcCode.FAILED_PRECONDITION),
  /** Another member of the cluster owns this node's name. */
  NAME_TAKEN: kind(GrpcCode.FAILED_PRECONDITION),
  PEER_MISMATCH: kind(GrpcCode.FAILED_PRECONDITION, true),
  // start-up
  CONFIG_INVALID: kind(GrpcCode.INVALID_ARGUMENT),
  TLS_INVALID: kind(GrpcCode.FAILED_PRECONDITION),
  ACL_INVALID: kind(GrpcCode.FAILED_PRECONDITION),
  KEYRING_INVALID: kind(GrpcCode.FAILED_PRECONDITION),
  ADDRESS_UNUSABLE: kind(GrpcCode.FAILED_PRECONDITION),
  INTERNAL: kind(GrpcCode.INTERNAL),
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorTable

/** Facts that go with an error to the caller (`google.rpc.ErrorInfo.metadata`); never secrets. */
export type ErrorFacts = Readonly<Record<string, string>>

export class ReeveError extends Error {
  readonly code: ErrorCode
  readonly facts: ErrorFacts
  /** Set on errors that came from a peer with a status our table has no code for. */
  readonly remoteGrpc: GrpcCode | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { facts?: ErrorFacts; cause?: unknown; remoteGrpc?: GrpcCode } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ReeveError'
    this.code = code
    this.facts = options.facts ?? {}
    this.remoteGrpc = options.remoteGrpc
  }

  get grpc(): GrpcCode {
    return this.remoteGrpc ?? errorTable[this.code].grpc
  }

  get retry(): boolean {
    return errorTable[this.code].retry
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text)
}

/** Anything thrown, as one of ours; what we did not foresee becomes `INTERNAL` and keeps its cause. */
export function toReeveError(error: unknown): ReeveError {
  if (error instanceof ReeveError) return error
  return new ReeveError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
}
