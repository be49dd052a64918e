/**
 * The only door to the world. Everything above it (cores, charts, actors, node) gets one `Env` and touches the clock,
 * chance, disk and network through nothing else; production passes the real one, the simulator a seeded one.
 *
 * This file holds types and two error classes, so that anybody may import it without importing the world.
 */

import type { DescMethod } from '@bufbuild/protobuf'
import type { Aead } from '../aead.ts'
import type { GrpcCode, ReeveError } from '../errors.ts'

export interface Env {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly datagrams: Datagrams
  readonly streams: Streams
  readonly rpc: Rpc
  readonly aead: Aead
}

// --- time and chance -------------------------------------------------------------------------------------------------

/** Also a valid XState clock. */
export interface Clock {
  /** Wall clock in ms since 1970; may jump either way. For timestamps only. */
  now(): number
  /** Monotonic ms, with fractions; the base of every duration and deadline. */
  monotonicMs(): number
  setTimeout(callback: () => void, delayMs: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** What `setTimeout` gave; opaque. */
export type Timer = object | number

export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number
  bytes(count: number): Uint8Array
}

// --- disk ------------------------------------------------------------------------------------------------------------

/**
 * Files by absolute path. Calls are synchronous where the page cache answers in microseconds; only what waits for the
 * device is a promise. Every failure is a `DiskError`.
 */
export interface Disk {
  /** `read`: must exist. `write`: readable too, created when missing. */
  open(path: string, mode: 'read' | 'write'): DiskFile
  readFile(path: string): Uint8Array
  /** Replaces the whole file so that a crash leaves the old or the new content: temporary file, fsync, rename, fsync of the folder. */
  replaceFile(path: string, content: Uint8Array, options?: { mode?: number }): Promise<void>
  /** Sorted by name; empty where the folder is missing. */
  list(path: string): DiskEntry[]
  stat(path: string): DiskStat | undefined
  /** Of the file system that the folder is on; undefined: the system does not say, or says that there is no end to it. */
  space(path: string): Promise<DiskSpace | undefined>
  /** Recursive, like `mkdir -p`. */
  makeFolder(path: string): void
  /** Makes creations, renames and removals in this folder durable. */
  syncFolder(path: string): Promise<void>
  removeFile(path: string): void
  rename(from: string, to: string): void
  /** Takes the folder for this process, or fails with code `EBUSY`; a crash of the holder frees it. */
  lockFolder(path: string, holder: string): Promise<DiskLock>
}

export interface DiskFile {
  readonly path: string
  size(): number
  /** Reads into `target`; returns the bytes read, fewer only at the end of the file. */
  read(target: Uint8Array, position: number): number
  /** The last read waited for the device: what lies behind it is better fetched first. */
  readonly cold: boolean
  /** Has the system read these bytes, so that `read` finds them in its memory; never fails, for that is for `read` to tell. */
  fetch(position: number, bytes: number): Promise<void>
  write(source: Uint8Array, position: number): void
  truncate(bytes: number): void
  /** fdatasync: resolves once content and size are durable. A rejection must never be retried as success. */
  sync(): Promise<void>
  close(): void
}

export interface DiskEntry {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'other'
}

export interface DiskStat {
  readonly bytes: number
  readonly modifiedMs: number
  /** Who may read and write, as in `chmod`; absent where the system knows no such thing. */
  readonly mode?: number
  readonly kind: 'file' | 'folder' | 'other'
}

export interface DiskSpace {
  readonly totalBytes: number
  /** What this process may still fill. */
  readonly freeBytes: number
}

export interface DiskLock {
  release(): void
}

/** `code` is an errno name such as ENOENT, ENOSPC, EIO, EROFS, EACCES, EBUSY. */
export class DiskError extends Error {
  readonly code: string
  readonly path: string
  constructor(code: string, path: string, message?: string, options?: ErrorOptions) {
    super(message ?? `${code}: ${path}`, options)
    this.name = 'DiskError'
    this.code = code
    this.path = path
  }
}

// --- network: packets and byte streams (gossip) ----------------------------------------------------------------------

/** `host` is an IP address in text once bound or received from; a name is allowed only where something is connected to. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface Datagrams {
  /** Port 0: the system picks. Rejects with `NetworkError`. */
  bind(at: Address, receive: (packet: Uint8Array, from: Address) => void): Promise<DatagramSocket>
}

