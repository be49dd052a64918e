import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { formatKey } from '../gossip/keys.ts'
import { write } from './output.ts'

/** AES-256. */
const keyBytes = 32

export function addKeygen(program: Command): void {
  program
    .command('keygen')
    .description('Print a new key for the encryption of gossip: 32 random bytes in base64.')
    .action(() => write(`${formatKey(randomBytes(keyBytes))}\n`))
    .addHelpText(
      'after',
      `
Whoever has the key can join the cluster and command it. Serf agents take the same keys
(-encrypt KEY, or -keyring-file with the same kind of file).

Examples:
  $ REEVE_GOSSIP_KEY=$(reeve keygen) reeve agent --node-name a
  $ (umask 077; printf '["%s"]\\n' "$(reeve keygen)" > keys.json)
  $ reeve agent --node-name a --gossip-keyring-file keys.json`,
    )
}
