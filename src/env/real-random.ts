import { randomBytes } from 'node:crypto'
import type { Random } from './env.ts'

/** Asking the system costs more than a number does, and gossip draws a dozen of them a packet. */
const poolNumbers = 128
const numberBytes = 6
let pool = Buffer.alloc(0)
let used = 0

/** Unpredictable: gossip's sequence numbers and epochs come from here. */
export const realRandom: Random = {
  fraction() {
    if (used === pool.length) {
      pool = randomBytes(poolNumbers * numberBytes)
      used = 0
    }
    used += numberBytes
    return pool.readUIntBE(used - numberBytes, numberBytes) / 2 ** (8 * numberBytes)
  },
  bytes: (count) => randomBytes(count),
}
