import { type Command, Option } from 'commander'
import type { QueryOptions } from '../../actors/serf-member.ts'
import type { QueryRecord, SerfClient } from '../../serf-rpc/client.ts'
import { wholeNumber } from '../connection.ts'
import { onInterrupt } from '../interrupt.ts'
import { textOrBase64, write } from '../output.ts'
import { collect, collectPairs, type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

interface QueryFlags extends SerfFlags {
  readonly node?: string[]
  readonly tag?: ReadonlyMap<string, string>
  readonly ack: boolean
  readonly deadlineMs?: number
  readonly relayFactor?: number
  readonly json?: boolean
}

export function addQuery(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('query')
    .helpGroup(serfGroup)
    .description('Ask every member something and print the answers as they come.')
    .argument('<NAME>', 'of the query')
    .argument('[PAYLOAD]', 'what goes with it, up to about 900 bytes', '')
    .option('--node <NAME>', 'only this member; may be repeated', collect)
    .option(
      '--tag <KEY=PATTERN>',
      'only members whose tag matches, in the syntax of RE2; may be repeated',
      collectPairs,
    )
    .option('--no-ack', 'do not let members say that they have heard')
    .addOption(
      new Option('--deadline-ms <MS>', 'how long answers are taken; default: by the size of the cluster').argParser(
        wholeNumber(1, 3_600_000),
      ),
    )
    .addOption(
      new Option('--relay-factor <COUNT>', 'each answer also comes through this many other members').argParser(
        wholeNumber(0, 255),
      ),
    )
    .option('--json', 'one JSON object a line')
    .action(async (name: string, payload: string, flags: QueryFlags) => {
      ended(await withSerf(flags, (client) => ask(client, name, Buffer.from(payload), flags)))
    })
    .addHelpText(
      'after',
      `
Examples:
  $ reeve query load
  $ reeve query --tag role=web --deadline-ms 2000 uptime
  $ reeve query --node a --no-ack --json load | jq -r .payload`,
    )
  withSerfFlags(command)
}

function ask(client: SerfClient, name: string, payload: Uint8Array, flags: QueryFlags): Promise<number> {
  const options: QueryOptions = {
    requestAck: flags.ack,
    ...(flags.node && { filterNodes: flags.node }),
    ...(flags.tag && { filterTags: flags.tag }),
    ...(flags.deadlineMs !== undefined && { timeoutMs: flags.deadlineMs }),
    ...(flags.relayFactor !== undefined && { relayFactor: flags.relayFactor }),
  }
  return new Promise((resolve, reject) => {
    const restore = onInterrupt((_signal, exitCode) => conclude(() => resolve(exitCode)))
    const conclude = (settle: () => void) => {
      restore()
      settle()
    }
    const failed = (error: unknown) => conclude(() => reject(error))
    const counts = { ack: 0, response: 0 }
    const heard = (record: QueryRecord) => {
      if (record.type === 'ack' || record.type === 'response') {
        counts[record.type] += 1
        write(flags.json ? asJson(record) : asLine(record)).catch(failed)
        return
      }
      if (!flags.json) process.stderr.write(`${counts.ack} acks, ${counts.response} responses\n`)
      conclude(() => resolve(0))
    }
    client.query(name, payload, options, heard, failed).catch(failed)
  })
}

function asLine({ type, from, payload }: QueryRecord): string {
  if (type === 'ack') return `${from}: heard\n`
  const shown = textOrBase64(payload)
  return `${from}: ${typeof shown === 'string' ? shown.trimEnd() : JSON.stringify(shown)}\n`
}

function asJson({ type, from, payload }: QueryRecord): string {
  return `${JSON.stringify({ type, from, ...(type === 'response' && { payload: textOrBase64(payload) }) })}\n`
}
