import { type Command, InvalidArgumentError } from 'commander'
import type { Consumer } from '../client/consumer.ts'
import type { ConsumerOptions, From } from '../client/consumer-options.ts'
import type { Hole } from '../client/holes.ts'
import type { ConsumedRecord, RecordId } from '../client/record.ts'
import { ReeveError } from '../errors.ts'
import { parseEpoch } from '../log/log-id.ts'
import { type ConnectionFlags, wholeNumber, withClient, withConnectionFlags } from './connection.ts'
import { cursorOf, cursorText, placeOf } from './cursors.ts'
import { onInterrupt } from './interrupt.ts'
import { counted, textOrBase64, write } from './output.ts'

export interface ConsumeFlags extends ConnectionFlags {
  readonly from?: 'start' | 'end' | Uint8Array
  readonly fromTime?: number
  readonly since?: number
  readonly cursor?: string
  readonly waitFor?: Uint8Array | RecordId[]
  readonly fromOffset?: { readonly origin: string; readonly epoch: string; readonly offset: number }
  readonly follow?: boolean
  readonly origin?: string
  readonly order?: 'arrival' | 'timestamp'
  readonly key?: string[]
  readonly keyPrefix?: string[]
  readonly max?: number
  readonly maxBytes?: number
  readonly skipHoles?: boolean
  readonly json?: boolean
}

export function addConsume(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('consume')
    .description('Read records: their values, one a line.')
    .argument('<TOPIC>')
    .optionsGroup('Where to begin:')
    .option(
      '--from <start|end|CURSOR>',
      'a cursor comes from an earlier reading, of any node (default: start)',
      placeOf,
    )
    .option('--since <TIME>', 'with what was appended so long ago: 90s, 10m, 12h, 7d', ago)
    .option('--from-time <ISO>', 'with what was appended at this time or later: 2026-01-31T12:00:00Z', time)
    .option('--from-offset <ORIGIN/EPOCH/OFFSET>', 'with this record, and nothing of other logs', position)
    .option('--cursor <NAME>', 'where the cursor of this name stands, if there is one; it is moved on while you read')
    .option(
      '--wait-for <CURSOR|ORIGIN/EPOCH/OFFSET>',
      'not before the node has this record (more of them: all these), or all that the cursor stands behind',
      awaited,
    )
    .optionsGroup('What:')
    .option('--origin <NODE>', 'only what this node wrote')
    .option('--key <KEY>', 'only records with this key; more of them: any of these', collect)
    .option('--key-prefix <TEXT>', 'only records whose key begins so; with --key: those as well', collect)
    .option(
      '--order <arrival|timestamp>',
      'between logs: as they came to the node, or by when they were appended',
      order,
    )
    .option('--skip-holes', 'go on behind records that are gone (retention, a deletion), and say so on stderr')
    .optionsGroup('How long:')
    .option('--follow', 'go on with what is written from now on')
    .option('--max <N>', 'end after this many records', wholeNumber(1))
    .option(
      '--max-bytes <N>',
      'end after so many bytes of records, or with the record that goes beyond',
      wholeNumber(1),
    )
    .optionsGroup('Output:')
    .option('--json', 'one JSON object a line: the id, time, key, value and headers; the cursor last')
    .action(async (topic: string, flags: ConsumeFlags) => {
      const options = consumerOptions(topic, flags, Date.now())
      const exitCode = await withClient(flags, (client) => printAll(client.consumer(options), flags.json === true))
      ended(exitCode)
    })
    .addHelpText(
      'after',
      `
The cursor behind the last record goes to stderr: --from CURSOR goes on there, at any node.
Keys, values and header values that are not UTF-8 appear in JSON as {"base64": "…"}.
With --cursor NAME the cluster keeps how far you got: what was printed is committed every
second, at the end and on Ctrl-C (see reeve cursors).
Where records that would come next are gone, the command ends with an error, unless it is
told to --skip-holes.
With --order timestamp and --follow, what comes to the node late is printed when it comes.

Examples:
  $ reeve consume clock
  $ reeve consume clock --follow --from end --addr 127.0.0.1:8401
  $ reeve consume orders --since 10m --key-prefix eu/ --order timestamp
  $ reeve consume orders --cursor mill --follow
  $ reeve consume clock --origin a --max 10 --json | jq .value`,
    )
  withConnectionFlags(command)
}

