/** ListTopics: the topics this node holds and the bounds of each log, as far as the caller may touch them. */

import type { Topics } from '../catalog/topics.ts'
import type { RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal, LogView } from '../log/journal.ts'
import { epochToBytes, parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import { acts } from './acl-policy.ts'
import { topicUnknown } from './consume.ts'
import { unary } from './typed.ts'

export function listTopics(deps: {
  readonly journal: Journal
  readonly topics: Topics
  readonly access: Access
}): RpcRoute {
  const { journal, topics, access } = deps
  const describe = (name: string) => ({
    name,
    logs: journal.topicLogs(name).map(bounds),
    settings: topics.settings(name),
  })
  return unary(LogService.method.listTopics, ({ topic }, call) => {
    const subject = access.subjectOf(call.caller)
    if (topic === '') {
      const visible = topics.names().filter((name) => acts.some((act) => access.may(subject, act, name)))
      return { topics: visible.map(describe) }
    }
    const name = parseTopicName(topic)
    if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
    if (!acts.some((act) => access.may(subject, act, topic))) access.require(subject, 'consume', topic)
    if (!topics.exists(topic)) throw topicUnknown(topic)
    return { topics: [describe(topic)] }
  })
}

function bounds({ id, start, end, bytes, oldest, newest }: LogView) {
  return {
    origin: id.origin,
    epoch: epochToBytes(id.epoch),
    start: BigInt(start),
    end: BigInt(end),
    bytes: BigInt(bytes),
    oldestTimestamp: oldest,
    newestTimestamp: newest,
  }
}
