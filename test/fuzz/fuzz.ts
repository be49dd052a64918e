/**
 * Fuzzes a codec: `npm run fuzz -- CODEC|all [--seconds N] [--inputs N] [--seed N]`.
 *
 * Recorded inputs are damaged at random and read; every outcome must be a typed one, and what is accepted must survive
 * being written and read again, in bounded time. A finding prints the smallest input that shows it, as hex, and ends with exit code 1.
 */

import { seededRandom } from '../gossip/cluster.ts'
import { readOptions, wholeNumber } from '../options.ts'
import { codecs } from './codecs.ts'
import { hunt } from './hunt.ts'

/** Of one input: far above what any may take, on a busy machine, too. */
const maxInputMs = 1000

const options = { seconds: { type: 'string' }, inputs: { type: 'string' }, seed: { type: 'string' } } as const

process.exit(await main())

function usage(): string {
  const words = 'CODEC|all [--seconds N] [--inputs N] [--seed N]'
  return `usage: npm run fuzz -- ${words}\ncodecs: ${[...codecs.keys()].join(' ')}\n`
}

async function main(): Promise<number> {
  const { names, seed, ...given } = readOptions(options, usage(), ({ values, positionals }) => {
    const names = positionals[0] === 'all' ? [...codecs.keys()] : positionals
    const unknown = names.find((name) => !codecs.has(name))
    if (unknown !== undefined) throw new Error(`there is no codec ${unknown}`)
    if (names.length === 0) throw new Error('which codec?')
    return {
      names,
      seconds: wholeNumber('seconds', values.seconds, 0),
      inputs: wholeNumber('inputs', values.inputs, 0),
      seed: wholeNumber('seed', values.seed, 0) ?? Math.floor(Math.random() * 2 ** 32),
    }
  })
  // Most inputs are refused, many by an error: where it came from costs more than finding out that it must be.
  Error.stackTraceLimit = 0
  const inputs = given.inputs ?? Number.POSITIVE_INFINITY
  const seconds = given.seconds ?? (given.inputs === undefined ? 10 : Number.POSITIVE_INFINITY)
  process.stdout.write(`seed ${seed}\n`)
  let findings = 0
  for (const name of names) {
    const codec = codecs.get(name)
    if (!codec) continue
    const endMs = performance.now() + seconds * 1000
    const startMs = performance.now()
    const goOn = (count: number) => count < inputs && (count % 64 !== 0 || performance.now() < endMs)
    const result = await hunt(codec, seededRandom(seed), goOn, maxInputMs)
    const perSecond = Math.round((result.inputs / (performance.now() - startMs)) * 1000)
    const accepted = ((100 * result.accepted) / Math.max(1, result.inputs)).toFixed(1)
    process.stdout.write(
      `${name.padEnd(12)} ${result.inputs.toLocaleString('en')} inputs, ${perSecond.toLocaleString('en')}/s, ` +
        `${accepted} % accepted, slowest ${result.slowestMs.toFixed(2)} ms\n`,
    )
    if (!result.finding) continue
    findings += 1
    const { input, error } = result.finding
    process.stdout.write(`  FOUND ${error.stack ?? error.message}\n  by ${Buffer.from(input).toString('hex')}\n`)
  }
  return findings > 0 ? 1 : 0
}
