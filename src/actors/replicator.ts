import { replicatorMachine } from '../../machines/replicator.ts'
import { backoffMs } from '../backoff.ts'
import { orderlyMachine } from './orderly-machine.ts'
import { type PullOptions, pullLogic } from './pull.ts'

/** First and longest pause between attempts to reach a peer that gossip believes alive. */
const retryMs = 250
const retryMaxMs = 10_000

/** A replicator's chart with everything it does. */
export function replicatorActor(options: PullOptions & { readonly fraction: () => number }) {
  return orderlyMachine(
    replicatorMachine.provide({
      actors: { pull: pullLogic(options) },
      delays: {
        backoff: ({ context }) => backoffMs(context.attempts, retryMs, retryMaxMs, options.fraction()),
      },
    }),
  )
}
