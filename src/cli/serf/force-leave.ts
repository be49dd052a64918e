import type { Command } from 'commander'
import { write } from '../output.ts'
import { type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

export function addForceLeave(program: Command): void {
  const command = program
    .command('force-leave')
    .helpGroup(serfGroup)
    .description('Declare a failed member left, so that nobody tries to reach it any more.')
    .argument('<NODE>', 'name of the member')
    .option('--prune', 'forget it at once')
    .option('--json', 'one JSON object')
    .action(async (node: string, flags: SerfFlags & { prune?: boolean; json?: boolean }) => {
      await withSerf(flags, (client) => client.forceLeave(node, flags.prune ?? false))
      await write(flags.json ? `${JSON.stringify({ node })}\n` : `${node} counts as left, unless it contradicts\n`)
    })
    .addHelpText(
      'after',
      `
One that is alive contradicts and stays. What it wrote stays on the others.

Examples:
  $ reeve force-leave c
  $ reeve force-leave --prune c`,
    )
  withSerfFlags(command)
}
