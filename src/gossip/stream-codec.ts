/**
 * What one direction of a TCP connection carries: one message, read as its bytes come in. Owns the layers and limits of
 * a stream; never the connection, its deadline, or who answers what.
 *
 * From outside to inside, each optional:
 *
 *   label        f4, length, label      ┐ for `sealing.ts`: opened while reading, and put around what is written here
 *   encryption   0a, length, payload    ┘ by whoever sends it
 *   compress     09, {Algo, Buf}        once; senders that compress streams do it even where that makes them longer
 *   message
 */

import { compress, decompress } from './compression.ts'
import { decodeMessage, encodeMessage, MessageType } from './memberlist-codec.ts'
import type { Ack, ErrorReply, Ping, PushPull, PushPullNode, User } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackScanner } from './msgpack-scanner.ts'
import { bool, bytes, field, int, struct, type Type, text, u16, u32 } from './msgpack-struct.ts'
import { type Dialect, MsgpackWriter } from './msgpack-writer.ts'
import { maxSealedStreamBytes, type Sealing, type StreamSide, streamSealBytes, unsealed } from './sealing.ts'

export type StreamMessage = PushPull | Ping | Ack | User | ErrorReply

export type StreamOutcome =
  /** `key`: of ours, that opened it; absent: it was not sealed. */
  | { readonly ok: true; readonly value: StreamMessage; readonly key?: Uint8Array }
  /**
   * `answer`: the layers around the message could not be opened, and the sender is told so by an `ErrorReply`.
   * `foreign`: they are not those of our cluster.
   */
  | { readonly ok: false; readonly problem: string; readonly answer: boolean; readonly foreign?: true }

export interface StreamLimits {
  /** Of the whole stream, as it comes and again once decompressed. */
  readonly maxBytes: number
  /** Of a push/pull's user state and of a user message. */
  readonly maxUserBytes: number
  readonly maxNodes: number
}

/** Those of memberlist from 0.6.0 on. */
export const streamLimits: StreamLimits = {
  maxBytes: 40 * 1024 * 1024,
  maxUserBytes: 20 * 1024 * 1024,
  maxNodes: 1_048_576,
}

export interface StreamReader {
  /** Undefined while more is needed. What comes behind the message is ignored. */
  push(chunk: Uint8Array): StreamOutcome | undefined
  /** The sender has ended: the outcome there was, or that something is missing. */
  end(): StreamOutcome
}

const pushPullHeader = struct({
  nodes: field('Nodes', int),
  userStateLen: field('UserStateLen', int),
  join: field('Join', bool),
})

const pushPullNode: Type<PushPullNode> = struct({
  name: field('Name', text),
  addr: field('Addr', bytes),
  port: field('Port', u16),
  meta: field('Meta', bytes),
  incarnation: field('Incarnation', u32),
  state: field('State', int),
  vsn: field('Vsn', bytes),
})

const userHeader = struct({ userMsgLen: field('UserMsgLen', int) })

// --- writing ---------------------------------------------------------------------------------------------------------

export function encodeStream(message: StreamMessage, options: { compress: boolean; dialect?: Dialect }): Uint8Array {
  const plain = encodePlain(message, options.dialect)
  return options.compress ? compress(plain) : plain
}

function encodePlain(message: StreamMessage, dialect: Dialect | undefined): Uint8Array {
  if (message.kind !== 'pushPull' && message.kind !== 'user') return encodeMessage(message, dialect)
  const writer = new MsgpackWriter(dialect)
  writer.byte(MessageType[message.kind])
  if (message.kind === 'user') {
    userHeader.write(writer, { userMsgLen: message.payload.length })
    writer.raw(message.payload)
  } else {
    const { join, nodes, userState } = message
    pushPullHeader.write(writer, { join, nodes: nodes.length, userStateLen: userState.length })
    for (const node of nodes) pushPullNode.write(writer, node)
    writer.raw(userState)
  }
  return writer.finish()
}

// --- reading ---------------------------------------------------------------------------------------------------------

