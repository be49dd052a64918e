/** The recordings in test/vectors/serf, and what they say in terms of our own messages. */

import { readFileSync } from 'node:fs'
import type { Message, PushPull, SerfMessage, SerfPushPull } from '../../src/gossip/messages.ts'
import { type Dialect, gossipDialect, newerGossipDialect } from '../../src/gossip/msgpack-writer.ts'
import type { StreamMessage } from '../../src/gossip/stream-codec.ts'

// biome-ignore lint/suspicious/noExplicitAny: the shape of recorded JSON follows the recorded messages
export type Json = any

export interface Vector {
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  readonly source: string
  readonly hex: string
  readonly decoded: Json
}

export function golden(file: string): Json {
  return JSON.parse(readFileSync(new URL(`../vectors/serf/${file}.json`, import.meta.url), 'utf8'))
}

/** Recorded packets or streams; of encrypted ones what is inside the encryption. */
export function plainVectors(transport: 'udp' | 'tcp'): Vector[] {
  return ['udp-plain', 'newer-codec', 'udp-encrypted', 'tcp-streams']
    .flatMap((file): Vector[] => golden(file).vectors)
    .filter((vector) => vector.transport === transport)
    .map((vector) => ({ ...vector, hex: vector.decoded.plain?.$hex ?? vector.hex }))
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** How the sender of a vector writes signed integers. */
export function dialectOf(vector: Vector): Dialect {
  return vector.source.startsWith('serf 0.10') ? newerGossipDialect : gossipDialect
}

/** The messages of a decoded packet, without the layers around them. */
export function leaves(node: Json): Json[] {
  if (node.parts !== undefined) return node.parts.flatMap(leaves)
  return node.inner !== undefined && node.type !== 8 ? leaves(node.inner) : [node]
}

/** Whether any layer of a decoded packet is compressed. */
export function isCompressed(node: Json): boolean {
  return node.type === 9 || (node.inner !== undefined && isCompressed(node.inner))
}

const bytes = (node: Json): Uint8Array => (node == null ? new Uint8Array(0) : fromHex(node.$hex))

/** Undefined for user messages, whose payload `serfMessage` describes. */
export function memberlistMessage({ type, body }: Json): Message | undefined {
  const source = () => ({
    sourceAddr: bytes(body.SourceAddr),
    sourcePort: body.SourcePort ?? 0,
    sourceNode: body.SourceNode ?? '',
  })
  switch (type) {
    case 0:
      return { kind: 'ping', seqNo: body.SeqNo, node: body.Node, ...source() }
    case 1:
      return {
        kind: 'indirectPing',
        seqNo: body.SeqNo,
        target: bytes(body.Target),
        port: body.Port,
        node: body.Node,
        nack: body.Nack,
        ...source(),
      }
    case 2:
      return { kind: 'ack', seqNo: body.SeqNo, payload: body.Payload === null ? null : bytes(body.Payload) }
    case 3:
      return { kind: 'suspect', incarnation: body.Incarnation, node: body.Node, from: body.From }
    case 4:
      return {
        kind: 'alive',
        incarnation: body.Incarnation,
        node: body.Node,
        addr: bytes(body.Addr),
        port: body.Port,
        meta: bytes(body.Meta),
        vsn: bytes(body.Vsn),
      }
    case 5:
      return { kind: 'dead', incarnation: body.Incarnation, node: body.Node, from: body.From }
    case 8:
      return undefined
    case 11:
      return { kind: 'nack', seqNo: body.SeqNo }
    case 13:
      return { kind: 'error', text: body.Error }
    default:
      throw new Error(`no message of type ${type} in the recordings`)
  }
}

export function streamMessage(message: Json, userState: Uint8Array): StreamMessage {
  if (message.type !== 6) return memberlistMessage(message) as StreamMessage
  const nodes: PushPull['nodes'] = message.nodes.map((node: Json) => ({
    name: node.Name,
    addr: bytes(node.Addr),
    port: node.Port,
    meta: bytes(node.Meta),
    incarnation: node.Incarnation,
    state: node.State,
    vsn: bytes(node.Vsn),
  }))
  return { kind: 'pushPull', join: message.header.Join, nodes, userState }
}

/** `inner` is what the recording does not repeat in one piece: the bytes of a relayed message. */
export function serfMessage(serf: Json, inner = new Uint8Array(0)): SerfMessage {
  const { body } = serf
  switch (serf.serfType) {
    case 0:
      return { kind: 'leaveIntent', lTime: BigInt(body.LTime), node: body.Node, prune: body.Prune }
    case 1:
      return { kind: 'joinIntent', lTime: BigInt(body.LTime), node: body.Node }
    case 2:
      return serfPushPull(body)
    case 3:
      return {
        kind: 'userEvent',
        lTime: BigInt(body.LTime),
        name: body.Name,
        payload: bytes(body.Payload),
        coalesce: body.CC,
      }
    case 4:
      return {
        kind: 'query',
        lTime: BigInt(body.LTime),
        id: body.ID,
        addr: bytes(body.Addr),
        port: body.Port,
        sourceNode: body.SourceNode,
        filters: (body.Filters ?? []).map(bytes),
        flags: body.Flags,
        relayFactor: body.RelayFactor,
        timeoutNs: BigInt(body.Timeout),
        name: body.Name,
        payload: bytes(body.Payload),
      }
    case 5:
      return {
        kind: 'queryResponse',
        lTime: BigInt(body.LTime),
        id: body.ID,
        from: body.From,
        flags: body.Flags,
        payload: bytes(body.Payload),
      }
    case 9:
      return {
        kind: 'relay',
        destAddr: bytes(serf.header.DestAddr.IP),
        destPort: serf.header.DestAddr.Port,
        destName: serf.header.DestName,
        inner,
      }
    default:
      throw new Error(`no Serf message of type ${serf.serfType} in the recordings`)
  }
}

/** The slots that are filled, each with its place in the ring. */
export function eventSlots(body: Json): { place: number; slot: SerfPushPull['events'][number] }[] {
  return Object.entries<Json>(body.Events.nonNil).map(([place, slot]) => ({
    place: Number(place),
    slot: {
      lTime: BigInt(slot.LTime),
      events: slot.Events.map((event: Json) => ({ name: event.Name, payload: bytes(event.Payload) })),
    },
  }))
}

function serfPushPull(body: Json): SerfPushPull {
  return {
    kind: 'serfPushPull',
    lTime: BigInt(body.LTime),
    statusLTimes: new Map(Object.entries<number>(body.StatusLTimes).map(([name, time]) => [name, BigInt(time)])),
    leftMembers: body.LeftMembers ?? [],
    eventLTime: BigInt(body.EventLTime),
    events: eventSlots(body).map(({ slot }) => slot),
    queryLTime: BigInt(body.QueryLTime),
  }
}
