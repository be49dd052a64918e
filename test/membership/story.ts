/** What a crowd goes through, and what is measured meanwhile: all join at once, nothing happens, many fail, come back, leave. */

import { exchangeIntervalMs } from './bounds.ts'
import { type Agreement, Crowd } from './crowd.ts'

export interface StoryOptions {
  readonly seed: number
  readonly size: number
  /** What shares of all fail at once, one after the other; all of them are back before the next. */
  readonly failing: readonly number[]
  readonly leaving: number
  /** Whether a twentieth of the packets gets lost for a while, and the cluster is in two halves for two minutes of it. */
  readonly divided: boolean
  readonly say?: (text: string) => void
}

export interface Figures {
  readonly size: number
  readonly joined: Agreement
  /** After which nobody has anything left to tell of the joins; to five seconds. */
  readonly quietMs: number
  readonly steady: Rates
  readonly failed: readonly (Agreement & { readonly count: number })[]
  readonly back: readonly (Agreement & { readonly count: number })[]
  readonly left: Agreement
  /** After the two halves reach each other again; undefined: they always did. */
  readonly healed: Agreement | undefined
  /** Whoever ran and was declared failed by somebody. */
  readonly falselyFailed: number
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly traceHash: string
}

/** Of what a member sends in a second, on average. */
export interface Rates {
  readonly packets: number
  readonly messages: number
  readonly packetBytes: number
  readonly streamBytes: number
}

/** Nothing of it may take longer, in virtual ms; bounds that are expected to hold are tighter, see `bounds.ts`. */
const patienceMs = 900_000

export async function tell(options: StoryOptions): Promise<Figures> {
  const { seed, size, failing, leaving, divided, say = () => {} } = options
  const cpu = process.cpuUsage()
  const crowd = new Crowd(seed, size)
  crowd.join()
  const joined = await crowd.agreed(patienceMs)
  say(`${size}: all joined ${words(joined)}`)
  const quietMs = joined.allMs + (await crowd.quiet(patienceMs))
  // By then each has begun to count the time to its next exchange of state.
  await crowd.pass(30_000)
  const steady = await ratesOf(crowd, exchangeIntervalMs(size))
  say(`${size}: ${steady.messages.toFixed(2)} messages from each a second`)
  const failed: (Agreement & { count: number })[] = []
  const back: (Agreement & { count: number })[] = []
  for (const share of failing) {
    const names = crowd.draw(share)
    crowd.fail(names)
    failed.push({ ...(await crowd.agreed(patienceMs)), count: names.length })
    say(`${size}: ${names.length} failed ${words(failed.at(-1) as Agreement)}`)
    await crowd.quiet(patienceMs)
    crowd.join(names)
    back.push({ ...(await crowd.agreed(patienceMs)), count: names.length })
    say(`${size}: ${names.length} came back ${words(back.at(-1) as Agreement)}`)
    await crowd.quiet(patienceMs)
  }
  const healed = divided ? await divide(crowd) : undefined
  if (healed) say(`${size}: two halves were one again ${words(healed)}`)
  crowd.leave(crowd.draw(leaving))
  const left = await crowd.agreed(patienceMs)
  const { user, system } = process.cpuUsage(cpu)
  const memoryBytes = process.memoryUsage().rss
  const { falselyFailed, world } = crowd
  crowd.close()
  const cost = { cpuMs: (user + system) / 1000, memoryBytes, traceHash: world.traceHash }
  say(`${size}: ${Math.round(cost.cpuMs / 1000)} s of CPU, ${Math.round(memoryBytes / 2 ** 20)} MiB`)
  return { size, joined, quietMs, steady, failed, back, left, healed, falselyFailed, ...cost }
}

async function divide(crowd: Crowd): Promise<Agreement> {
  crowd.lose(1 / 20)
  await crowd.pass(60_000)
  await crowd.divide(120_000)
  const healed = await crowd.agreed(patienceMs)
  crowd.lose(1 / 1000)
  await crowd.quiet(patienceMs)
  return healed
}

/** While nothing happens, for as long as in it each exchanges its state once. */
async function ratesOf(crowd: Crowd, forMs: number): Promise<Rates> {
  const { traffic, size } = crowd
  traffic.reset()
  traffic.reading = true
  await crowd.pass(forMs)
  traffic.reading = false
  const each = (count: number) => count / size / (forMs / 1000)
  const { packets, messages, packetBytes, streamBytes } = traffic
  return {
    packets: each(packets),
    messages: each(messages),
    packetBytes: each(packetBytes),
    streamBytes: each(streamBytes),
  }
}

function words({ mostMs, allMs }: Agreement): string {
  return `in the eyes of nearly everybody after ${(mostMs / 1000).toFixed(1)} s, of everybody after ${(allMs / 1000).toFixed(1)} s`
}
