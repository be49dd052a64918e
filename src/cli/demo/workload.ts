/** A few records a second to one node, and what became of them. */

import type { Client } from '../../client/client.ts'
import { toReeveError } from '../../errors.ts'
import { keyOf } from './scores.ts'

export const demoTopic = 'demo'

export interface Tally {
  acknowledged: number
  refused: number
  uncertain: number
  /** Log → the offset behind the last record that was acknowledged. */
  readonly ends: Map<string, number>
}

const tickMs = 100

export interface Workload {
  /** Resolves when nothing is on its way any more. */
  stop(): Promise<void>
}

export function startWorkload(client: Client, name: string, recordsPerSecond: number, tally: Tally): Workload {
  const producer = client.producer({ topic: demoTopic })
  let owed = 0
  let count = 0
  const timer = setInterval(() => {
    owed += (recordsPerSecond * tickMs) / 1000
    for (; owed >= 1; owed--) void send()
  }, tickMs)

  async function send(): Promise<void> {
    count += 1
    try {
      const id = await producer.send({ key: name, value: JSON.stringify({ from: name, count }) })
      tally.acknowledged += 1
      tally.ends.set(keyOf(id), Math.max(tally.ends.get(keyOf(id)) ?? 0, id.offset + 1))
    } catch (error) {
      if (toReeveError(error).code === 'OUTCOME_UNKNOWN') tally.uncertain += 1
      else tally.refused += 1
    }
  }

  return {
    stop: async () => {
      clearInterval(timer)
      await producer.close()
    },
  }
}
