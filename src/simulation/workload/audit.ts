/** Asks every node for everything once all is quiet. Resolves when all have answered. */

import { LogService, ServerStatus } from '../../gen/reeve/v1/log_service_pb.ts'
import type { MembersAsked, Positions } from '../history.ts'
import { auditOf } from '../judges/finally-everywhere.ts'
import { namedAuditOf } from '../judges/kept-cursors.ts'
import { cursorName } from './cursor-users.ts'
import type { StreamListener } from './desk.ts'
import { type Counter, type Floor, positionsAfter } from './floor.ts'
import { type ReadAnswer, readAnswer } from './read-answer.ts'

const usualTimeoutMs = 20_000

/** `named`: topics of which a named cursor was used. `timeoutMs`: of each question. */
export async function audit(
  floor: Floor,
  round: number,
  named: readonly string[],
  timeoutMs = usualTimeoutMs,
): Promise<void> {
  const { counters, topics } = floor.options
  await Promise.all(
    counters.flatMap((counter) => [
      askMembers(floor, counter, timeoutMs),
      ...topics.map((topic) => readAll(floor, counter, topic, round, timeoutMs)),
      ...named.map((topic) => readByName(floor, counter, topic, timeoutMs)),
    ]),
  )
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
        const alive = answer.message.servers.filter(({ status }) => status === ServerStatus.ALIVE)
        history.end(operation, { ok: true, alive: alive.map(({ name }) => name) })
      } else history.end(operation, answer)
      resolve()
    })
  })
}

function readAll(floor: Floor, counter: Counter, topic: string, round: number, timeoutMs: number): Promise<void> {
  const { history } = floor.options
  const reading = auditOf(counter.name, round)
  let from: Positions = {}
  return new Promise((resolve) => {
    const listener: StreamListener<ReadAnswer> = {
      message: (answer) => {
        const operation = floor.beginRead(counter, { client: 'auditor', topic, reading, from })
        history.end(operation, { ok: true, ...answer })
        from = positionsAfter(from, answer.runs)
      },
      closed: (refused) => {
        // A topic of which nothing is left is not there.
        if (refused !== undefined && refused.code !== 'TOPIC_UNKNOWN') {
          history.end(floor.beginRead(counter, { client: 'auditor', topic, reading, from }), refused)
        }
        resolve()
      },
    }
    const decode = (bytes: Uint8Array): ReadAnswer => readAnswer(topic, bytes)
    const desk = floor.desk(counter)
    desk.listen(counter.server, LogService.method.consumeStream, { topic }, timeoutMs, listener, decode)
  })
}

function readByName(floor: Floor, counter: Counter, topic: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const reading = namedAuditOf(counter.name, cursorName)
    const asked = { client: 'auditor', topic, reading, from: {}, cursorName }
    floor.read(floor.desk(counter), counter, asked, { cursorName }, timeoutMs, () => resolve())
  })
}
