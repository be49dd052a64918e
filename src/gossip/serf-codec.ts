/**
 * Serf's messages, which memberlist carries as the payload of user messages and as the user state of a push/pull: one
 * type byte and a MessagePack struct.
 */

import type { Decoded } from '../decoded.ts'
import type { SerfMessage } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import {
  bool,
  bytes,
  decodeBody,
  field,
  filledSlots,
  i64,
  int,
  list,
  mapOf,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from './msgpack-struct.ts'
import { type Dialect, MsgpackWriter } from './msgpack-writer.ts'

/** First byte. 6, 7 and 8 (conflict response, key request, key response) lie in the payloads of queries only. */
export const SerfMessageType = {
  leaveIntent: 0,
  joinIntent: 1,
  serfPushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  relay: 9,
} as const

const leaveIntent = struct({
  lTime: field('LTime', u64),
  node: field('Node', text),
  prune: field('Prune', bool),
})

const joinIntent = struct({ lTime: field('LTime', u64), node: field('Node', text) })

const eventSlot = struct({
  lTime: field('LTime', u64),
  events: field('Events', list(struct({ name: field('Name', text), payload: field('Payload', bytes) }))),
})

const serfPushPull = struct({
  lTime: field('LTime', u64),
  statusLTimes: field('StatusLTimes', mapOf(u64)),
  leftMembers: field('LeftMembers', list(text)),
  eventLTime: field('EventLTime', u64),
  events: field('Events', filledSlots(eventSlot)),
  queryLTime: field('QueryLTime', u64),
})

const userEvent = struct({
  lTime: field('LTime', u64),
  name: field('Name', text),
  payload: field('Payload', bytes),
  coalesce: field('CC', bool),
})

const query = struct({
  lTime: field('LTime', u64),
  id: field('ID', u32),
  addr: field('Addr', bytes),
  port: field('Port', u16),
  sourceNode: field('SourceNode', text),
  filters: field('Filters', list(bytes, 'nil')),
  flags: field('Flags', u32),
  relayFactor: field('RelayFactor', u8),
  timeoutNs: field('Timeout', i64),
  name: field('Name', text),
  payload: field('Payload', bytes),
})

const queryResponse = struct({
  lTime: field('LTime', u64),
  id: field('ID', u32),
  from: field('From', text),
  flags: field('Flags', u32),
  payload: field('Payload', bytes),
})

const relayHeader = struct({
  destination: field(
    'DestAddr',
    struct({ ip: field('IP', bytes), port: field('Port', int), zone: field('Zone', text) }),
  ),
  destName: field('DestName', text),
})

export function encodeSerfMessage(message: SerfMessage, dialect?: Dialect): Uint8Array {
  const writer = new MsgpackWriter(dialect)
  writer.byte(SerfMessageType[message.kind])
  switch (message.kind) {
    case 'leaveIntent':
      leaveIntent.write(writer, message)
      break
    case 'joinIntent':
      joinIntent.write(writer, message)
      break
    case 'serfPushPull':
      serfPushPull.write(writer, message)
      break
    case 'userEvent':
      userEvent.write(writer, message)
      break
    case 'query':
      query.write(writer, message)
      break
    case 'queryResponse':
      queryResponse.write(writer, message)
      break
    case 'relay':
      relayHeader.write(writer, {
        destination: { ip: message.destAddr, port: message.destPort, zone: '' },
        destName: message.destName,
      })
      writer.raw(message.inner)
      break
  }
  return writer.finish()
}

/** The inner message of a relay is a view of `input`, not a copy. Bytes behind any other struct are ignored. */
export function decodeSerfMessage(input: Uint8Array): Decoded<SerfMessage> {
  switch (input[0]) {
    case SerfMessageType.leaveIntent:
      return decodeBody('leaveIntent', leaveIntent, input)
    case SerfMessageType.joinIntent:
      return decodeBody('joinIntent', joinIntent, input)
    case SerfMessageType.serfPushPull:
      return decodeBody('serfPushPull', serfPushPull, input)
    case SerfMessageType.userEvent:
      return decodeBody('userEvent', userEvent, input)
    case SerfMessageType.query:
      return decodeBody('query', query, input)
    case SerfMessageType.queryResponse:
      return decodeBody('queryResponse', queryResponse, input)
    case SerfMessageType.relay:
      return decodeRelay(input)
    case undefined:
      return { ok: false, problem: 'empty Serf message' }
    default:
      return { ok: false, problem: `Serf message type ${input[0]} is not supported` }
  }
}

function decodeRelay(input: Uint8Array): Decoded<SerfMessage> {
  const reader = new MsgpackReader(input, 1)
  const { destination, destName } = relayHeader.read(reader)
  if (destination.port < 0 || destination.port > 0xffff) reader.fail(`port ${destination.port}`)
  if (reader.problem !== undefined) return { ok: false, problem: `relay: ${reader.problem}` }
  const inner = input.subarray(reader.at)
  return {
    ok: true,
    value: { kind: 'relay', destAddr: destination.ip, destPort: destination.port, destName, inner },
  }
}
