/**
 * memberlist's messages: one type byte and a MessagePack struct. What may lie around a message is for `packet.ts` and
 * `stream-codec.ts`; what a user message holds is for `serf-codec.ts`.
 */

import type { Decoded } from '../decoded.ts'
import type { Message } from './messages.ts'
import { bool, bytes, decodeBody, field, nullableBytes, omitEmpty, struct, text, u16, u32 } from './msgpack-struct.ts'
import { type Dialect, MsgpackWriter } from './msgpack-writer.ts'

/** First byte of a message or of a layer around messages. */
export const MessageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  checksum: 12,
  error: 13,
  /** Only ever outermost. */
  label: 244,
} as const

const source = {
  sourceAddr: omitEmpty('SourceAddr', bytes),
  sourcePort: omitEmpty('SourcePort', u16),
  sourceNode: omitEmpty('SourceNode', text),
}

const ping = struct({ seqNo: field('SeqNo', u32), node: field('Node', text), ...source })

const indirectPing = struct({
  seqNo: field('SeqNo', u32),
  target: field('Target', bytes),
  port: field('Port', u16),
  node: field('Node', text),
  nack: field('Nack', bool),
  ...source,
})

const ack = struct({ seqNo: field('SeqNo', u32), payload: field('Payload', nullableBytes) })

const nack = struct({ seqNo: field('SeqNo', u32) })

/** suspect and dead */
const accusation = struct({
  incarnation: field('Incarnation', u32),
  node: field('Node', text),
  from: field('From', text),
})

const alive = struct({
  incarnation: field('Incarnation', u32),
  node: field('Node', text),
  addr: field('Addr', bytes),
  port: field('Port', u16),
  meta: field('Meta', bytes),
  vsn: field('Vsn', bytes),
})

const errorReply = struct({ text: field('Error', text) })

export function encodeMessage(message: Message, dialect?: Dialect): Uint8Array {
  const writer = new MsgpackWriter(dialect)
  writer.byte(MessageType[message.kind])
  switch (message.kind) {
    case 'ping':
      ping.write(writer, message)
      break
    case 'indirectPing':
      indirectPing.write(writer, message)
      break
    case 'ack':
      ack.write(writer, message)
      break
    case 'nack':
      nack.write(writer, message)
      break
    case 'suspect':
    case 'dead':
      accusation.write(writer, message)
      break
    case 'alive':
      alive.write(writer, message)
      break
    case 'user':
      writer.raw(message.payload)
      break
    case 'error':
      errorReply.write(writer, message)
      break
  }
  return writer.finish()
}

/** The payload of a user message is a view of `input`, not a copy. Bytes behind a struct are ignored. */
export function decodeMessage(input: Uint8Array): Decoded<Message> {
  switch (input[0]) {
    case MessageType.ping:
      return decodeBody('ping', ping, input)
    case MessageType.indirectPing:
      return decodeBody('indirectPing', indirectPing, input)
    case MessageType.ack:
      return decodeBody('ack', ack, input)
    case MessageType.nack:
      return decodeBody('nack', nack, input)
    case MessageType.suspect:
      return decodeBody('suspect', accusation, input)
    case MessageType.dead:
      return decodeBody('dead', accusation, input)
    case MessageType.alive:
      return decodeBody('alive', alive, input)
    case MessageType.user:
      return { ok: true, value: { kind: 'user', payload: input.subarray(1) } }
    case MessageType.error:
      return decodeBody('error', errorReply, input)
    case undefined:
      return { ok: false, problem: 'empty message' }
    default:
      return { ok: false, problem: `message type ${input[0]} is not supported` }
  }
}