/** `from`: who sends what is read. */
export function createStreamReader(
  limits: StreamLimits = streamLimits,
  sealing: Sealing = unsealed,
  from: StreamSide = 'opener',
): StreamReader {
  const input = new StreamInput(limits.maxBytes)
  const reading = readStream(input, limits, sealing, from)
  let outcome: StreamOutcome | undefined

  function advance(): StreamOutcome | undefined {
    try {
      const step = reading.next()
      if (step.done) outcome = { ok: true, ...step.value }
    } catch (error) {
      if (!(error instanceof StreamProblem)) throw error
      const { message: problem, answer, foreign } = error
      outcome = { ok: false, problem, answer, ...(foreign && { foreign }) }
    }
    if (outcome !== undefined) input.release()
    return outcome
  }

  return {
    push(chunk) {
      if (outcome !== undefined) return outcome
      input.append(chunk)
      return advance()
    },
    end() {
      input.ended = true
      return outcome ?? advance()!
    },
  }
}

/** Suspends wherever the next byte is missing. */
type Reading<T> = Generator<undefined, T>

type Content = Omit<Extract<StreamOutcome, { ok: true }>, 'ok'>

function* readStream(input: StreamInput, limits: StreamLimits, sealing: Sealing, from: StreamSide): Reading<Content> {
  if (from === 'opener') yield* readLabel(input, sealing)
  yield* input.need(1)
  if (input.bytes[0] !== MessageType.encrypt) {
    const problem = sealing.plainStreamProblem
    if (problem !== undefined) throw new StreamProblem(problem, { answer: true, foreign: true })
    return { value: yield* readPlain(input, limits) }
  }
  yield* input.need(streamSealBytes)
  const length = new DataView(input.bytes.buffer, input.bytes.byteOffset).getUint32(1)
  if (length > maxSealedStreamBytes || streamSealBytes + length > limits.maxBytes) {
    throw new StreamProblem(`remote node state is larger than limit (${length})`, { answer: true })
  }
  // Without keys it is refused before the rest has come.
  yield* input.need(sealing.enabled ? streamSealBytes + length : streamSealBytes)
  const opened = sealing.openStream(input.bytes.subarray(0, streamSealBytes + length))
  if (!opened.ok) throw new StreamProblem(opened.problem, { answer: true, foreign: true })
  const value = yield* readPlain(StreamInput.whole(opened.value), limits)
  return { value, ...(opened.key && { key: opened.key }) }
}

function* readLabel(input: StreamInput, sealing: Sealing): Reading<void> {
  yield* input.need(1)
  if (input.bytes[0] === MessageType.label) {
    yield* input.need(2)
    yield* input.need(2 + input.bytes[1]!)
  }
  const inside = sealing.openLabel(input.bytes.subarray(0, input.end))
  if (!inside.ok) throw new StreamProblem(inside.problem, { foreign: true })
  input.drop(input.end - inside.value.length)
}

function* readPlain(input: StreamInput, limits: StreamLimits): Reading<StreamMessage> {
  yield* input.need(1)
  if (input.bytes[0] !== MessageType.compress) return yield* readMessage(input, limits)
  yield* input.needValue(1, true)
  const plain = decompress(input.bytes.subarray(0, input.end), limits.maxBytes)
  if (!plain.ok) throw new StreamProblem(plain.problem, { answer: true })
  return yield* readMessage(StreamInput.whole(plain.value), limits)
}

function* readMessage(input: StreamInput, limits: StreamLimits): Reading<StreamMessage> {
  const type = input.bytes[0]!
  switch (type) {
    case MessageType.pushPull:
      return yield* readPushPull(input, limits)
    case MessageType.user:
      return yield* readUser(input, limits)
    case MessageType.ping:
    case MessageType.ack:
    case MessageType.error: {
      yield* input.needValue(1)
      const decoded = decodeMessage(input.bytes.subarray(0, input.end))
      if (!decoded.ok) throw new StreamProblem(decoded.problem)
      return decoded.value as Ping | Ack | ErrorReply
    }
    default:
      throw new StreamProblem(`message type ${type} is not supported on a stream`)
  }
}

