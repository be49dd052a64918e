/** Cursors that the cluster keeps under a name, as one server knows them. */

import { LogService, StartAt } from '../gen/reeve/v1/log_service_pb.ts'
import { epochToBytes } from '../log/log-id.ts'
import type { Connections } from './connections.ts'
import { type RecordId, timestampToMs } from './record.ts'

export interface NamedCursor {
  readonly name: string
  readonly cursor: Uint8Array
  /** When it was moved last: ms since 1970, by the clock of the node that was asked. */
  readonly movedMs: number
  /** Records behind it that are still to be read, as far as the server has them. */
  readonly lag: number
}

export interface ClientCursors {
  /** By name. */
  list(topic: string): Promise<NamedCursor[]>
  /** Rejects with `CURSOR_UNKNOWN`. */
  get(topic: string, name: string): Promise<Uint8Array>
  /**
   * Moves it on: it stands at least at `cursor` from then on, and behind each of `records` and all that lies before in
   * the same log. Resolves with where it stands, once that is durable on one node; the others learn it as they learn
   * records.
   */
  commit(topic: string, name: string, cursor: Uint8Array, records?: Iterable<RecordId>): Promise<Uint8Array>
  /** Lets it stand exactly there, also where that is further back. `end`: behind all that the server has. */
  reset(topic: string, name: string, to: 'start' | 'end' | Uint8Array): Promise<Uint8Array>
  /** Rejects with `CURSOR_UNKNOWN`. */
  delete(topic: string, name: string): Promise<void>
}

export function createCursors(connections: Connections): ClientCursors {
  const { commitCursor, consume, deleteCursor, getCursor, listCursors } = LogService.method
  const endOf = async (topic: string) => (await connections.ask(consume, { topic, startAt: StartAt.END })).cursor
  return {
    list: async (topic) => {
      const { cursors } = await connections.ask(listCursors, { topic })
      return cursors.map(({ name, cursor, timestamp, lag }) => {
        return { name, cursor, movedMs: timestampToMs(timestamp), lag: Number(lag) }
      })
    },
    get: async (topic, name) => (await connections.ask(getCursor, { topic, name })).cursor,
    commit: async (topic, name, cursor, records = []) => {
      const positions = positionsBehind(records)
      return (await connections.ask(commitCursor, { topic, name, cursor, positions })).cursor
    },
    reset: async (topic, name, to) => {
      const cursor = to === 'start' ? new Uint8Array() : to === 'end' ? await endOf(topic) : to
      return (await connections.ask(commitCursor, { topic, name, cursor, reset: true })).cursor
    },
    delete: async (topic, name) => {
      await connections.ask(deleteCursor, { topic, name })
    },
  }
}

/** Of each log the position behind the last of these records. */
export function positionsBehind(records: Iterable<RecordId>): { origin: string; epoch: Uint8Array; offset: bigint }[] {
  const last = new Map<string, RecordId>()
  for (const record of records) {
    const key = `${record.origin}/${record.epoch}`
    if (record.offset >= (last.get(key)?.offset ?? 0)) last.set(key, record)
  }
  return [...last.values()].map(({ origin, epoch, offset }) => {
    return { origin, epoch: epochToBytes(epoch), offset: BigInt(offset) + 1n }
  })
}