export interface DatagramSocket {
  readonly address: Address
  /** `failed` is called at most once, later, when the packet could not be handed to the network. Never throws. */
  send(packet: Uint8Array, to: Address, failed?: (error: NetworkError) => void): void
  close(): void
}

export interface Streams {
  listen(at: Address, accept: (stream: ByteStream) => void): Promise<StreamListener>
  /** Rejects with `NetworkError`; with ECONNABORTED, leaving nothing behind, once the signal is aborted. */
  connect(to: Address, timeoutMs: number, signal?: AbortSignal): Promise<ByteStream>
  /** All addresses of a host name, in the resolver's order; an IP address gives itself. */
  resolve(host: string): Promise<string[]>
  /** This machine's own addresses, best to advertise first (private before public before loopback). */
  ownAddresses(): string[]
}

export interface StreamListener {
  readonly address: Address
  /** Stops accepting and destroys every stream it accepted that is still open. */
  close(): void
}

export interface ByteStream {
  readonly remote: Address
  /** Set once, right after the stream was obtained; bytes that came before are delivered then. */
  receive(listener: ByteStreamListener): void
  /** False: more is queued than the other side takes at present; `drained` tells when there is room again. */
  write(bytes: Uint8Array): boolean
  /** Sends what is queued, then half-closes. */
  end(): void
  destroy(): void
}

export interface ByteStreamListener {
  data(bytes: Uint8Array): void
  /** The other side half-closed. */
  ended(): void
  /** What was queued has been sent. */
  drained?(): void
  /** Exactly once, last. */
  closed(error: NetworkError | undefined): void
}

/** `code` is an errno name such as EADDRINUSE, EACCES, ECONNREFUSED, ETIMEDOUT, ENOTFOUND. */
export class NetworkError extends Error {
  readonly code: string
  constructor(code: string, message?: string, options?: ErrorOptions) {
    super(message ?? code, options)
    this.name = 'NetworkError'
    this.code = code
  }
}

// --- network: calls --------------------------------------------------------------------------------------------------

/**
 * Calls as messages of bytes, after gRPC's model: a path, metadata, messages either way, one final status. The real
 * one speaks gRPC, gRPC-Web and Connect; the simulated one passes the same bytes through its network.
 */
export interface Rpc {
  serve(options: RpcServeOptions): Promise<RpcServer>
  /** Connects lazily and reconnects by itself; a call on an unreachable peer ends with `UNAVAILABLE`. */
  dial(options: RpcDialOptions): RpcChannel
  /** When the material's certificate ends, ms since 1970; undefined: it has none. Absent: certificates are not looked into. */
  certificateEndMs?(tls: TlsMaterial): number | undefined
}

export interface RpcServeOptions {
  readonly at: Address
  /** A plain HTTP/1.1 listener for browsers (Connect and gRPC-Web); none when absent. */
  readonly httpAt?: Address
  readonly tls?: TlsMaterial
  readonly routes: readonly RpcRoute[]
  /** What the HTTP/1.1 listener answers beside the calls. */
  readonly web?: WebHandler
  /** Largest message accepted, in bytes. */
  readonly maxMessageBytes: number
  /** Told of what a call did not see: handshake failures, malformed frames. */
  readonly report?: (event: RpcServerEvent) => void
}

export interface RpcServerEvent {
  readonly kind: 'tlsRejected' | 'protocolError' | 'handlerCrashed'
  readonly from?: string
  readonly message: string
}

/** One method. `hot` ones are answered by the framing of `src/env/rpc` when they come as gRPC. */
export interface RpcRoute {
  readonly method: DescMethod
  readonly hot: boolean
  readonly handle: RpcHandler
  /**
   * Told of the end of each call, once: its status, and how long it took. Who went away first is `CANCELLED`. Must not
   * throw; costs a call nothing where it is absent.
   */
  readonly ended?: (status: GrpcCode, tookMs: number) => void
}

/** Called once a call; returns what listens to it. A throw ends the call with `INTERNAL`. */
export type RpcHandler = (call: ServerCall) => CallListener

