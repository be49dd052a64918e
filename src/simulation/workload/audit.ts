/**
 * Asks every node for everything once all is quiet, of the first topic in one go, of the others page by page; then follows
 * at each from there, writes at each, and sees who is told. Resolves when all have answered.
 */

import type { ClientCall } from '../../env/env.ts'
import { LogService, ServerStatus } from '../../gen/reeve/v1/log_service_pb.ts'
import type { MembersAsked, Positions, ProduceAsked, Refused } from '../history.ts'
import { auditOf } from '../judges/finally-everywhere.ts'
import { auditorOf } from '../judges/finally-taking.ts'
import { namedAuditOf } from '../judges/kept-cursors.ts'
import { cursorName } from './cursor-users.ts'
import type { StreamListener } from './desk.ts'
import { type Counter, type Floor, positionsAfter } from './floor.ts'
import { type ReadAnswer, readAnswer } from './read-answer.ts'

const usualTimeoutMs = 20_000
/** Until whoever follows has nothing more to get, and waits. */
const followingAfterMs = 1_000
/** A follower whom damage in one log has ended goes on so much later, as clients do. */
const followAgainMs = 250
/** Of what is read page by page. */
const pageRecords = 100
/** Between the last record and the last follower who is told of it. */
const toldWithinMs = 5_000

/** What was read at one node, and where that reading stands. */
interface Audited {
  readonly counter: Counter
  from: Positions
  cursor: Uint8Array
}

/** `named`: topics of which a named cursor was used. `timeoutMs`: of each question. */
export async function audit(
  floor: Floor,
  round: number,
  named: readonly string[],
  timeoutMs = usualTimeoutMs,
): Promise<void> {
  const { counters, topics } = floor.options
  const [first = '', ...others] = topics
  const audited = counters.map((counter): Audited => ({ counter, from: {}, cursor: new Uint8Array(0) }))
  await Promise.all(
    audited.flatMap((reading) => [
      askMembers(floor, reading.counter, timeoutMs),
      readAll(floor, reading, first, round, timeoutMs),
      ...others.map((topic) => readByPages(floor, reading.counter, topic, round, timeoutMs)),
      ...named.map((topic) => readByName(floor, reading.counter, topic, timeoutMs)),
    ]),
  )
  await writeToFollowers(floor, audited, first, round, timeoutMs)
}

/** What each says of the members. */
export async function askAll(floor: Floor): Promise<void> {
  const up = floor.options.counters.filter(({ isUp }) => isUp)
  await Promise.all(up.map((counter) => askMembers(floor, counter, usualTimeoutMs)))
}

function askMembers(floor: Floor, counter: Counter, timeoutMs: number): Promise<void> {
  const { history } = floor.options
  const operation = history.begin<MembersAsked>({
    kind: 'members',
    client: 'auditor',
    node: counter.name,
    disk: counter.disk,
  })
  return new Promise((resolve) => {
    floor.desk(counter).ask(counter.server, LogService.method.getServers, {}, timeoutMs, (answer) => {
      if (answer.ok) {
        const named = (wanted: ServerStatus) =>
          answer.message.servers.filter(({ status }) => status === wanted).map(({ name }) => name)
        history.end(operation, { ok: true, alive: named(ServerStatus.ALIVE), left: named(ServerStatus.LEFT) })
      } else history.end(operation, answer)
      resolve()
    })
  })
}

function readAll(floor: Floor, audited: Audited, topic: string, round: number, timeoutMs: number): Promise<void> {
  const { history } = floor.options
  const { counter } = audited
  const reading = auditOf(counter.name, round)
  return new Promise((resolve) => {
    listen(floor, audited, { topic, round, follow: false }, timeoutMs, (refused) => {
      // A topic of which nothing is left is not there.
      if (refused !== undefined && refused.code !== 'TOPIC_UNKNOWN') {
        history.end(floor.beginRead(counter, { client: 'auditor', topic, reading, from: audited.from }), refused)
      }
      resolve()
    })
  })
}

