/**
 * One datagram: layers around messages, and nothing of what the messages mean.
 *
 * From outside to inside, each optional:
 *
 *   label        f4, length, label      ┐ for `sealing.ts`: what it has opened is read here, what is written here it
 *   encryption   version, nonce, …      ┘ seals
 *   checksum     0c, CRC-32             only here: deeper down it is an unknown message
 *   compress     09, {Algo, Buf}        ┐ in any order and depth when reading;
 *   compound     07, count, lengths     ┘ at most a compress around a compound when writing
 *   message
 */

import { crc32 } from '@node-rs/crc32'
import { compress, decompress } from './compression.ts'
import { decodeMessage, MessageType } from './memberlist-codec.ts'
import type { Message } from './messages.ts'

export interface PacketLimits {
  /** Of everything that is decompressed for one packet. */
  readonly maxDecompressedBytes: number
  /** Compress and compound layers inside one another. */
  readonly maxDepth: number
  /** Messages and problems of one packet; the rest is left unread. */
  readonly maxMessages: number
}

/** No more bytes than a datagram holds uncompressed, as many messages as memberlist keeps waiting (HandoffQueueDepth). */
export const packetLimits: PacketLimits = { maxDecompressedBytes: 64 * 1024, maxDepth: 4, maxMessages: 1024 }

export interface DecodedPacket {
  readonly messages: readonly PacketMessage[]
  /** What was left out and why, for counting and logging. */
  readonly problems: readonly string[]
}

export interface PacketMessage {
  readonly message: Message
  /** The message as it came, from its type byte on, to be sent on unchanged; a view. */
  readonly raw: Uint8Array
}

/** 0.9.4 counts the bytes of the lengths in 8 bits: a compound of 128 parts is garbage to it. */
export const maxCompoundParts = 127

const checksumBytes = 5

/** Never throws; whatever is sound in a packet is used. */
export function decodePacket(packet: Uint8Array, limits: PacketLimits = packetLimits): DecodedPacket {
  const messages: PacketMessage[] = []
  const problems: string[] = []
  let roomBytes = limits.maxDecompressedBytes

  function open(input: Uint8Array, depth: number): void {
    if (input[0] !== MessageType.compress && input[0] !== MessageType.compound) message(input)
    else if (depth === limits.maxDepth) problems.push('nested too deep')
    else if (input[0] === MessageType.compound) compound(input, depth)
    else {
      const plain = decompress(input, roomBytes)
      // A failure may have cost as much as a success, so it ends decompression for this packet.
      roomBytes = plain.ok ? roomBytes - plain.value.length : 0
      if (plain.ok) open(plain.value, depth + 1)
      else problems.push(plain.problem)
    }
  }

  function compound(input: Uint8Array, depth: number): void {
    const count = input[1] ?? 0
    let at = 2 + 2 * count
    if (input.length < Math.max(at, 2)) {
      problems.push('compound: truncated lengths')
      return
    }
    for (let part = 0; part < count; part += 1) {
      const length = (input[2 + 2 * part]! << 8) | input[3 + 2 * part]!
      if (at + length > input.length) {
        problems.push(`compound: ${count - part} truncated parts`)
        return
      }
      if (messages.length + problems.length >= limits.maxMessages) {
        problems.push('too many messages')
        return
      }
      if (length === 0) problems.push('compound: empty part')
      else open(input.subarray(at, at + length), depth + 1)
      at += length
    }
  }

  function message(raw: Uint8Array): void {
    const decoded = decodeMessage(raw)
    if (decoded.ok) messages.push({ message: decoded.value, raw })
    else problems.push(decoded.problem)
  }

  const content = openChecksum(packet)
  if (content === undefined) problems.push('wrong checksum')
  else open(content, 0)
  return { messages, problems }
}

/**
 * `parts`: encoded messages, none empty, 127 at most. `compress`: if that makes it shorter. `crc`: for receivers known
 * to understand it (PMax of 5 and more).
 */
export function encodePacket(parts: readonly Uint8Array[], options: { compress: boolean; crc: boolean }): Uint8Array {
  const plain = joinParts(parts)
  const packed = options.compress ? compress(plain) : plain
  const content = packed.length < plain.length ? packed : plain
  return options.crc ? addChecksum(content) : content
}

function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) {
    if (part.length === 0 || part.length > 0xffff) throw new RangeError(`a message of ${part.length} bytes in a packet`)
  }
  if (parts.length === 1) return parts[0]!
  if (parts.length === 0 || parts.length > maxCompoundParts)
    throw new RangeError(`${parts.length} messages in a packet`)
  let at = 2 + 2 * parts.length
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, at))
  joined[0] = MessageType.compound
  joined[1] = parts.length
  for (const [i, part] of parts.entries()) {
    joined[2 + 2 * i] = part.length >> 8
    joined[3 + 2 * i] = part.length & 0xff
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** What the checksum protects, or the packet itself where there is none; undefined where it is wrong. */
function openChecksum(packet: Uint8Array): Uint8Array | undefined {
  if (packet[0] !== MessageType.checksum || packet.length < checksumBytes) return packet
  const stated = new DataView(packet.buffer, packet.byteOffset).getUint32(1)
  const content = packet.subarray(checksumBytes)
  return stated === crc32(content) ? content : undefined
}

function addChecksum(content: Uint8Array): Uint8Array {
  const packet = new Uint8Array(checksumBytes + content.length)
  packet[0] = MessageType.checksum
  packet.set(content, checksumBytes)
  new DataView(packet.buffer).setUint32(1, crc32(content))
  return packet
}
