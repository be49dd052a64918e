/** A client that makes, changes and deletes topics while others write to them. */

import { LogService } from '../../gen/reeve/v1/log_service_pb.ts'
import type { TopicAsked } from '../history.ts'
import type { Floor } from './floor.ts'

export function topicKeeper(floor: Floor, client: string, topic: string): void {
  const random = floor.random(client)
  floor.loop(random, 30, (done) => {
    const counter = floor.pick(random)
    const kind = random.chance(0.5) ? ('setTopic' as const) : ('deleteTopic' as const)
    const { history } = floor.options
    const operation = history.begin<TopicAsked>({
      kind,
      client,
      node: counter.name,
      disk: counter.disk,
      topic,
    })
    const ended = (answer: { ok: true } | Extract<TopicAsked['answer'], { ok: false }>): void => {
      history.end(operation, answer.ok ? { ok: true } : answer)
      done()
    }
    const [desk, to] = [floor.desk(counter), counter.server]
    if (kind === 'deleteTopic') desk.ask(to, LogService.method.deleteTopic, { topic }, 5_000, ended)
    else {
      const settings = random.chance(0.5) ? {} : { retentionBytes: BigInt(random.integer(20_000, 200_000)) }
      desk.ask(to, LogService.method.setTopic, { topic, settings }, 5_000, ended)
    }
  })
}
