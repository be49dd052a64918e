/** The client library's front door: one cluster, any of its servers. */

import { GrpcCode, ReeveError } from '../errors.ts'
import { InspectorService } from '../gen/reeve/v1/inspector_pb.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { type ConnectOptions, createConnections } from './connections.ts'
import { type Consumer, createConsumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { type ClientCursors, createCursors } from './cursors.ts'
import { createProducer, type Producer, type ProducerOptions } from './producer.ts'
import type { KnownServer } from './resolver.ts'
import {
  serversFromWire,
  settingsFromWire,
  settingsToWire,
  type TopicInfo,
  type TopicSettings,
  topicsFromWire,
} from './servers.ts'

export interface Client {
  /** All members, as one server sees them. */
  servers(): Promise<KnownServer[]>
  /** All topics (or that one), as one server holds them. */
  topics(name?: string): Promise<TopicInfo[]>
  /**
   * Declares a topic, or gives it these settings in place of those it had. Resolves with what is in force, once it is
   * durable on one node; the others learn it as they learn records. Rejects with `TOPIC_SETTINGS_INVALID`, and with
   * `createOnly` with `TOPIC_EXISTS`.
   */
  setTopic(name: string, settings?: TopicSettings, options?: { readonly createOnly?: boolean }): Promise<TopicSettings>
  /**
   * Ends a topic: its settings, and all records that were written before, on every node. What is written later begins a
   * new life of it. Rejects with `TOPIC_UNKNOWN`.
   */
  deleteTopic(name: string): Promise<void>
  producer(options: ProducerOptions): Producer
  consumer(options: ConsumerOptions): Consumer
  /** Kept in the cluster under names. */
  readonly cursors: ClientCursors
  /**
   * A link to the inspector's page of the first named server that works once; undefined: it serves none. Rejects with
   * `PERMISSION_DENIED` where the caller may not `inspect`.
   */
  inspectorLink(): Promise<string | undefined>
  /** Asks the first named server, and no other, to leave its cluster and stop. */
  leave(): Promise<void>
  /** Ends everything at once; `close` a producer first to have its records acknowledged. */
  close(): void
}

/** Connects lazily: nothing is sent before the first call. */
export function connect(options: ConnectOptions): Client {
  const connections = createConnections(options)
  return {
    servers: async () => serversFromWire((await connections.ask(LogService.method.getServers, {})).servers),
    topics: async (name = '') =>
      topicsFromWire((await connections.ask(LogService.method.listTopics, { topic: name })).topics),
    setTopic: async (topic, settings = {}, { createOnly = false } = {}) => {
      const request = { topic, settings: settingsToWire(settings), createOnly }
      const answer = await connections.ask(LogService.method.setTopic, request)
      return answer.settings ? settingsFromWire(answer.settings) : {}
    },
    deleteTopic: async (topic) => {
      await connections.ask(LogService.method.deleteTopic, { topic })
    },
    producer: (producerOptions) => createProducer(connections, producerOptions),
    consumer: (consumerOptions) => createConsumer(connections, consumerOptions),
    cursors: createCursors(connections),
    inspectorLink: async () => {
      try {
        return (await connections.callFirst(InspectorService.method.invite, {})).url || undefined
      } catch (error) {
        if (error instanceof ReeveError && error.grpc === GrpcCode.UNIMPLEMENTED) return undefined
        throw error
      }
    },
    leave: async () => {
      await connections.callFirst(LogService.method.leave, {})
    },
    close: () => connections.close(),
  }
}
