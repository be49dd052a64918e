/**
 * The figures of this machine: `npm run bench -- [--quick] [--only NAME] [--json FILE]`.
 *
 * Everything runs on one machine over loopback: nodes and serf agents are processes of their own, run from source as by
 * `npm start`, with the default settings (LAN timing, every record fsynced) and their data in the system's folder for
 * temporary files; clients and clocks are in this one process, so all times of a figure come from one monotonic clock.
 * Whatever else the machine does is in the figures. Each is repeated five times (`--quick`: twice, and shorter); the
 * table shows median (least – greatest), and the ratio of two medians where one row is compared with another.
 *
 * start    Three agents, and `npm start` (without npm itself): from the moment the first process is spawned until each
 *          has logged that the others joined, and until a record written to each node, as soon as that one said it is
 *          ready, was read from every node. The demo looks at its nodes four times a second; that is in its times.
 * detect   kill -9 of one of five agents, some seconds after all saw each other: until the first and the last of the
 *          other four logs that it failed. Beside it the same with five real `serf` agents, in turns; it is left out
 *          where there is no `serf`.
 * gossip   5, 20 and 50 members of nothing but gossip, beside as many real `serf` agents, in turns: all join one at the
 *          same moment, until each has seen each, also half and half; a user event, until all have it; an idle minute
 *          (`--quick`: half of it), what it costs; one is killed; one leaves. Packets and bytes are those of the whole
 *          machine's loopback.
 * lag      Three agents, 1,000 records of 100 B a second written to each by the client library (linger 1 ms), all tailed
 *          at once: from a record's acknowledgement at its origin to its arrival at a consumer of each of the other two.
 *          Nodes replicate what is durable without waiting for the acknowledgement: a lag below zero is possible.
 *          Nodes and this process are warm: a first run is not counted.
 * produce  One agent, one stream: batches of 1,000 x 100 B, eight in flight; until the last is acknowledged, which is
 *          after its fsync. Beside it the same bytes appended to a file on the same disk with one fdatasync a group and
 *          nothing else, in the groups in which the acknowledgements came. Then single records, one call after the
 *          other, beside one write and fdatasync each.
 * consume  One agent: such batches read back from the start by one stream; once as bytes only, once by the client
 *          library, which makes an object of each record.
 * churn    `reeve sim`: five nodes under churn for two simulated minutes, and until they came to rest; three seeds, one
 *          process.
 */

import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { onInterrupt } from '../../src/cli/interrupt.ts'
import { churn } from './churn.ts'
import { consume } from './consume.ts'
import { detect } from './detect.ts'
import { type Figure, quantile, type Row } from './figure.ts'
import { gossip } from './gossip.ts'
import { lag } from './lag.ts'
import { produce } from './produce.ts'
import { Stage } from './stage.ts'
import { start } from './start.ts'

const figures = new Map<string, Figure>(Object.entries({ start, detect, gossip, lag, produce, consume, churn }))

process.exit(await main())

async function main(): Promise<number> {
  const { quick, only, json } = readFlags()
  const stage = new Stage()
  const results = new Map<string, Row[]>()
  let restore = () => {}
  const interrupted = new Promise<number>((resolve) => {
    restore = onInterrupt((_signal, exitCode) => resolve(exitCode))
  })
  // What is torn down may fail in places where nobody waits any more; what fails before that ends the run.
  const failed = new Promise<never>((_resolve, reject) => process.on('unhandledRejection', reject))
  try {
    const repetitions = quick ? 2 : 5
    const model = cpus()[0]?.model ?? 'unknown'
    process.stdout.write(`Node ${process.version}, ${cpus().length} × ${model}; ${repetitions} repetitions\n`)
    for (const name of only) {
      process.stdout.write(`\n${name}\n`)
      const rows = await Promise.race([figures.get(name)!({ stage, repetitions, quick }), interrupted, failed])
      if (typeof rows === 'number') return rows
      results.set(name, rows)
      process.stdout.write(tableOf(rows))
    }
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(Object.fromEntries(results), null, 2)}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    return 1
  } finally {
    await stage.end()
    restore()
  }
}

function readFlags(): { quick: boolean; only: string[]; json: string | undefined } {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [...figures.keys()] },
        json: { type: 'string' },
      },
    })
    const unknown = values.only.find((name) => !figures.has(name))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${[...figures.keys()].join(', ')}`)
    return { ...values, json: values.json }
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    process.exit(2)
  }
}

function tableOf(rows: readonly Row[]): string {
  const medians = new Map(rows.map(({ name, samples }) => [name, quantile(samples, 0.5)]))
  const width = Math.max(...rows.map(({ name }) => name.length))
  return rows
    .map(({ name, unit, samples, beside }) => {
      const [median, least, greatest] = [0.5, 0, 1].map((fraction) => shown(quantile(samples, fraction)))
      const other = beside === undefined ? undefined : medians.get(beside)
      const ratio = other === undefined ? '' : `   ${(medians.get(name)! / other).toFixed(2)} × ${beside}`
      return `  ${name.padEnd(width)}  ${median!.padStart(9)} ${unit} (${least} – ${greatest})${ratio}\n`
    })
    .join('')
}

/** Three digits that count, whole numbers grouped. */
function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}
