/** The calls about named cursors. Whoever may consume a topic may keep and move its cursors. */

import { cursorBytes } from '../catalog/cursor-kind.ts'
import { type Cursors, cursorUnknown, type NamedCursor } from '../catalog/cursors.ts'
import type { Declarations } from '../catalog/declarations.ts'
import { expand } from '../catalog/folding.ts'
import { joined, nowhere, type Place, positionsFrom } from '../catalog/place.ts'
import type { RpcRoute, ServerCall } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { parseCursorName, parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import { decodeCursor } from './cursor.ts'
import { unary } from './typed.ts'

export interface CursorsDeps {
  readonly cursors: Cursors
  readonly journal: Journal
  readonly declarations: Declarations
  readonly access: Access
}

export function cursorRoutes(deps: CursorsDeps): RpcRoute[] {
  const { cursors, access } = deps
  const method = LogService.method
  const require = (topic: string, call: ServerCall) => {
    const parsed = parseTopicName(topic)
    if (!parsed.ok) throw new ReeveError('TOPIC_NAME_INVALID', parsed.problem)
    access.require(access.subjectOf(call.caller), 'consume', topic)
  }
  return [
    unary(method.commitCursor, async ({ topic, name, cursor, positions, reset }, call) => {
      require(topic, call)
      requireCursorName(name)
      const read: Place = { positions: positionsFrom(positions, topic), folds: [] }
      const place = joined(cursor.length === 0 ? nowhere : decodeCursor(cursor, topic), read)
      const now = await (reset ? cursors.reset(topic, name, place) : cursors.commit(topic, name, place))
      return { cursor: cursorBytes(topic, now.place) }
    }),
    unary(method.getCursor, ({ topic, name }, call) => {
      require(topic, call)
      requireCursorName(name)
      const cursor = cursors.get(topic, name)
      if (!cursor) throw cursorUnknown(topic, name)
      return { cursor: cursorBytes(topic, cursor.place), timestamp: cursor.timestamp }
    }),
    unary(method.listCursors, ({ topic }, call) => {
      require(topic, call)
      return { cursors: cursors.list(topic).map((cursor) => describe(deps, topic, cursor)) }
    }),
    unary(method.deleteCursor, async ({ topic, name }, call) => {
      require(topic, call)
      requireCursorName(name)
      await cursors.delete(topic, name)
      return {}
    }),
  ]
}

/** Throws `CURSOR_NAME_INVALID`. */
export function requireCursorName(name: string): void {
  const parsed = parseCursorName(name)
  if (!parsed.ok) throw new ReeveError('CURSOR_NAME_INVALID', parsed.problem)
}

function describe({ journal, declarations }: CursorsDeps, topic: string, { name, place, timestamp }: NamedCursor) {
  const { positions, unknown } = expand(declarations, topic, place)
  // What is not known to be unread is not counted.
  const unsure = new Set(unknown.map(({ origin }) => origin))
  let lag = 0
  for (const { id, key, start, end } of journal.topicLogs(topic)) {
    const offset = positions.get(key)?.offset ?? (unsure.has(id.origin) ? end : start)
    lag += Math.max(0, end - Math.max(offset, start))
  }
  return { name, cursor: cursorBytes(topic, place), timestamp, lag: BigInt(lag) }
}
