import { type Command, Option } from 'commander'
import type { EventRecord, SerfClient } from '../../serf-rpc/client.ts'
import { onInterrupt } from '../interrupt.ts'
import { textOrBase64, write } from '../output.ts'
import { type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

interface MonitorFlags extends SerfFlags {
  readonly level: string
  readonly events: string
  readonly json?: boolean
}

export function addMonitor(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('monitor')
    .helpGroup(serfGroup)
    .description("Watch one member: its log, the recent lines first, and the cluster's events as it sees them.")
    .addOption(
      new Option('--level <LEVEL>', 'least important line')
        .default('info')
        .choices(['trace', 'debug', 'info', 'warn', 'err']),
    )
    .option('--events <FILTER>', 'which events, such as member-failed,user:deploy', '*')
    .option('--json', 'one JSON object a line')
    .action(async (flags: MonitorFlags) => {
      ended(await withSerf(flags, (client) => watch(client, flags)))
    })
    .addHelpText(
      'after',
      `
Goes on until it is interrupted.

Examples:
  $ reeve monitor
  $ reeve monitor --level err --events member-failed,member-leave --json | jq .members`,
    )
  withSerfFlags(command)
}

/** Resolves with the exit code of the signal that ended it. */
function watch(client: SerfClient, { level, events, json }: MonitorFlags): Promise<number> {
  return new Promise((resolve, reject) => {
    const restore = onInterrupt((_signal, exitCode) => {
      restore()
      resolve(exitCode)
    })
    const failed = (error: unknown) => {
      restore()
      reject(error)
    }
    const print = (text: string) => void write(`${text}\n`).catch(failed)
    const line = (log: string) => print(json ? JSON.stringify({ log }) : log)
    const event = (record: EventRecord) => print(json ? JSON.stringify(plain(record)) : asLine(record))
    client
      .stream(events, event, failed)
      .then(() => client.monitor(level, line, failed))
      .catch(failed)
  })
}

function plain({ event, members, name, payload, lTime }: EventRecord): object {
  if (event.startsWith('member-')) return { event, members: members.map((member) => member.name) }
  return { event, name, payload: textOrBase64(payload), lTime: String(lTime) }
}

function asLine({ event, members, name, payload }: EventRecord): string {
  if (event.startsWith('member-')) return `${event}: ${members.map((member) => member.name).join(', ')}`
  const shown = textOrBase64(payload)
  return `${event} ${name}: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`
}
