import type { FuzzCodec } from './codec.ts'
import { Mutator } from './mutate.ts'

export interface HuntResult {
  readonly inputs: number
  readonly accepted: number
  /** Of a single input. */
  readonly slowestMs: number
  /** The first one ends the hunt. */
  readonly finding?: { readonly input: Uint8Array; readonly error: Error }
}

/**
 * Feeds damaged inputs to a codec for as long as `goOn` (asked with the number of inputs so far) says so. An input that
 * takes longer than `maxMs` each of three times is a finding, too.
 */
export async function hunt(
  codec: FuzzCodec,
  random: () => number,
  goOn: (inputs: number) => boolean,
  maxMs = Number.POSITIVE_INFINITY,
): Promise<HuntResult> {
  const mutator = new Mutator(codec.corpus, random)
  let accepted = 0
  let inputs = 0
  let slowestMs = 0
  while (goOn(inputs)) {
    const input = mutator.next()
    inputs += 1
    const startMs = performance.now()
    let error: Error | undefined
    try {
      // To wait for what is there already would cost more than most codecs take.
      const taken = codec.accepts(input)
      if (typeof taken === 'boolean' ? taken : await taken) accepted += 1
    } catch (thrown) {
      error = thrown as Error
    }
    const tookMs = performance.now() - startMs
    slowestMs = Math.max(slowestMs, tookMs)
    if (error) {
      const smallest = await shrink(codec, input)
      Error.stackTraceLimit = 10
      const finding = { input: smallest, error: (await failureOf(codec, smallest)) ?? error }
      return { inputs, accepted, slowestMs, finding }
    }
    if (tookMs > maxMs && (await takes(codec, input, maxMs)) && (await takes(codec, input, maxMs))) {
      return { inputs, accepted, slowestMs, finding: { input, error: new Error(`takes more than ${maxMs} ms`) } }
    }
  }
  return { inputs, accepted, slowestMs }
}

async function failureOf(codec: FuzzCodec, input: Uint8Array): Promise<Error | undefined> {
  try {
    await codec.accepts(input)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** By the time this process ran: what others did on the machine meanwhile is no finding. */
async function takes(codec: FuzzCodec, input: Uint8Array, ms: number): Promise<boolean> {
  const before = process.cpuUsage()
  await failureOf(codec, input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 > ms
}

/** Takes out pieces, halves first, for as long as it still fails. */
async function shrink(codec: FuzzCodec, failing: Uint8Array): Promise<Uint8Array> {
  let input = failing
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= input.length; ) {
      const shorter = Uint8Array.from([...input.subarray(0, at), ...input.subarray(at + size)])
      if (await failureOf(codec, shorter)) input = shorter
      else at += size
    }
  }
  return input
}
