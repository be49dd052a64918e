import { aesGcm } from './aes-gcm.ts'
import type { Env } from './env.ts'
import { realClock } from './real-clock.ts'
import { realDatagrams } from './real-datagrams.ts'
import { createRealDisk } from './real-disk.ts'
import { realRandom } from './real-random.ts'
import { realStreams } from './real-streams.ts'
import { createRealRpc } from './rpc/index.ts'

/** The machine this process runs on. */
export function createRealEnv(): Env {
  return {
    clock: realClock,
    random: realRandom,
    disk: createRealDisk(),
    datagrams: realDatagrams,
    streams: realStreams,
    rpc: createRealRpc({ clock: realClock }),
    aead: aesGcm,
  }
}