/** Each page by the cursor of the one before, as one reads who keeps nothing but that. */
function readByPages(floor: Floor, counter: Counter, topic: string, round: number, timeoutMs: number): Promise<void> {
  const asked = { client: 'auditor', topic, reading: auditOf(counter.name, round) }
  return new Promise((resolve) => {
    const next = (from: Positions, cursor: Uint8Array): void => {
      const request = { cursor, maxRecords: pageRecords }
      floor.read(floor.desk(counter), counter, { ...asked, from }, request, timeoutMs, ({ answer }, reached) => {
        if (!answer?.ok || reached === undefined || answer.runs.length === 0) return resolve()
        next(positionsAfter(from, answer.runs), reached)
      })
    }
    next({}, new Uint8Array(0))
  })
}

/** From where it stands. */
function listen(
  floor: Floor,
  audited: Audited,
  { topic, round, follow }: { readonly topic: string; readonly round: number; readonly follow: boolean },
  limitMs: number,
  closed: (refused: Refused | undefined) => void,
  told: () => void = () => {},
): ClientCall {
  const { counter, cursor } = audited
  const listener: StreamListener<ReadAnswer> = {
    message: (answer) => {
      const { from } = audited
      const reading = auditOf(counter.name, round)
      const operation = floor.beginRead(counter, { client: 'auditor', topic, reading, from })
      floor.options.history.end(operation, { ok: true, ...answer })
      audited.from = positionsAfter(from, answer.runs)
      audited.cursor = answer.cursor
      told()
    },
    closed,
  }
  const request = { topic, cursor, follow }
  const decode = (bytes: Uint8Array): ReadAnswer => readAnswer(topic, bytes)
  return floor.desk(counter).listen(counter.server, LogService.method.consumeStream, request, limitMs, listener, decode)
}

/** One record at each node, to be on all disks; each reading of that topic goes on by following. */
async function writeToFollowers(
  floor: Floor,
  audited: readonly Audited[],
  topic: string,
  round: number,
  timeoutMs: number,
): Promise<void> {
  const { world } = floor.options
  const stored: Positions[] = []
  let expected = Number.POSITIVE_INFINITY
  const isTold = ({ from }: Audited): boolean =>
    stored.length === expected &&
    stored.every((ends) => Object.entries(ends).every(([log, end]) => (from[log] ?? 0) >= end))
  await new Promise<void>((resolve) => {
    const calls = new Map<Audited, ClientCall>()
    let isOver = false
    const end = (): void => {
      isOver = true
      for (const call of calls.values()) call.cancel()
      resolve()
    }
    const look = (): void => {
      if (audited.every(isTold)) end()
    }
    const asked = { topic, round, follow: true }
    const follow = (reading: Audited): void => {
      const closed = (refused: Refused | undefined): void => {
        if (refused?.code === 'DATA_CORRUPT') world.after(followAgainMs, () => isOver || follow(reading))
      }
      calls.set(reading, listen(floor, reading, asked, 2 * timeoutMs, closed, look))
    }
    for (const reading of audited) follow(reading)
    world.after(followingAfterMs, () => {
      const writes = audited.map(({ counter }) => writeForAll(floor, counter, topic, round, timeoutMs))
      void Promise.all(writes).then((answers) => {
        stored.push(...answers.filter((one) => one !== undefined))
        expected = stored.length
        look()
        world.after(toldWithinMs, end)
      })
    })
  })
}

/** Resolves with where its log ends by that. */
function writeForAll(
  floor: Floor,
  counter: Counter,
  topic: string,
  round: number,
  timeoutMs: number,
): Promise<Positions | undefined> {
  const client = auditorOf(round)
  const payloads = [new TextEncoder().encode(`${client} was at ${counter.name}`)]
  return new Promise((resolve) => {
    const copies = floor.options.counters.length
    const told = ({ answer }: ProduceAsked): void =>
      resolve(answer?.ok ? { [answer.log]: answer.base + answer.count } : undefined)
    floor.produce(floor.desk(counter), counter, { client, topic, payloads, copies, timeoutMs }, undefined, told)
  })
}

function readByName(floor: Floor, counter: Counter, topic: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const reading = namedAuditOf(counter.name, cursorName)
    const asked = { client: 'auditor', topic, reading, from: {}, cursorName }
    floor.read(floor.desk(counter), counter, asked, { cursorName }, timeoutMs, () => resolve())
  })
}
