import type { Command } from 'commander'
import { distanceNs } from '../../gossip/coordinate.ts'
import { Exit } from '../exit.ts'
import { write } from '../output.ts'
import { type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

export function addRtt(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('rtt')
    .helpGroup(serfGroup)
    .description('Estimate the round trip between two members.')
    .argument('<A>', 'name of a member')
    .argument('[B]', 'name of another one; default: the member that is asked')
    .option('--json', 'one JSON object')
    .action(async (from: string, other: string | undefined, flags: SerfFlags & { json?: boolean }) => {
      await withSerf(flags, async (client) => {
        const to = other ?? (await client.stats()).get('agent')?.get('name') ?? ''
        const [a, b] = [await client.coordinate(from), await client.coordinate(to)]
        if (!a || !b) {
          process.stderr.write(`reeve: ${a ? to : from} has no coordinate: it is no member, or was not probed yet\n`)
          return ended(Exit.failure)
        }
        const rttMs = distanceNs(a, b) / 1e6
        await write(
          flags.json ? `${JSON.stringify({ from, to, rttMs })}\n` : `${from} - ${to}: ${rttMs.toFixed(3)} ms\n`,
        )
      })
    })
    .addHelpText(
      'after',
      `
Nobody is probed for it: members learn from the probes of gossip where the others are.

Examples:
  $ reeve rtt b
  $ reeve rtt b c --json | jq .rttMs`,
    )
  withSerfFlags(command)
}
