/** ListTopics: the topics this node holds and the bounds of each log, as far as the caller may touch them. */

import type { RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal, LogView } from '../log/journal.ts'
import { epochToBytes, isInternalTopic, parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import { acts } from './acl-policy.ts'
import { topicUnknown } from './consume.ts'
import { unary } from './typed.ts'

export function listTopics(deps: { readonly journal: Journal; readonly access: Access }): RpcRoute {
  const { journal, access } = deps
  return unary(LogService.method.listTopics, ({ topic }, call) => {
    const subject = access.subjectOf(call.caller)
    if (topic === '') {
      const users = journal.topics().filter((name) => !isInternalTopic(name))
      const visible = users.filter((name) => acts.some((act) => access.may(subject, act, name)))
      return { topics: visible.map((name) => describe(name, journal.topicLogs(name))) }
    }
    const name = parseTopicName(topic)
    if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
    if (!acts.some((act) => access.may(subject, act, topic))) access.require(subject, 'consume', topic)
    const logs = journal.topicLogs(topic)
    if (logs.length === 0) throw topicUnknown(topic)
    return { topics: [describe(topic, logs)] }
  })
}

function describe(name: string, logs: readonly LogView[]) {
  return {
    name,
    logs: logs.map(({ id, start, end, bytes }) => ({
      origin: id.origin,
      epoch: epochToBytes(id.epoch),
      start: BigInt(start),
      end: BigInt(end),
      bytes: BigInt(bytes),
    })),
  }
}
