/** What was recorded of real members, taken apart: sound inputs of the codecs of gossip. */

import { decodePacket } from '../../src/gossip/packet.ts'
import { decodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { createStreamReader, type StreamLimits, type StreamMessage } from '../../src/gossip/stream-codec.ts'
import { fromHex, golden, plainVectors } from '../gossip/golden.ts'

/** Small, so that what reaches them is reached. */
const streamLimits: StreamLimits = { maxBytes: 8192, maxUserBytes: 2048, maxNodes: 64 }

export const packets = recorded('udp')
export const streams = recorded('tcp')
const found = packets.flatMap((packet) => decodePacket(packet).messages)
export const messages = found.map(({ raw }) => raw)
const exchanged = streams.flatMap((bytes) => {
  const outcome = readStream([bytes])
  return outcome?.kind === 'pushPull' ? [outcome] : []
})
const told = found.flatMap(({ message }) => (message.kind === 'user' ? [message.payload] : []))
export const serfMessages = [...told, ...exchanged.map(({ userState }) => userState)]
export const tags = exchanged.flatMap(({ nodes }) => nodes.map(({ meta }) => meta))
export const coordinates = found.flatMap(({ message }) =>
  message.kind === 'ack' && message.payload?.length ? [message.payload] : [],
)

const asked = told.flatMap((payload) => {
  const message = decodeSerfMessage(payload)
  return message.ok ? [message.value] : []
})
export const filters = asked.flatMap((message) => (message.kind === 'query' ? [...message.filters] : []))
/** Of queries, and of the answers to them. */
export const queryPayloads = asked.flatMap((message) =>
  (message.kind === 'query' || message.kind === 'queryResponse') && message.payload ? [message.payload] : [],
)

export function readStream(chunks: readonly Uint8Array[]): StreamMessage | undefined {
  const reader = createStreamReader(streamLimits)
  for (const chunk of chunks) reader.push(chunk)
  const outcome = reader.end()
  return outcome.ok ? outcome.value : undefined
}

function recorded(transport: 'udp' | 'tcp'): Uint8Array[] {
  return [...plainVectors(transport), ...golden('robustness').cases]
    .filter((vector) => vector.hex && vector.transport === transport)
    .map(({ hex }) => fromHex(hex))
}