function* readPushPull(input: StreamInput, limits: StreamLimits): Reading<PushPull> {
  const { value: header, end } = yield* readValue('push/pull', pushPullHeader, input, 1)
  checkCount('nodes', header.nodes, limits.maxNodes)
  checkCount('bytes of user state', header.userStateLen, limits.maxUserBytes)
  const nodes: PushPullNode[] = []
  let at = end
  for (let i = 0; i < header.nodes; i += 1) {
    const node = yield* readValue('push/pull', pushPullNode, input, at)
    nodes.push(node.value)
    at = node.end
  }
  yield* input.need(at + header.userStateLen)
  return { kind: 'pushPull', join: header.join, nodes, userState: input.copy(at, at + header.userStateLen) }
}

function* readUser(input: StreamInput, limits: StreamLimits): Reading<User> {
  const { value, end: at } = yield* readValue('user message', userHeader, input, 1)
  const { userMsgLen } = value
  checkCount('bytes of user message', userMsgLen, limits.maxUserBytes)
  yield* input.need(at + userMsgLen)
  return { kind: 'user', payload: input.copy(at, at + userMsgLen) }
}

function* readValue<T>(
  what: string,
  type: Type<T>,
  input: StreamInput,
  from: number,
): Reading<{ value: T; end: number }> {
  // Where everything is here already, as it is behind compression, reading finds the end by itself.
  if (!input.ended) yield* input.needValue(from)
  const reader = new MsgpackReader(input.bytes, from, input.end)
  const value = type.read(reader)
  if (reader.problem !== undefined) throw new StreamProblem(`${what}: ${reader.problem}`)
  return { value, end: reader.at }
}

function checkCount(what: string, count: number, max: number): void {
  if (count < 0 || count > max) throw new StreamProblem(`${count} ${what}: out of range`)
}

/** Ends a reading; never leaves this file. */
class StreamProblem extends Error {
  readonly answer: boolean
  readonly foreign: boolean
  constructor(message: string, { answer = false, foreign = false } = {}) {
    super(message)
    this.answer = answer
    this.foreign = foreign
  }
}

/** The bytes that came so far. Room grows with what came, never with what was announced. */
class StreamInput {
  bytes = new Uint8Array(0)
  end = 0
  ended = false
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  static whole(bytes: Uint8Array): StreamInput {
    const input = new StreamInput(bytes.length)
    input.append(bytes)
    input.ended = true
    return input
  }

  append(chunk: Uint8Array): void {
    const needed = this.end + chunk.length
    if (this.end === 0) {
      this.bytes = chunk as Uint8Array<ArrayBuffer>
    } else {
      // The first chunk is the sender's: it is full, so what follows always goes to room of our own.
      if (needed > this.bytes.length) {
        const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
        grown.set(this.bytes.subarray(0, this.end))
        this.bytes = grown
      }
      this.bytes.set(chunk, this.end)
    }
    this.end = needed
  }

  release(): void {
    this.bytes = new Uint8Array(0)
    this.end = 0
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.bytes = this.bytes.subarray(count)
    this.end -= count
  }

  copy(from: number, to: number): Uint8Array {
    return new Uint8Array(this.bytes.subarray(from, to))
  }

  /** Returns once the first `count` bytes of the stream are here. */
  *need(count: number): Reading<void> {
    while (this.end < count) yield* this.#more(count)
  }

  /** Returns the end of the MessagePack value at `from` once all of it is here. `layer`: see `answer` above. */
  *needValue(from: number, layer = false): Reading<number> {
    const scanner = new MsgpackScanner(from)
    for (;;) {
      const found = scanner.advance(this.bytes, this.end)
      if (found === 'complete') return scanner.at
      if (found === 'invalid') throw new StreamProblem('not MessagePack', { answer: layer })
      yield* this.#more(scanner.needed)
    }
  }

  *#more(needed: number): Reading<void> {
    if (this.ended) throw new StreamProblem('truncated')
    if (needed > this.#maxBytes) throw new StreamProblem(`stream of more than ${this.#maxBytes} bytes`)
    yield
  }
}
