/**
 * Where a reader of a topic stands: an offset in each log, and declarations that stand for many of them. This is what is
 * in a cursor. It comes back from outside: it is bounded and checked here, and then only ever says where to go on. Pure.
 */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { type CursorState, CursorStateSchema, type Position as PositionMessage } from '../gen/reeve/v1/record_pb.ts'
import { epochFromBytes, epochToBytes, type LogId, logKey, parseNodeName } from '../log/log-id.ts'

/** Of a cursor without folds, which nodes of the first version understand, and of one with folds. */
export const plainVersion = 1
export const foldedVersion = 2

/** Positions and folds of one cursor. A position takes about 40 bytes. */
export const placesMax = 20_000

export interface Position {
  readonly id: LogId
  /** The next offset to read. */
  readonly offset: number
}

/** Names a declaration: the `number`th that this run of `origin` made. */
export interface Fold {
  readonly origin: string
  readonly epoch: string
  readonly number: number
}

/** Of a log that is named both by a position and under a fold the further one counts. */
export interface Place {
  /** By log key. */
  readonly positions: ReadonlyMap<string, Position>
  readonly folds: readonly Fold[]
}

export const nowhere: Place = { positions: new Map(), folds: [] }

/** Throws `CURSOR_INVALID` for everything but a state of this topic. */
export function placeFromState(state: CursorState, topic: string, most = placesMax): Place {
  if (state.version !== plainVersion && state.version !== foldedVersion) {
    throw cursorInvalid(`its version is ${state.version}, not ${plainVersion} or ${foldedVersion}`)
  }
  if (state.topic !== topic) throw cursorInvalid(`it belongs to another topic than ${topic}`)
  if (state.version === plainVersion && state.folded.length > 0) throw cursorInvalid('its version knows no folds')
  if (state.positions.length + state.folded.length > most) throw cursorInvalid(`it has more than ${most} positions`)
  const positions = positionsFrom(state.positions, topic, most)
  const folds = new Map<string, Fold>()
  for (const { origin, epoch, number } of state.folded) {
    const name = parseNodeName(origin)
    const run = epochFromBytes(epoch)
    if (!name.ok || !run.ok || number === 0n || number > safeMax) throw cursorInvalid('a fold names no declaration')
    const fold = { origin: name.value, epoch: run.value, number: Number(number) }
    if (folds.has(foldKey(fold))) throw cursorInvalid('one fold twice')
    folds.set(foldKey(fold), fold)
  }
  return { positions, folds: [...folds.values()] }
}

/** Throws `CURSOR_INVALID`. */
export function positionsFrom(
  messages: readonly PositionMessage[],
  topic: string,
  most = placesMax,
): Map<string, Position> {
  if (messages.length > most) throw cursorInvalid(`it has more than ${most} positions`)
  const positions = new Map<string, Position>()
  // Many positions have one origin: its name is judged once.
  let name = parseNodeName('')
  let judged = ''
  for (const { origin, epoch, offset } of messages) {
    if (origin !== judged) {
      name = parseNodeName(origin)
      judged = origin
    }
    const run = epochFromBytes(epoch)
    if (!name.ok || !run.ok) throw cursorInvalid('a position names no log')
    if (offset > safeMax) throw cursorInvalid('an offset is out of range')
    const id = { topic, origin: name.value, epoch: run.value }
    const key = logKey(id)
    if (positions.has(key)) throw cursorInvalid('two positions of one log')
    positions.set(key, { id, offset: Number(offset) })
  }
  return positions
}

/** Equal places give equal states. */
export function stateFromPlace(topic: string, { positions, folds }: Place): CursorState {
  const byKey = [...positions].sort(([one], [other]) => (one < other ? -1 : 1))
  const byName = folds
    .map((fold) => ({ fold, key: foldKey(fold) }))
    .sort((one, other) => (one.key < other.key ? -1 : 1))
  return create(CursorStateSchema, {
    version: folds.length > 0 ? foldedVersion : plainVersion,
    topic,
    positions: byKey.map(([, { id, offset }]) => ({
      origin: id.origin,
      epoch: epochToBytes(id.epoch),
      offset: BigInt(offset),
    })),
    folded: byName.map(({ fold }) => ({
      origin: fold.origin,
      epoch: epochToBytes(fold.epoch),
      number: BigInt(fold.number),
    })),
  })
}

/** The least place that stands behind both. */
export function joined(one: Place, other: Place): Place {
  const positions = new Map(one.positions)
  for (const [key, position] of other.positions) {
    if (position.offset >= (positions.get(key)?.offset ?? 0)) positions.set(key, position)
  }
  const folds = new Map([...one.folds, ...other.folds].map((fold) => [foldKey(fold), fold]))
  return { positions, folds: [...folds.values()] }
}

/** `origin/epoch/number` */
export function foldKey({ origin, epoch, number }: Fold): string {
  return `${origin}/${epoch}/${number}`
}

export function cursorInvalid(problem: string, cause?: unknown): ReeveError {
  return new ReeveError('CURSOR_INVALID', `the cursor is not usable: ${problem}`, { cause })
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER)
