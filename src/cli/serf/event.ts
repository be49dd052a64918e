import type { Command } from 'commander'
import { write } from '../output.ts'
import { type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

export function addEvent(program: Command): void {
  const command = program
    .command('event')
    .helpGroup(serfGroup)
    .description('Tell every member something: a name and up to about 500 bytes.')
    .argument('<NAME>', 'of the event')
    .argument('[PAYLOAD]', 'what goes with it', '')
    .option('--coalesce', 'receivers may take the newest of several with this name for all of them')
    .option('--json', 'one JSON object')
    .action(async (name: string, payload: string, flags: SerfFlags & { coalesce?: boolean; json?: boolean }) => {
      await withSerf(flags, (client) => client.event(name, Buffer.from(payload), flags.coalesce ?? false))
      await write(flags.json ? `${JSON.stringify({ event: name })}\n` : `event ${name} is on its way\n`)
    })
    .addHelpText(
      'after',
      `
Examples:
  $ reeve event deploy v1.2.3
  $ reeve event --coalesce config-changed --serf-rpc-addr 127.0.0.1:7374`,
    )
  withSerfFlags(command)
}
