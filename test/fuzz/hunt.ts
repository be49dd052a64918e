import type { FuzzCodec } from './codecs.ts'
import { Mutator } from './mutate.ts'

export interface HuntResult {
  readonly inputs: number
  readonly accepted: number
  /** Of a single input. */
  readonly slowestMs: number
  /** The first one ends the hunt. */
  readonly finding?: { readonly input: Uint8Array; readonly error: Error }
}

/** Feeds damaged inputs to a codec for as long as `goOn` (asked with the number of inputs so far) says so. */
export function hunt(codec: FuzzCodec, random: () => number, goOn: (inputs: number) => boolean): HuntResult {
  const mutator = new Mutator(codec.corpus, random)
  let accepted = 0
  let inputs = 0
  let slowestMs = 0
  while (goOn(inputs)) {
    const input = mutator.next()
    inputs += 1
    const startMs = performance.now()
    const error = failureOf(codec, input, (taken) => {
      if (taken) accepted += 1
    })
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
    if (error) {
      const smallest = shrink(codec, input)
      Error.stackTraceLimit = 10
      const finding = { input: smallest, error: failureOf(codec, smallest) ?? error }
      return { inputs, accepted, slowestMs, finding }
    }
  }
  return { inputs, accepted, slowestMs }
}

function failureOf(codec: FuzzCodec, input: Uint8Array, outcome = (_accepted: boolean) => {}): Error | undefined {
  try {
    outcome(codec.accepts(input))
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Takes out pieces, halves first, for as long as it still fails. */
function shrink(codec: FuzzCodec, failing: Uint8Array): Uint8Array {
  let input = failing
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= input.length; ) {
      const shorter = Uint8Array.from([...input.subarray(0, at), ...input.subarray(at + size)])
      if (failureOf(codec, shorter)) input = shorter
      else at += size
    }
  }
  return input
}
