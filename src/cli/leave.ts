import type { Command } from 'commander'
import { formatAddress } from '../address.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { write } from './output.ts'

export function addLeave(program: Command): void {
  const command = program
    .command('leave')
    .description('Ask one node to leave its cluster gracefully and stop.')
    .action(async (flags: ConnectionFlags) => {
      await withClient(flags, (client) => client.leave())
      await write(`${formatAddress(flags.addr[0]!)} is leaving\n`)
    })
    .addHelpText(
      'after',
      `
The others see it as left, not failed, and what it wrote stays on them. Only the first
address of --addr is asked.

Example:
  $ reeve leave --addr 127.0.0.1:8401`,
    )
  withConnectionFlags(command)
}
