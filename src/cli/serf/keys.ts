import type { Command } from 'commander'
import type { KeyResult } from '../../actors/serf-member.ts'
import { aesGcm } from '../../env/aes-gcm.ts'
import type { SerfClient } from '../../serf-rpc/client.ts'
import { keyProblem } from '../../serf-rpc/key-problem.ts'
import { Exit } from '../exit.ts'
import { table, write } from '../output.ts'
import { type SerfFlags, serfGroup, withSerf, withSerfFlags } from './connection.ts'

type KeyFlags = SerfFlags & { readonly json?: boolean }

const actions = [
  {
    word: 'install',
    command: 'install-key',
    says: 'Give every member a key, so that it understands what is sealed with it.',
  },
  { word: 'use', command: 'use-key', says: 'Let every member seal with a key that is installed.' },
  { word: 'remove', command: 'remove-key', says: 'Take a key from every member; not the one in use.' },
] as const

export function addKeys(program: Command, ended: (code: number) => void): void {
  const keys = program
    .command('keys')
    .description('List and change the keys that seal the gossip of all members.')
    .helpGroup(serfGroup)
    .addHelpText(
      'after',
      `
A change of keys takes three steps; reeve keygen makes a key. Listed is never a key but
its fingerprint, the first 8 digits of: base64 -d <<< KEY | sha256sum

Examples:
  $ reeve keys list
  $ reeve keys install NEW && reeve keys use NEW && reeve keys remove OLD`,
    )
  const run = async (flags: KeyFlags, command: Parameters<SerfClient['key']>[0], key: string) => {
    const result = await withSerf(flags, (client) => client.key(command, key))
    await write(flags.json ? asJson(result) : command === 'list-keys' ? asTable(result) : '')
    if (flags.json) return ended(keyProblem(result) === '' ? Exit.ok : Exit.failure)
    for (const [node, message] of result.messages) process.stderr.write(`${node}: ${message}\n`)
    const problem = keyProblem(result)
    if (problem !== '') {
      process.stderr.write(`reeve: ${problem}\n`)
      ended(Exit.failure)
    } else if (command !== 'list-keys') await write(`done on ${result.responses} members\n`)
  }
  const list = keys
    .command('list')
    .description('List the keys and how many members have each.')
    .option('--json', 'one JSON object')
    .action((flags: KeyFlags) => run(flags, 'list-keys', ''))
    .addHelpText('after', '\nExample:\n  $ reeve keys list')
  withSerfFlags(list)
  for (const { word, command, says } of actions) {
    const action = keys
      .command(word)
      .description(says)
      .argument('<KEY>', '16, 24 or 32 bytes in base64')
      .option('--json', 'one JSON object')
      .action((key: string, flags: KeyFlags) => run(flags, command, key))
      .addHelpText('after', `\nExample:\n  $ reeve keys ${word} pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=`)
    withSerfFlags(action)
  }
}

function asTable({ keys, primaryKeys, nodes }: KeyResult): string {
  const rows = [...keys].map(([key, count]) => {
    const inUse = primaryKeys.get(key)
    return [fingerprintOf(key), `${count}/${nodes}`, inUse === undefined ? '-' : `${inUse}/${nodes}`]
  })
  return table(['key', 'members', 'in use'], rows)
}

function asJson({ messages, keys, primaryKeys, ...counts }: KeyResult): string {
  const maps = { messages, keys: byFingerprint(keys), primaryKeys: byFingerprint(primaryKeys) }
  const plain = Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, Object.fromEntries(map)]))
  return `${JSON.stringify({ ...counts, ...plain })}\n`
}

function byFingerprint(counts: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...counts].map(([key, count]) => [fingerprintOf(key), count]))
}

function fingerprintOf(key: string): string {
  return aesGcm.fingerprint(Buffer.from(key, 'base64'))
}
