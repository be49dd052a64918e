/**
 * Asks the other nodes for their records, for as long as it runs, and gives them to the hub; tells the hub what became of
 * it. What a peer sends is checked, and believed only about itself.
 */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Peer } from '../../machines/messages.ts'
import { parseAddress } from '../address.ts'
import { backoffMs } from '../backoff.ts'
import type { Clock, Random, Rpc, RpcChannel, Timer, TlsMaterial } from '../env/env.ts'
import { GrpcCode, ReeveError, toReeveError } from '../errors.ts'
import { InspectorService, WatchRequestSchema, WatchResponseSchema } from '../gen/reeve/v1/inspector_pb.ts'
import { epochToBytes } from '../log/log-id.ts'
import type { Hub } from './hub.ts'
import type { RelayRecord, TraceRecord } from './record.ts'
import { parseRecord } from './record-shape.ts'
import { redactText } from './redact.ts'

export interface RelayOptions {
  readonly hub: Pick<Hub, 'add' | 'reached'>
  /** This node. */
  readonly node: string
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly rpc: Pick<Rpc, 'dial'>
  readonly tls: () => TlsMaterial | undefined
  /** Nodes of this cluster that gossip believes alive. */
  readonly peers: () => readonly Peer[]
  /** Records of before that are wanted of each. */
  readonly history: number
}

const watchPath = `/${InspectorService.typeName}/${InspectorService.method.watch.name}`
const lookEveryMs = 1000
const retryMs = 500
const retryMaxMs = 10_000
/** Of the others it is said that they are too many. */
const peersMax = 100
/** A snapshot is one record, and has to fit in. */
const messageMaxBytes = 8 * 1024 ** 2

export class Relay {
  readonly #options: RelayOptions
  readonly #peers = new Map<string, PeerWatch>()
  readonly #left = new Set<string>()
  #timer: Timer | undefined

  constructor(options: RelayOptions) {
    this.#options = options
    this.#look()
  }

  close(): void {
    this.#options.clock.clearTimeout(this.#timer)
    for (const watch of this.#peers.values()) watch.close()
    this.#peers.clear()
  }

  #look(): void {
    const wanted = this.#options.peers()
    for (const [name, watch] of this.#peers) {
      if (wanted.some((peer) => peer.name === name && peer.address === watch.peer.address)) continue
      watch.close()
      this.#peers.delete(name)
      if (!wanted.some((peer) => peer.name === name)) watch.tell('gone')
    }
    for (const peer of wanted) {
      if (this.#peers.has(peer.name)) continue
      const watch = new PeerWatch(this.#options, peer)
      if (this.#peers.size < peersMax) {
        this.#peers.set(peer.name, watch)
        watch.open()
      } else if (!this.#left.has(peer.name)) {
        this.#left.add(peer.name)
        watch.tell('away', new ReeveError('OVERLOADED', `no more than ${peersMax} nodes are asked`))
      }
    }
    this.#timer = this.#options.clock.setTimeout(() => this.#look(), lookEveryMs)
  }
}

class PeerWatch {
  readonly peer: Peer
  readonly #options: RelayOptions
  #channel: RpcChannel | undefined
  #timer: Timer | undefined
  #attempts = 0
  #closed = false
  #told = ''

  constructor(options: RelayOptions, peer: Peer) {
    this.#options = options
    this.peer = peer
  }

  open(): void {
    const { rpc, tls, hub, history } = this.#options
    if (this.#told === '') this.tell('asking')
    const to = parseAddress(this.peer.address)
    if (!to) {
      this.tell('away', new ReeveError('PEER_MISMATCH', `${this.peer.name} announces no usable address`))
      return
    }
    let channel: RpcChannel
    try {
      const material = tls()
      const secure = material && { tls: material, serverName: this.peer.name }
      channel = rpc.dial({ to, maxMessageBytes: messageMaxBytes, ...secure })
    } catch (error) {
      this.#over(toReeveError(error))
      return
    }
    this.#channel = channel
    // What an earlier attempt still tells is of no interest.
    const call = channel.call(
      watchPath,
      {},
      {
        message: (bytes) => this.#channel === channel && this.#message(bytes),
        closed: (error) => this.#channel === channel && this.#over(error),
      },
    )
    const reached = hub.reached(this.peer.name)
    const from = reached && { epoch: epochToBytes(reached.epoch), sequence: BigInt(reached.sequence) }
    call.send(toBinary(WatchRequestSchema, create(WatchRequestSchema, { history, ...from })))
    call.end()
  }

  close(): void {
    this.#closed = true
    this.#options.clock.clearTimeout(this.#timer)
    this.#channel?.close()
  }

  tell(state: RelayRecord['state'], error?: ReeveError): void {
    const said = `${state} ${error?.message ?? ''}`
    if (said === this.#told) return
    this.#told = said
    const { node: by, clock, hub } = this.#options
    const reason = error && { reason: { code: error.code, message: redactText(error.message) } }
    hub.add([{ kind: 'relay', by, node: this.peer.name, atMs: clock.now(), state, ...reason }])
  }

  #message(bytes: Uint8Array): void {
    try {
      const records = fromBinary(WatchResponseSchema, bytes).records.map((text) => this.#checked(text))
      this.#attempts = 0
      this.tell('open')
      this.#options.hub.add(records)
    } catch (error) {
      this.#over(new ReeveError('PEER_MISMATCH', `${this.peer.name} sends no records: ${toReeveError(error).message}`))
    }
  }

  #checked(text: string): TraceRecord {
    const record = parseRecord(text)
    if (!record.ok) throw new ReeveError('PEER_MISMATCH', record.problem)
    if (record.value.kind === 'relay' || record.value.node !== this.peer.name) {
      throw new ReeveError('PEER_MISMATCH', 'a record that is not its own')
    }
    return record.value
  }

  #over(error: ReeveError | undefined): void {
    const channel = this.#channel
    this.#channel = undefined
    channel?.close()
    if (this.#closed) return
    const unsupported = error?.grpc === GrpcCode.UNIMPLEMENTED
    const refused = error?.grpc === GrpcCode.PERMISSION_DENIED || error?.grpc === GrpcCode.UNAUTHENTICATED
    this.tell(unsupported ? 'unsupported' : refused ? 'refused' : 'away', error)
    this.#attempts++
    const { clock, random } = this.#options
    const settled = unsupported || refused
    const delayMs = backoffMs(this.#attempts, settled ? retryMaxMs : retryMs, retryMaxMs, random.fraction())
    this.#timer = clock.setTimeout(() => this.open(), delayMs)
  }
}
