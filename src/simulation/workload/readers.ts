/** Clients that read, and go from node to node with their cursor. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { LogService, ReadOrder, StartAt } from '../../gen/reeve/v1/log_service_pb.ts'
import { CursorStateSchema } from '../../gen/reeve/v1/record_pb.ts'
import type { Positions, ReadAsked, Refused } from '../history.ts'
import type { SeededRandom } from '../random.ts'
import type { StreamListener } from './desk.ts'
import { epochBytes, type Floor, onTheWire, positionsAfter } from './floor.ts'
import { type ReadAnswer, readAnswer } from './read-answer.ts'

interface Reading {
  readonly name: string
  readonly topic: string
  readonly byTime: boolean
  readonly origin: string | undefined
  positions: Positions
  cursor: Uint8Array
}

/** One answer after the other; begins anew now and then. */
export function roamingReader(floor: Floor, client: string): void {
  const random = floor.random(client)
  let reading = beginReading(floor, random, client, 0)
  let count = 0
  let counter = floor.pick(random)
  floor.loop(random, 2, (done) => {
    if (random.chance(0.02)) reading = beginReading(floor, random, client, ++count)
    if (random.chance(0.3)) counter = floor.pick(random)
    const mine = reading
    const waits = mine.cursor.length > 0 && random.chance(0.3)
    const asked = { client, topic: mine.topic, reading: mine.name, from: mine.positions, byTime: mine.byTime }
    const only = mine.origin === undefined ? {} : { only: { origin: mine.origin } }
    const request = {
      cursor: mine.cursor,
      origin: mine.origin ?? '',
      order: mine.byTime ? ReadOrder.TIMESTAMP : ReadOrder.ARRIVAL,
      maxRecords: random.integer(1, 200),
      waitMs: random.chance(0.5) ? random.integer(1, 2_000) : 0,
      ...(waits && { waitFor: { cursor: mine.cursor } }),
    }
    const desk = floor.desk(random.chance(0.5) ? counter : floor.pick(random))
    const waitsFor = waits ? mine.positions : {}
    floor.read(desk, counter, { ...asked, ...only, waitsFor }, request, 5_000, (operation, cursor) => {
      goOn(mine, operation, cursor)
      done()
    })
  })
}

/** Follows at one node for a while, then at another one from the last cursor. */
export function tailingReader(floor: Floor, client: string): void {
  const random = floor.random(client)
  const reading = beginReading(floor, random, client, 0)
  const { topic, name } = reading
  floor.loop(random, 1, (done) => {
    const counter = floor.pick(random)
    const asked = {
      client,
      topic,
      reading: name,
      // What is still on its way when that machine gets another disk comes from this one.
      disk: counter.disk,
      ...(reading.origin !== undefined && { only: { origin: reading.origin } }),
    }
    const request = { topic, cursor: reading.cursor, origin: reading.origin ?? '', follow: true }
    const desk = floor.desk(random.chance(0.5) ? counter : floor.pick(random))
    const timeoutMs = random.integer(500, 10_000)
    const listener: StreamListener<ReadAnswer> = {
      message: (answer) => {
        const operation = floor.beginRead(counter, { ...asked, from: reading.positions })
        floor.options.history.end(operation, { ok: true, ...answer })
        goOn(reading, operation, answer.cursor)
      },
      closed: (refused) => {
        if (refused !== undefined) {
          const operation = floor.beginRead(counter, { ...asked, from: reading.positions })
          floor.options.history.end(operation, refused)
          goOn(reading, operation, undefined)
        }
        done()
      },
    }
    const decode = (bytes: Uint8Array): ReadAnswer => readAnswer(topic, bytes)
    desk.listen(counter.server, LogService.method.consumeStream, request, timeoutMs, listener, decode)
  })
}

/** Writes at one node and looks for it at another, which is told to wait for it. */
export function probe(floor: Floor, client: string): void {
  const random = floor.random(client)
  let count = 0
  floor.loop(random, 4, (done) => {
    const [here, there] = [floor.pick(random), floor.pick(random)]
    const topic = random.pick(floor.options.topics)
    const payloads = [new TextEncoder().encode(`${client} ${count++}`)]
    const asked = { client, topic, payloads, copies: 1, timeoutMs: 3_000 }
    floor.produce(floor.desk(here), here, asked, undefined, ({ answer }) => {
      if (!answer?.ok) return done()
      const { log, base, count: records } = answer
      const waitsFor = { [log]: base + records }
      const [, origin, epoch] = log.split('/') as [string, string, string]
      const waitFor = { positions: onTheWire(waitsFor) }
      const fromThere = { startAt: StartAt.OFFSET, origin, startEpoch: epochBytes(epoch), startOffset: BigInt(base) }
      const reading = { client, topic, reading: `${client} ${count}`, from: { [log]: base }, only: { log }, waitsFor }
      const waitMs = random.integer(0, 4_000)
      floor.read(floor.desk(there), there, reading, { ...fromThere, waitFor, waitMs }, 5_000, () => done())
    })
  })
}

function beginReading(floor: Floor, random: SeededRandom, client: string, count: number): Reading {
  const byTime = random.chance(0.3)
  const origin = random.chance(0.25) ? random.pick(floor.options.counters).name : undefined
  const topic = random.pick(floor.options.topics)
  return { name: `${client} ${count}`, topic, byTime, origin, positions: {}, cursor: new Uint8Array(0) }
}

function goOn(reading: Reading, { answer }: ReadAsked, cursor: Uint8Array | undefined): void {
  if (answer?.ok && cursor !== undefined) {
    reading.positions = positionsAfter(reading.positions, answer.runs)
    reading.cursor = cursor
  } else if (answer?.ok === false) {
    const hole = holeOf(answer)
    if (hole === undefined) return
    reading.positions = { ...reading.positions, [hole.log]: hole.to }
    reading.cursor = behind(reading, hole)
  }
}

interface Hole {
  readonly log: string
  readonly to: number
}

/** What a node says of records that are gone. */
export function holeOf({ code, facts }: Refused): Hole | undefined {
  const { topic, origin, epoch, start } = facts
  if (code !== 'OFFSET_TRIMMED' || epoch === undefined || start === undefined) return undefined
  return { log: `${topic}/${origin}/${epoch}`, to: Number(start) }
}

function behind({ cursor, topic }: Reading, { log, to }: Hole): Uint8Array {
  const state =
    cursor.length === 0 ? create(CursorStateSchema, { version: 1, topic }) : fromBinary(CursorStateSchema, cursor)
  const [, origin, epoch] = log.split('/') as [string, string, string]
  const others = state.positions.filter(
    (other) => other.origin !== origin || !Buffer.from(other.epoch).equals(epochBytes(epoch)),
  )
  const position = { $typeName: 'reeve.v1.Position' as const, origin, epoch: epochBytes(epoch), offset: BigInt(to) }
  return toBinary(CursorStateSchema, { ...state, positions: [...others, position] })
}
