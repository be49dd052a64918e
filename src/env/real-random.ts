import { randomBytes } from 'node:crypto'
import type { Random } from './env.ts'

/** Unpredictable: gossip's sequence numbers and epochs come from here. */
export const realRandom: Random = {
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => randomBytes(count),
}
