/**
 * What travels between the port of an agent and its clients: Serf's RPC protocol (IPC). Each side writes headers, most
 * of them with a body behind, back to back and without lengths. A struct here serves both directions.
 */

import {
  bool,
  bytes,
  field,
  float,
  i64,
  int,
  list,
  mapOf,
  struct,
  type Type,
  text,
  u8,
  u16,
  u64,
} from '../gossip/msgpack-struct.ts'
import { ipcDialect, MsgpackWriter } from '../gossip/msgpack-writer.ts'

/** The only version there is. */
export const ipcVersion = 1

/** A nil where Go has a nil map. */
function nullable<T>(type: Type<T>): Type<T | null> {
  return {
    zero: null,
    read: (reader) => (reader.nil() ? null : type.read(reader)),
    write: (writer, value) => (value === null ? writer.nil() : type.write(writer, value)),
  }
}

// --- headers ---------------------------------------------------------------------------------------------------------

export const requestHeader = struct({ command: field('Command', text), seq: field('Seq', u64) })
/** Both keys always: Go's client keeps the previous value of one that is missing. */
export const replyHeader = struct({ error: field('Error', text), seq: field('Seq', u64) })

// --- bodies of requests ----------------------------------------------------------------------------------------------

export const handshakeRequest = struct({ version: field('Version', int) })
export const authRequest = struct({ authKey: field('AuthKey', text) })
export const eventRequest = struct({
  name: field('Name', text),
  payload: field('Payload', bytes),
  coalesce: field('Coalesce', bool),
})
export const forceLeaveRequest = struct({ node: field('Node', text), prune: field('Prune', bool) })
export const joinRequest = struct({ existing: field('Existing', list(text)), replay: field('Replay', bool) })
export const membersFilteredRequest = struct({
  tags: field('Tags', mapOf(text)),
  status: field('Status', text),
  name: field('Name', text),
})
export const streamRequest = struct({ type: field('Type', text) })
export const monitorRequest = struct({ logLevel: field('LogLevel', text) })
export const stopRequest = struct({ stop: field('Stop', u64) })
export const tagsRequest = struct({
  tags: field('Tags', mapOf(text)),
  deleteTags: field('DeleteTags', list(text, 'nil')),
})
export const queryRequest = struct({
  filterNodes: field('FilterNodes', list(text, 'nil')),
  filterTags: field('FilterTags', mapOf(text)),
  requestAck: field('RequestAck', bool),
  relayFactor: field('RelayFactor', u8),
  /** Nanoseconds; 0: the default. */
  timeout: field('Timeout', i64),
  name: field('Name', text),
  payload: field('Payload', bytes),
})
export const respondRequest = struct({ id: field('ID', u64), payload: field('Payload', bytes) })
/** base64 */
export const keyRequest = struct({ key: field('Key', text) })
export const coordinateRequest = struct({ node: field('Node', text) })

// --- bodies of replies -----------------------------------------------------------------------------------------------

export const ipcMember = struct({
  name: field('Name', text),
  /** 4 or 16 bytes. */
  addr: field('Addr', bytes),
  port: field('Port', u16),
  tags: field('Tags', mapOf(text)),
  status: field('Status', text),
  protocolMin: field('ProtocolMin', u8),
  protocolMax: field('ProtocolMax', u8),
  protocolCur: field('ProtocolCur', u8),
  delegateMin: field('DelegateMin', u8),
  delegateMax: field('DelegateMax', u8),
  delegateCur: field('DelegateCur', u8),
})
export type IpcMember = typeof ipcMember.zero
export const membersReply = struct({ members: field('Members', list(ipcMember)) })
export const joinReply = struct({ num: field('Num', int) })
export const keyReply = struct({
  messages: field('Messages', mapOf(text)),
  /** Only of the list. */
  keys: field('Keys', nullable(mapOf(int))),
  numNodes: field('NumNodes', int),
  numErr: field('NumErr', int),
  numResp: field('NumResp', int),
  /** Ours: Serf's agent does not tell, its command line passes over it. */
  primaryKeys: field('PrimaryKeys', nullable(mapOf(int))),
})
export const statsReply = mapOf(mapOf(text))
export const coordinateReply = struct({
  coord: field(
    'Coord',
    struct({
      vec: field('Vec', list(float, 'nil')),
      error: field('Error', float),
      adjustment: field('Adjustment', float),
      height: field('Height', float),
    }),
  ),
  ok: field('Ok', bool),
})

// --- records of streams, monitors and queries ------------------------------------------------------------------------

export const memberEventRecord = struct({ event: field('Event', text), members: field('Members', list(ipcMember)) })
export const userEventRecord = struct({
  event: field('Event', text),
  lTime: field('LTime', u64),
  name: field('Name', text),
  payload: field('Payload', bytes),
  coalesce: field('Coalesce', bool),
})
export const queryEventRecord = struct({
  event: field('Event', text),
  id: field('ID', u64),
  lTime: field('LTime', u64),
  name: field('Name', text),
  payload: field('Payload', bytes),
})
/** Reads any of the three: what one has not is zero. */
export const eventRecord = struct({
  event: field('Event', text),
  members: field('Members', list(ipcMember)),
  id: field('ID', u64),
  lTime: field('LTime', u64),
  name: field('Name', text),
  payload: field('Payload', bytes),
  coalesce: field('Coalesce', bool),
})
export const logRecord = struct({ log: field('Log', text) })
/** `type`: ack, response or done, which is the last and comes from nobody. */
export const queryRecord = struct({
  type: field('Type', text),
  from: field('From', text),
  payload: field('Payload', bytes),
})

/** A value in the spelling of this protocol. */
export function encode<T>(type: Type<T>, value: T): Uint8Array {
  const writer = new MsgpackWriter(ipcDialect)
  type.write(writer, value)
  return writer.finish()
}

/** Header and body as one piece: nothing may come in between. */
export function encodeRequest(command: string, seq: bigint, body?: Uint8Array): Uint8Array {
  return join(encode(requestHeader, { command, seq }), body)
}

export function encodeReply(seq: bigint, error: string, body?: Uint8Array): Uint8Array {
  return join(encode(replyHeader, { error, seq }), body)
}

function join(header: Uint8Array, body: Uint8Array | undefined): Uint8Array {
  if (!body) return header
  const whole = new Uint8Array(header.length + body.length)
  whole.set(header)
  whole.set(body, header.length)
  return whole
}
