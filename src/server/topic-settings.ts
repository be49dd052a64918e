/** SetTopic and DeleteTopic. Both need the act `admin` on the topic. */

import { create } from '@bufbuild/protobuf'
import type { Topics } from '../catalog/topics.ts'
import type { RpcRoute, ServerCall } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { TopicSettingsSchema } from '../gen/reeve/v1/catalog_pb.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import { unary } from './typed.ts'

export interface TopicSettingsDeps {
  readonly topics: Topics
  readonly access: Access
}

export function setTopic({ topics, access }: TopicSettingsDeps): RpcRoute {
  return unary(LogService.method.setTopic, async ({ topic, settings, createOnly }, call) => {
    requireAdmin(topic, call, access)
    return { settings: await topics.set(topic, settings ?? create(TopicSettingsSchema), createOnly) }
  })
}

export function deleteTopic({ topics, access }: TopicSettingsDeps): RpcRoute {
  return unary(LogService.method.deleteTopic, async ({ topic }, call) => {
    requireAdmin(topic, call, access)
    await topics.delete(topic)
    return {}
  })
}

function requireAdmin(topic: string, call: ServerCall, access: Access): void {
  const name = parseTopicName(topic)
  if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
  access.require(access.subjectOf(call.caller), 'admin', topic)
}
