/** The messages of `ReplicationService.Pull` as bytes, and log ids as they stand in them. */

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import type { LogId as LogIdMessage } from '../gen/reeve/v1/record_pb.ts'
import {
  type GroupDigest as GroupDigestMessage,
  type HeldGroup,
  type HeldRun,
  type PullRequest,
  PullRequestSchema,
  type PullResponse,
  PullResponseSchema,
  ReplicationService,
} from '../gen/reeve/v1/replication_service_pb.ts'
import { frameBodyMaxBytes } from '../log/frame.ts'
import { epochFromBytes, epochToBytes, type LogId, parseNodeName, parseStoredTopicName } from '../log/log-id.ts'
import type { Holding } from './directory.ts'
import type { GroupDigest } from './summary.ts'

export const pullPath = `/${ReplicationService.typeName}/${ReplicationService.method.pull.name}`

/** Of what a source sends: one frame as large as the format knows (its limits are not ours), or a list of holdings. */
export const pullMessageMaxBytes = frameBodyMaxBytes + 1024 * 1024

/** Logs a replica may want at once on a stream. */
export const wantsMax = 65_536

/** Raised when two nodes can no longer understand each other; they refuse each other then. */
export const pullVersion = 2

type Kind<T> = Extract<
  MessageInitShape<T extends PullRequest ? typeof PullRequestSchema : typeof PullResponseSchema>,
  { kind?: unknown }
>['kind']

export function encodePullRequest(kind: NonNullable<Kind<PullRequest>>): Uint8Array {
  return toBinary(PullRequestSchema, create(PullRequestSchema, { kind }))
}

export function encodePullResponse(kind: NonNullable<Kind<PullResponse>>): Uint8Array {
  return toBinary(PullResponseSchema, create(PullResponseSchema, { kind }))
}

export function decodePullRequest(bytes: Uint8Array): PullRequest['kind'] {
  return parse(() => fromBinary(PullRequestSchema, bytes).kind)
}

export function decodePullResponse(bytes: Uint8Array): PullResponse['kind'] {
  return parse(() => fromBinary(PullResponseSchema, bytes).kind)
}

function parse<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ReeveError('REQUEST_MALFORMED', 'not a message of the pull stream', { cause })
  }
}

export function logIdToMessage(id: LogId): { topic: string; origin: string; epoch: Uint8Array } {
  return { topic: id.topic, origin: id.origin, epoch: epochToBytes(id.epoch) }
}

/** Refuses ids that could not be ours: they become folder names. */
export function logIdFromMessage(message: LogIdMessage | undefined): LogId {
  return logIdFrom(message?.topic ?? '', message?.origin ?? '', message?.epoch ?? new Uint8Array())
}

function logIdFrom(topicText: string, originText: string, epochBytes: Uint8Array): LogId {
  const topic = parseStoredTopicName(topicText)
  const origin = parseNodeName(originText)
  const epoch = epochFromBytes(epochBytes)
  if (!topic.ok || !origin.ok || !epoch.ok) throw new ReeveError('REQUEST_MALFORMED', 'not the id of a log')
  return { topic: topic.value, origin: origin.value, epoch: epoch.value }
}

type HeldRunInit = { epoch: Uint8Array; start: bigint; end: bigint }

function runToMessage({ id, start, end }: Holding): HeldRunInit {
  return { epoch: epochToBytes(id.epoch), start: BigInt(start), end: BigInt(end) }
}

/** By topic and origin, in the order in which they come. */
export function holdingsToMessage(
  holdings: readonly Holding[],
): { topic: string; origin: string; runs: HeldRunInit[] }[] {
  const groups = new Map<string, { topic: string; origin: string; runs: HeldRunInit[] }>()
  for (const holding of holdings) {
    const { topic, origin } = holding.id
    const group = groups.get(`${topic}/${origin}`) ?? { topic, origin, runs: [] }
    groups.set(`${topic}/${origin}`, group)
    group.runs.push(runToMessage(holding))
  }
  return [...groups.values()]
}

export function holdingsFromMessage({ topic, origin, runs }: HeldGroup): Holding[] {
  return runs.map((run) => holdingFrom(topic, origin, run))
}

export function digestToMessage({ latest, older }: GroupDigest) {
  const { topic, origin } = latest.id
  return { topic, origin, latest: runToMessage(latest), older }
}

export function digestFromMessage({ topic, origin, latest, older }: GroupDigestMessage): GroupDigest {
  if (!latest) throw new ReeveError('REQUEST_MALFORMED', 'a group of no logs')
  return { latest: holdingFrom(topic, origin, latest), older }
}

function holdingFrom(topic: string, origin: string, { epoch, start, end }: HeldRun): Holding {
  return { id: logIdFrom(topic, origin, epoch), start: offsetFrom(start), end: offsetFrom(end) }
}

/** Offsets fit a safe integer: at a million records a second that lasts 285 years. */
export function offsetFrom(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ReeveError('REQUEST_MALFORMED', 'an offset beyond 2^53')
  return Number(value)
}
