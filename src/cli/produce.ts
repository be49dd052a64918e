import { createReadStream } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { Client } from '../client/client.ts'
import type { OutgoingRecord } from '../client/record.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { parseTopicName } from '../log/log-id.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { onInterrupt } from './interrupt.ts'
import { linesOf } from './lines.ts'
import { counted, grouped, write } from './output.ts'

interface ProduceFlags extends ConnectionFlags {
  readonly file?: string[]
  readonly key?: string
  readonly keySeparator?: string
  readonly copies: number | 'all'
  readonly json?: boolean
}

/** Nodes refuse larger batches whatever their configuration. */
const maxLineBytes = 16 * 1024 * 1024
const progressEveryMs = 500

export function addProduce(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('produce')
    .description('Write records: one a line, from stdin or files.')
    .argument('<TOPIC>', 'created by its first record')
    .option('--file <FILE...>', 'read these instead of stdin')
    .option('--key <KEY>', 'key of every record')
    .option('--key-separator <TEXT>', 'the key is what stands before this in each line')
    .option('--copies <N>', 'nodes that must have a record on disk before it counts; all: every known one', copies, 1)
    .option('--json', 'print the id of every record, one JSON object a line')
    .action(async (topic: string, flags: ProduceFlags) => {
      if (flags.key !== undefined && flags.keySeparator !== undefined) {
        throw new ReeveError('CONFIG_INVALID', '--key and --key-separator exclude each other')
      }
      const name = parseTopicName(topic)
      if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
      ended(await withClient(flags, (client) => produce(client, topic, flags)))
    })
    .addHelpText(
      'after',
      `
Examples:
  $ date | reeve produce clock
  $ reeve produce access --file access.log --copies 2
  $ printf 'alice=1\\nbob=2\\n' | reeve produce scores --key-separator = --json`,
    )
  withConnectionFlags(command)
}

const copiesMax = 1000

function copies(text: string): number | 'all' {
  if (text === 'all') return text
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= copiesMax) return Number(text)
  throw new InvalidArgumentError(`needs a whole number from 1 to ${copiesMax}, or all.`)
}

async function produce(client: Client, topic: string, flags: ProduceFlags): Promise<number> {
  const producer = client.producer({ topic, copies: flags.copies })
  const tally = { sent: 0, acknowledged: 0, refused: 0, unknown: 0 }
  let failure: ReeveError | undefined
  let interrupted: number | undefined
  const input = bytesOf(flags.file)
  const restore = onInterrupt((_signal, exitCode) => {
    interrupted = exitCode
    process.stdin.destroy()
  })
  const progress = startProgress(tally)
  try {
    for await (const line of linesOf(input, maxLineBytes)) {
      await producer.ready()
      if (process.stdout.writableNeedDrain) await write('')
      if (failure || interrupted !== undefined) break
      tally.sent += 1
      producer.send(recordOf(line, flags)).then(
        (id) => {
          tally.acknowledged += 1
          if (flags.json) process.stdout.write(`${JSON.stringify(id)}\n`)
        },
        (thrown: unknown) => {
          const error = toReeveError(thrown)
          failure ??= error
          if (error.code === 'OUTCOME_UNKNOWN' || error.code === 'COPIES_PENDING') tally.unknown += 1
          else tally.refused += 1
        },
      )
    }
  } catch (thrown) {
    if (interrupted === undefined) failure ??= toReeveError(thrown)
  }
  await producer.close()
  progress.stop()
  restore()
  process.stderr.write(`${summary(topic, tally)}\n`)
  if (failure) throw failure
  return interrupted ?? 0
}

async function* bytesOf(files: readonly string[] | undefined): AsyncGenerator<Uint8Array> {
  if (!files) {
    yield* process.stdin
    return
  }
  for (const file of files) {
    try {
      yield* createReadStream(file)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
      throw new ReeveError('CONFIG_INVALID', `--file: cannot read ${file} (${code})`, { cause: error })
    }
  }
}

/** Throws `REQUEST_MALFORMED` when the line has no separator. */
export function recordOf(line: Uint8Array, flags: Pick<ProduceFlags, 'key' | 'keySeparator'>): OutgoingRecord {
  if (flags.key !== undefined) return { key: flags.key, value: line }
  if (flags.keySeparator === undefined) return { value: line }
  const separator = Buffer.from(flags.keySeparator)
  const at = Buffer.from(line.buffer, line.byteOffset, line.length).indexOf(separator)
  if (at < 0) throw new ReeveError('REQUEST_MALFORMED', `a line has no "${flags.keySeparator}" in it`)
  return { key: line.subarray(0, at), value: line.subarray(at + separator.length) }
}

interface Tally {
  readonly sent: number
  readonly acknowledged: number
  readonly refused: number
  readonly unknown: number
}

function summary(topic: string, tally: Tally): string {
  const parts = [`${counted(tally.acknowledged, 'record')} stored in ${topic}`]
  if (tally.refused > 0) parts.push(`${grouped(tally.refused)} not stored`)
  if (tally.unknown > 0) parts.push(`${grouped(tally.unknown)} uncertain`)
  return parts.join(', ')
}

/** On a terminal, what a long input has come to, on one line that is redrawn. */
function startProgress(tally: Tally): { stop(): void } {
  if (!process.stderr.isTTY || process.stdin.isTTY) return { stop: () => undefined }
  const timer = setInterval(() => {
    process.stderr.write(`\r\x1b[K${grouped(tally.acknowledged)} of ${grouped(tally.sent)} records stored …`)
  }, progressEveryMs)
  return {
    stop: () => {
      clearInterval(timer)
      process.stderr.write('\r\x1b[K')
    },
  }
}
