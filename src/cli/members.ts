import type { Command } from 'commander'
import type { KnownServer } from '../client/resolver.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { table, write } from './output.ts'

export function addMembers(program: Command): void {
  const command = program
    .command('members')
    .description('List the members of the cluster, as one node sees them.')
    .option('--json', 'one JSON array')
    .action(async (flags: ConnectionFlags & { json?: boolean }) => {
      const servers = await withClient(flags, (client) => client.servers())
      servers.sort((a, b) => (a.name < b.name ? -1 : 1))
      await write(flags.json ? `${JSON.stringify(servers.map(asJson), null, 2)}\n` : asTable(servers))
    })
    .addHelpText(
      'after',
      `
Examples:
  $ reeve members
  $ reeve members --addr 10.0.0.7:8400 --json | jq -r '.[] | select(.status == "failed") | .name'`,
    )
  withConnectionFlags(command)
}

function asTable(servers: readonly KnownServer[]): string {
  return table(
    ['name', 'status', 'rtt ms', 'gossip', 'rpc', 'epoch', 'replicator', 'tags'],
    servers.map((server) => [
      server.self ? `${server.name} *` : server.name,
      server.status,
      server.self ? '-' : (server.rttMs?.toFixed(2) ?? '-'),
      server.gossipAddress,
      server.rpcAddress ?? '-',
      server.epoch ?? '-',
      server.replicator || '-',
      [...server.tags]
        .filter(([key]) => !['rpc_addr', 'epoch', 'cluster'].includes(key))
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ]),
  )
}

function asJson(server: KnownServer): object {
  return { ...server, tags: Object.fromEntries(server.tags) }
}
