import type { Command } from 'commander'
import { formatAddress } from '../address.ts'
import { ReeveError } from '../errors.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { write } from './output.ts'

export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .description("Ask one node for a link to its inspector's page; it works once.")
    .action(async (flags: ConnectionFlags) => {
      const link = await withClient(flags, (client) => client.inspectorLink())
      if (link === undefined) {
        const node = formatAddress(flags.addr[0]!)
        throw new ReeveError('CONFIG_INVALID', `${node} serves no page: it needs --http-port, and not --inspect false`)
      }
      await write(`${link}\n`)
    })
    .addHelpText(
      'after',
      `
The page shows the whole cluster, whichever node serves it. Only the first address of
--addr is asked. The link is for that node's machine: its HTTP port is on loopback, unless
--http-host says otherwise.

Examples:
  $ reeve inspect
  $ xdg-open "$(reeve inspect --addr 127.0.0.1:8401)"`,
    )
  withConnectionFlags(command)
}
