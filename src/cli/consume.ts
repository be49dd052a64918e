import { type Command, InvalidArgumentError } from 'commander'
import type { Consumer } from '../client/consumer.ts'
import type { ConsumedRecord } from '../client/record.ts'
import { type ConnectionFlags, wholeNumber, withClient, withConnectionFlags } from './connection.ts'
import { onInterrupt } from './interrupt.ts'
import { textOrBase64, write } from './output.ts'

interface ConsumeFlags extends ConnectionFlags {
  readonly from: 'start' | 'end' | Uint8Array
  readonly follow?: boolean
  readonly origin?: string
  readonly max?: number
  readonly json?: boolean
}

export function addConsume(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('consume')
    .description('Read records: their values, one a line.')
    .argument('<TOPIC>')
    .option(
      '--from <start|end|CURSOR>',
      'where to begin; a cursor comes from an earlier reading, of any node',
      from,
      'start',
    )
    .option('--follow', 'go on with what is written from now on')
    .option('--origin <NODE>', 'only what this node wrote')
    .option('--max <N>', 'end after this many records', wholeNumber(1))
    .option('--json', 'one JSON object a line: the id, time, key, value and headers; the cursor last')
    .action(async (topic: string, flags: ConsumeFlags) => {
      const exitCode = await withClient(flags, (client) => {
        const { from, follow, origin, max } = flags
        return printAll(
          client.consumer({
            topic,
            from,
            ...(follow !== undefined && { follow }),
            ...(origin !== undefined && { origin }),
            ...(max !== undefined && { maxRecords: max }),
          }),
          flags.json ? asJson : asLine,
          flags.json === true,
        )
      })
      ended(exitCode)
    })
    .addHelpText(
      'after',
      `
The cursor behind the last record goes to stderr: --from CURSOR goes on there, at any node.
Keys, values and header values that are not UTF-8 appear in JSON as {"base64": "…"}.

Examples:
  $ reeve consume clock
  $ reeve consume clock --follow --from end --addr 127.0.0.1:8401
  $ reeve consume clock --origin a --max 10 --json | jq .value`,
    )
  withConnectionFlags(command)
}

async function printAll(
  consumer: Consumer,
  print: (record: ConsumedRecord) => string | Uint8Array,
  json: boolean,
): Promise<number> {
  let interrupted: number | undefined
  let count = 0
  const restore = onInterrupt((_signal, exitCode) => {
    interrupted = exitCode
    consumer.close()
  })
  try {
    for await (const record of consumer) {
      await write(print(record))
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

async function printCursor(consumer: Consumer, json: boolean): Promise<void> {
  const cursor = Buffer.from(consumer.cursor).toString('base64url')
  if (json) await write(`${JSON.stringify({ cursor })}\n`)
  else if (cursor !== '') process.stderr.write(`cursor ${cursor}\n`)
}

function asLine(record: ConsumedRecord): Uint8Array {
  const line = new Uint8Array(record.value.length + 1)
  line.set(record.value)
  line[record.value.length] = 10
  return line
}

function asJson({ key, value, headers, ...rest }: ConsumedRecord): string {
  const shown = headers.map(([name, content]) => [name, textOrBase64(content)])
  return `${JSON.stringify({ ...rest, key: textOrBase64(key), value: textOrBase64(value), headers: shown })}\n`
}

function from(text: string): 'start' | 'end' | Uint8Array {
  if (text === 'start' || text === 'end') return text
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new InvalidArgumentError('needs start, end or a cursor.')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
