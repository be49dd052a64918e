/**
 * The figures of this machine, beside those of its peers:
 *
 *     npm run bench -- [--quick] [--repetitions N] [--only NAME]… [--json FILE] [--dir FOLDER]
 *     npm run bench -- --report FILE…
 *
 * What each figure measures and how to read it stands in `README.md` beside this file. `--report` writes the tables and
 * the chart of the pages from what `--json` wrote.
 */

import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { onInterrupt } from '../../src/cli/interrupt.ts'
import { readOptions, wholeNumber } from '../options.ts'
import type { Figure } from './figure.ts'
import { churn } from './figures/churn.ts'
import { consume } from './figures/consume.ts'
import { copies } from './figures/copies.ts'
import { detect } from './figures/detect.ts'
import { burst, gossip, kills } from './figures/gossip.ts'
import { idle } from './figures/idle.ts'
import { inspect } from './figures/inspect.ts'
import { lag } from './figures/lag.ts'
import { open } from './figures/open.ts'
import { produce } from './figures/produce.ts'
import { replicate } from './figures/replicate.ts'
import { single } from './figures/single.ts'
import { start } from './figures/start.ts'
import { tail } from './figures/tail.ts'
import { tls } from './figures/tls.ts'
import { unary } from './figures/unary.ts'
import { machine, machineText } from './machine.ts'
import { joined, jsonOf, parseRun, type Run, writeReport } from './report.ts'
import { Stage } from './stage.ts'
import { tableOf } from './table.ts'

const speed = { produce, copies, single, unary, consume, replicate, lag, tail, idle, inspect, open, tls }
const cluster = { start, detect, burst, gossip, kills, churn }
const figures = new Map<string, Figure>(Object.entries({ ...speed, ...cluster }))
/** Names for many at once. */
const sets = new Map([
  ['speed', Object.keys(speed)],
  ['cluster', Object.keys(cluster)],
])

const options = {
  quick: { type: 'boolean', default: false },
  repetitions: { type: 'string' },
  only: { type: 'string', multiple: true },
  json: { type: 'string' },
  dir: { type: 'string', default: tmpdir() },
  report: { type: 'string', multiple: true },
} as const

process.exit(await main())

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags.report !== undefined) {
    writeReport(joined(flags.report.map((file) => parseRun(readFileSync(file, 'utf8')))))
    return 0
  }
  const stage = new Stage(realpathSync(flags.dir))
  let restore = () => {}
  const interrupted = new Promise<number>((resolve) => {
    restore = onInterrupt((_signal, exitCode) => resolve(exitCode))
  })
  // What is torn down may fail in places where nobody waits any more; what fails before that ends the run.
  const failed = new Promise<never>((_resolve, reject) => process.on('unhandledRejection', reject))
  try {
    return await Promise.race([measure(stage, flags), interrupted, failed])
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    return 1
  } finally {
    await stage.end()
    restore()
  }
}

/** One figure after the other; one that fails is left out, and makes the exit code 1. */
async function measure(stage: Stage, flags: Flags): Promise<number> {
  const { quick, only, json } = flags
  const repetitions = flags.repetitions ?? (quick ? 2 : 5)
  const run: Run = {
    ...{ at: new Date().toISOString(), machine: machine(stage.root), quick, repetitions, figures: {}, notes: {} },
  }
  process.stdout.write(`${machineText(run.machine)}; ${repetitions} repetitions\n`)
  if (run.machine.disk.startsWith('tmpfs')) process.stdout.write('Nothing here is on a disk: see --dir\n')
  let exitCode = 0
  for (const name of only) {
    process.stdout.write(`\n${name}\n`)
    const notes = new Set<string>()
    const note = (text: string) => void notes.add(text)
    try {
      const rows = await figures.get(name)!({ stage, repetitions, quick, note })
      run.figures[name] = rows
      run.notes[name] = [...notes]
      process.stdout.write(tableOf(name, rows))
    } catch (error) {
      if (stage.over) return 1
      exitCode = 1
      process.stderr.write(`bench: ${name}: ${(error as Error).message}\n`)
      await stage.clear()
    }
    for (const text of notes) process.stdout.write(`  (${text})\n`)
    if (json !== undefined) writeFileSync(json, jsonOf(run))
  }
  return exitCode
}

interface Flags {
  readonly quick: boolean
  readonly repetitions: number | undefined
  readonly only: string[]
  readonly json: string | undefined
  readonly dir: string
  readonly report: readonly string[] | undefined
}

function readFlags(): Flags {
  const known = [...sets.keys(), ...figures.keys()].join(', ')
  const words = '[--quick] [--repetitions N] [--only NAME]… [--json FILE] [--dir FOLDER] | --report FILE…'
  return readOptions(options, `usage: npm run bench -- ${words}\nnames: ${known}\n`, ({ values, positionals }) => {
    if (positionals.length > 0) throw new Error(`${positionals[0]}: only options are taken`)
    const only = [...new Set((values.only ?? [...figures.keys()]).flatMap((name) => sets.get(name) ?? [name]))]
    const unknown = only.find((name) => !figures.has(name))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${known}`)
    if (!existsSync(values.dir)) throw new Error(`--dir ${values.dir}: there is no such folder`)
    const repetitions = wholeNumber('repetitions', values.repetitions, 1)
    return { ...values, only, repetitions, json: values.json, report: values.report }
  })
}
