/** Everything that is fuzzed, by name. */

import type { FuzzCodec } from './codec.ts'
import { gossipCodecs } from './codecs-gossip.ts'
import { inspectorCodecs } from './codecs-inspector.ts'
import { logCodecs } from './codecs-log.ts'
import { sealingCodecs } from './codecs-sealing.ts'
import { serfCodecs } from './codecs-serf.ts'
import { serfClientCodecs } from './codecs-serf-client.ts'

export const codecs: ReadonlyMap<string, FuzzCodec> = new Map(
  Object.entries({
    ...gossipCodecs,
    ...sealingCodecs,
    ...serfCodecs,
    ...serfClientCodecs,
    ...logCodecs,
    ...inspectorCodecs,
  }),
)
