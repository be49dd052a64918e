/** Clients that go on by the name of a cursor, which the cluster keeps: each reads, then commits, at whatever nodes. */

import { LogService } from '../../gen/reeve/v1/log_service_pb.ts'
import type { CommitAsked, Positions } from '../history.ts'
import { type Counter, type Floor, onTheWire, positionsAfter } from './floor.ts'
import { holeOf } from './readers.ts'

export const cursorName = 'mill'

export function cursorUser(floor: Floor, client: string, topic: string): void {
  const random = floor.random(client)
  let count = 0
  /** The commit before the last one: whoever sends it again late moves nothing back. */
  let earlier: (() => void) | undefined
  floor.loop(random, 3, (done) => {
    const [counter, other] = [floor.pick(random), floor.pick(random)]
    const desk = floor.desk(counter)
    const asked = { client, topic, reading: `${client} ${count++}`, from: {}, cursorName }
    const request = { cursorName, maxRecords: random.integer(1, 300) }
    floor.read(desk, counter, asked, request, 5_000, ({ answer }, cursor) => {
      if (answer?.ok && cursor !== undefined && answer.runs.length > 0) {
        // What is behind the answer's cursor; of other logs nothing is known here.
        commit(random.chance(0.7) ? counter : other, { cursor }, positionsAfter({}, answer.runs))
      } else if (answer?.ok === false) {
        const hole = holeOf(answer)
        if (hole === undefined) return done()
        const positions = { [hole.log]: hole.to }
        commit(counter, { positions: onTheWire(positions) }, positions)
      } else done()
    })

    function commit(at: Counter, what: object, positions: Positions): void {
      const { history } = floor.options
      const operation = history.begin<CommitAsked>({
        ...{ kind: 'commit', client, node: at.name, disk: at.disk, topic, name: cursorName },
        positions,
      })
      desk.ask(at.server, LogService.method.commitCursor, { topic, name: cursorName, ...what }, 5_000, (answer) => {
        history.end(operation, answer.ok ? { ok: true } : answer)
        const again = earlier
        earlier = () => commit(at, what, positions)
        if (again !== undefined && random.chance(0.2)) again()
        else done()
      })
    }
  })
}
