/**
 * What travels between members, as values. memberlist's messages (failure detection) carry Serf's (intents, events,
 * queries) as opaque user payloads. Bytes are made and read by `memberlist-codec.ts` and `serf-codec.ts`.
 *
 * Names are text; bytes that are not UTF-8 survive as lone surrogates U+DC80–U+DCFF (one each, as in PEP 383), so that
 * a name is re-encoded to exactly the bytes it came with. Addresses are 4 or 16 raw bytes, kept as received.
 */

export type Message = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User | ErrorReply

export interface Ping {
  readonly kind: 'ping'
  readonly seqNo: number
  /** Empty: whoever receives it. */
  readonly node: string
  readonly sourceAddr: Uint8Array
  readonly sourcePort: number
  readonly sourceNode: string
}

export interface IndirectPing {
  readonly kind: 'indirectPing'
  readonly seqNo: number
  readonly target: Uint8Array
  readonly port: number
  readonly node: string
  readonly nack: boolean
  readonly sourceAddr: Uint8Array
  readonly sourcePort: number
  readonly sourceNode: string
}

export interface Ack {
  readonly kind: 'ack'
  readonly seqNo: number
  readonly payload: Uint8Array | null
}

export interface Nack {
  readonly kind: 'nack'
  readonly seqNo: number
}

export interface Suspect {
  readonly kind: 'suspect'
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

export interface Dead {
  readonly kind: 'dead'
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

export interface Alive {
  readonly kind: 'alive'
  readonly incarnation: number
  readonly node: string
  readonly addr: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  /** [PMin, PMax, PCur, DMin, DMax, DCur]; anything but 6 bytes is for the receiver to refuse. */
  readonly vsn: Uint8Array
}

export interface User {
  readonly kind: 'user'
  readonly payload: Uint8Array
}

export interface ErrorReply {
  readonly kind: 'error'
  readonly text: string
}

/** One entry of a push/pull. */
export interface PushPullNode {
  readonly name: string
  readonly addr: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  readonly incarnation: number
  readonly state: number
  readonly vsn: Uint8Array
}

export const NodeState = { alive: 0, suspect: 1, dead: 2, left: 3 } as const

/** The whole state that two members exchange over a stream. */
export interface PushPull {
  readonly kind: 'pushPull'
  readonly join: boolean
  readonly nodes: readonly PushPullNode[]
  /** Serf's part, undecoded; may be empty. */
  readonly userState: Uint8Array
}

export type SerfMessage = LeaveIntent | JoinIntent | SerfPushPull | UserEvent | Query | QueryResponse | Relay

export interface LeaveIntent {
  readonly kind: 'leaveIntent'
  readonly lTime: bigint
  readonly node: string
  readonly prune: boolean
}

export interface JoinIntent {
  readonly kind: 'joinIntent'
  readonly lTime: bigint
  readonly node: string
}

export interface SerfPushPull {
  readonly kind: 'serfPushPull'
  readonly lTime: bigint
  readonly statusLTimes: ReadonlyMap<string, bigint>
  readonly leftMembers: readonly string[]
  readonly eventLTime: bigint
  /** Filled slots only. */
  readonly events: readonly {
    readonly lTime: bigint
    readonly events: readonly { name: string; payload: Uint8Array }[]
  }[]
  readonly queryLTime: bigint
}

export interface UserEvent {
  readonly kind: 'userEvent'
  readonly lTime: bigint
  readonly name: string
  readonly payload: Uint8Array
  readonly coalesce: boolean
}

export const QueryFlag = {
  /** Whoever it is for says that it has heard. In a response: this is that. */
  ack: 1,
  /** Everybody who should hear it was asked directly. */
  noBroadcast: 2,
} as const

export interface Query {
  readonly kind: 'query'
  readonly lTime: bigint
  readonly id: number
  readonly addr: Uint8Array
  readonly port: number
  readonly sourceNode: string
  readonly filters: readonly Uint8Array[]
  readonly flags: number
  readonly relayFactor: number
  readonly timeoutNs: bigint
  readonly name: string
  readonly payload: Uint8Array
}

export interface QueryResponse {
  readonly kind: 'queryResponse'
  readonly lTime: bigint
  readonly id: number
  readonly from: string
  readonly flags: number
  readonly payload: Uint8Array
}

export interface Relay {
  readonly kind: 'relay'
  readonly destAddr: Uint8Array
  readonly destPort: number
  readonly destName: string
  /** The inner Serf message, from its type byte on. */
  readonly inner: Uint8Array
}