export interface ServerCall {
  /** `/reeve.v1.LogService/Produce` */
  readonly path: string
  /** Lower-case keys; the last value of a repeated key. */
  readonly metadata: ReadonlyMap<string, string>
  readonly caller: Caller
  /** Milliseconds left until the caller's deadline; undefined: none. */
  remainingMs(): number | undefined
  /** Queues a message. False: more than a window is queued; wait for `drained`. Ignored after the end. */
  send(message: Uint8Array): boolean
  /** The same for many messages at once, as they lie on a gRPC stream (see `src/framed.ts`): small ones cost little so. */
  sendFramed(messages: Uint8Array): boolean
  /** Ends the call, once; what is queued is sent first. Without an error the status is OK. */
  finish(error?: ReeveError): void
  /** Stop and go on delivering messages; what a paused call may still buffer is bounded by its window. */
  pause(): void
  resume(): void
}

export interface CallListener {
  message(bytes: Uint8Array): void
  /** The caller half-closed: no more messages. */
  ended?(): void
  drained?(): void
  /** The caller went away, its deadline passed or the server closed; nothing can be sent any more. At most once, never after `finish`. */
  cancelled?(): void
}

/**
 * Answers a plain HTTP request, never throws; undefined: the path is none of its own. What a request carries behind its
 * head is not read.
 */
export type WebHandler = (request: WebRequest) => WebAnswer | undefined

export interface WebRequest {
  readonly method: string
  /** As sent, without the query: `/inspector/events`. */
  readonly path: string
  readonly query: ReadonlyMap<string, string>
  /** Lower-case keys. */
  readonly headers: ReadonlyMap<string, string>
  readonly remote: Address
}

export interface WebAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** What is there at once, what will soon be (else the answer is 500), or a stream: called once the head is sent. */
  readonly body?: string | Uint8Array | Promise<string> | ((output: WebOutput) => WebOutputListener)
}

export interface WebOutput {
  /** False: more than a little is queued; wait for `drained`. Ignored after the end. */
  write(text: string): boolean
  end(): void
}

export interface WebOutputListener {
  drained(): void
  /** Nothing can be written any more: the caller went away, the server stops, or `end` was called. Once. */
  closed(): void
}

/** A call under way, to whoever only watches. */
export interface OpenCall {
  /** `/package.Service/Method` */
  readonly path: string
  readonly caller: Caller
  /** By the monotonic clock. */
  readonly beganMs: number
}

/** Who calls: nothing here was decided by us yet (see `src/server/identity.ts`). */
export interface Caller {
  readonly remote: Address
  /** Present when the caller proved it by mutual TLS. */
  readonly certificate?: CallerCertificate
}

export interface CallerCertificate {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly commonName?: string
}

export interface RpcServer {
  readonly address: Address
  readonly httpAddress?: Address
  /** New handshakes use it; connections that exist stay. Throws on unusable material and keeps the old. */
  replaceTls(tls: TlsMaterial): void
  /** No new calls (GOAWAY), running ones may end within `graceMs`, then everything is cut, calls with `UNAVAILABLE`. */
  drain(graceMs: number): Promise<void>
  close(): Promise<void>
  /** Those under way, as they are now. */
  readonly calls: ReadonlySet<OpenCall>
}

export interface RpcDialOptions {
  readonly to: Address
  /** Absent: plain text. */
  readonly tls?: TlsMaterial
  /** The name the server's certificate must carry; default: the host. */
  readonly serverName?: string
  readonly maxMessageBytes?: number
  /** Between nodes: for a few long streams of which every record waits, with less work a message. */
  readonly lean?: boolean
}

/** PEM. `ca` verifies the other side; without `cert` and `key` a client stays anonymous. */
export interface TlsMaterial {
  readonly ca?: Uint8Array
  readonly cert?: Uint8Array
  readonly key?: Uint8Array
}

export interface RpcChannel {
  /** `path` as in `ServerCall`. Unary and streaming alike: send one message and `end`, or many. */
  call(path: string, options: RpcCallOptions, listener: ClientCallListener): ClientCall
  close(): void
}

export interface RpcCallOptions {
  readonly metadata?: ReadonlyMap<string, string>
  readonly timeoutMs?: number
}

export interface ClientCall {
  /** False: wait for `drained`. Ignored after the end. */
  send(message: Uint8Array): boolean
  /** Half-close. */
  end(): void
  cancel(): void
  pause(): void
  resume(): void
}

export interface ClientCallListener {
  message(bytes: Uint8Array): void
  drained?(): void
  /** Exactly once, last; undefined: status OK. Also after `cancel`. */
  closed(error: ReeveError | undefined): void
}