/** Throws `CONFIG_INVALID` for flags that exclude each other. */
export function consumerOptions(topic: string, flags: ConsumeFlags, nowMs: number): ConsumerOptions {
  const starts = {
    '--from': flags.from,
    '--since': flags.since === undefined ? undefined : { timeMs: Math.max(0, nowMs - flags.since) },
    '--from-time': flags.fromTime === undefined ? undefined : { timeMs: flags.fromTime },
    '--from-offset': flags.fromOffset,
  }
  const given = Object.entries(starts).filter((entry): entry is [string, From] => entry[1] !== undefined)
  if (given.length > 1) {
    throw new ReeveError('CONFIG_INVALID', `${given.map(([flag]) => flag).join(' and ')} exclude each other`)
  }
  if (flags.origin !== undefined && flags.fromOffset && flags.origin !== flags.fromOffset.origin) {
    throw new ReeveError('CONFIG_INVALID', '--from-offset names another origin than --origin')
  }
  const { cursor, waitFor, follow, origin, order, key, keyPrefix, max, maxBytes, skipHoles } = flags
  return {
    topic,
    from: given[0]?.[1] ?? 'start',
    ...(cursor !== undefined && { cursorName: cursor }),
    ...(waitFor !== undefined && { waitFor }),
    ...(follow !== undefined && { follow }),
    ...(origin !== undefined && { origin }),
    ...(order !== undefined && { order }),
    ...(key && { keys: key }),
    ...(keyPrefix && { keyPrefixes: keyPrefix }),
    ...(max !== undefined && { maxRecords: max }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(skipHoles && { holes: 'skip', onHole: tellHole }),
  }
}

async function printAll(consumer: Consumer, json: boolean): Promise<number> {
  let interrupted: number | undefined
  let count = 0
  const restore = onInterrupt((_signal, exitCode) => {
    interrupted = exitCode
    consumer.close()
  })
  try {
    for await (const batch of consumer.batches()) {
      for (const piece of json ? jsonOf(batch) : linesOf(batch)) await write(piece)
      count += 1
    }
  } catch (error) {
    // Where to go on after it; a reading that never began has told nothing new.
    if (count > 0) await printCursor(consumer, json)
    throw error
  } finally {
    restore()
  }
  await printCursor(consumer, json)
  return interrupted ?? 0
}

function tellHole({ origin, epoch, from, to }: Hole): void {
  process.stderr.write(
    `skipped ${counted(to - from, 'record')} that are gone: ${origin}/${epoch}, ${from} to ${to - 1}\n`,
  )
}

async function printCursor(consumer: Consumer, json: boolean): Promise<void> {
  const cursor = cursorText(consumer.cursor)
  if (json) await write(`${JSON.stringify({ cursor })}\n`)
  else if (cursor !== '') process.stderr.write(`cursor ${cursor}\n`)
}

/** Written at once: a write a record costs more than all the rest. */
const pieceBytes = 64 * 1024

const lineEnd = Uint8Array.of(10)

function* linesOf(records: Iterable<ConsumedRecord>): Generator<Uint8Array> {
  let parts: Uint8Array[] = []
  let bytes = 0
  for (const { value } of records) {
    parts.push(value, lineEnd)
    bytes += value.length + 1
    if (bytes < pieceBytes) continue
    yield Buffer.concat(parts)
    parts = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(parts)
}

function* jsonOf(records: Iterable<ConsumedRecord>): Generator<string> {
  let text = ''
  for (const record of records) {
    text += asJson(record)
    if (text.length < pieceBytes) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function asJson({
  topic,
  origin,
  epoch,
  offset,
  timestampMs,
  producedMs,
  key,
  value,
  headers,
}: ConsumedRecord): string {
  const shown = headers.map(([name, content]) => [name, textOrBase64(content)])
  const id = { topic, origin, epoch, offset, timestampMs, producedMs }
  return `${JSON.stringify({ ...id, key: textOrBase64(key), value: textOrBase64(value), headers: shown })}\n`
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** 10m → milliseconds. */
function ago(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (amount === undefined) throw new InvalidArgumentError('needs a number and a unit: 90s, 10m, 12h or 7d.')
  return Number(amount) * unitMs[unit as keyof typeof unitMs]
}

function time(text: string): number {
  // Not what else `Date` takes for a time: "7" would be a month.
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!(ms >= 0)) throw new InvalidArgumentError('needs a time like 2026-01-31T12:00:00Z.')
  return ms
}

function position(text: string): { origin: string; epoch: string; offset: number } {
  const [origin, epoch, digits, ...rest] = text.split('/')
  if (!origin || epoch === undefined || !/^\d{1,15}$/.test(digits ?? '') || rest.length > 0) {
    throw new InvalidArgumentError('needs ORIGIN/EPOCH/OFFSET, as --json and the produce command print them.')
  }
  const run = parseEpoch(epoch)
  if (!run.ok) throw new InvalidArgumentError(`${run.problem}.`)
  return { origin, epoch: run.value, offset: Number(digits) }
}

function awaited(text: string, before: Uint8Array | RecordId[] = []): Uint8Array | RecordId[] {
  const one = text.includes('/') ? position(text) : cursorOf(text)
  const ids = [before, one].every((each) => !(each instanceof Uint8Array))
  if (ids) return [...(before as RecordId[]), one as RecordId]
  if (one instanceof Uint8Array && before.length === 0) return one
  throw new InvalidArgumentError('needs records, or one cursor.')
}

function order(text: string): 'arrival' | 'timestamp' {
  if (text === 'arrival' || text === 'timestamp') return text
  throw new InvalidArgumentError('needs arrival or timestamp.')
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}
