/**
 * A process that puts load on something, or stands in for a server: `node load.mjs NAME` runs `NAME.ts` of this folder
 * once for each message of its parent, one after the other, and answers with what it measured. Ends with its parent.
 */

import type { Answer } from '../process.ts'

/** Connections and servers live as long as the process. */
export type Load<Request, Result> = (request: Request) => Promise<Result>

const loads: Record<string, () => Promise<{ run: Load<never, unknown> }>> = {
  produce: () => import('./produce.ts'),
  send: () => import('./send.ts'),
  single: () => import('./single.ts'),
  consume: () => import('./consume.ts'),
  lag: () => import('./lag.ts'),
  tail: () => import('./tail.ts'),
  logs: () => import('./logs.ts'),
  redis: () => import('./redis.ts'),
  nats: () => import('./nats.ts'),
  disk: () => import('./disk.ts'),
  bare: () => import('./bare.ts'),
  node: () => import('./node.ts'),
}

const { run } = await loads[process.argv[2] ?? '']!()
let turn = Promise.resolve()
process.on('message', (request) => {
  turn = turn.then(async () => {
    let answer: Answer
    try {
      answer = { result: await run(request as never) }
    } catch (error) {
      answer = { error: (error as Error).stack ?? String(error) }
    }
    process.send?.(answer)
  })
})
process.once('disconnect', () => process.exit(0))
