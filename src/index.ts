/** What programs import from the package. */

export { type Client, connect } from './client/client.ts'
export type { ConnectOptions } from './client/connections.ts'
export type { Consumer, ConsumerOptions } from './client/consumer.ts'
export type { Producer, ProducerOptions } from './client/producer.ts'
export type { Bytes, ConsumedRecord, OutgoingRecord, RecordId } from './client/record.ts'
export type { KnownServer, ServerState } from './client/resolver.ts'
export type { LogBounds, TopicInfo } from './client/servers.ts'
export { type NodeConfig, type NodeSettings, parseConfig } from './config.ts'
export { createRealEnv } from './env/real.ts'
export { type ErrorCode, errorTable, GrpcCode, isErrorCode, ReeveError } from './errors.ts'
