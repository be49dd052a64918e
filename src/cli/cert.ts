import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { makeFolder } from '../env/make-folder.ts'
import { ReeveError } from '../errors.ts'
import { parseNodeName } from '../log/log-id.ts'
import type { Leaf, Pem } from './certificates.ts'
import { readInput } from './connection.ts'
import { write } from './output.ts'

interface CertFlags {
  readonly dir: string
  readonly force?: boolean
}

interface LeafFlags extends CertFlags {
  readonly name: string
  readonly cluster: string
  readonly host?: string[]
}

export function addCert(program: Command): void {
  const cert = program
    .command('cert')
    .description('Make certificates for development: an authority, and what it signs.')
    .addHelpText(
      'after',
      `
Examples:
  $ reeve cert ca
  $ reeve cert server --name a --host 10.0.0.7
  $ reeve cert client --name alice
  $ reeve agent --node-name a --server-tls-cert-file certs/a-server.pem \\
      --server-tls-key-file certs/a-server-key.pem --server-tls-ca-file certs/ca.pem
  $ reeve members --tls-ca-file certs/ca.pem --tls-cert-file certs/alice-client.pem \\
      --tls-key-file certs/alice-client-key.pem

One server certificate a node is enough: the node also shows it to the nodes it calls. A peer
certificate is for calling only, for nodes that are to have two (--peer-tls-cert-file).

A policy names the holders: spiffe://CLUSTER/node/NAME, spiffe://CLUSTER/client/NAME. Names of
this machine (localhost, 127.0.0.1) are in every server certificate; --host adds others. Keep the
authority's key to yourself.`,
    )
  withFiles(cert.command('ca'))
    .description('A certificate authority, valid for ten years.')
    .option('--name <NAME>', 'its common name', 'Reeve development CA')
    .action(async (flags: CertFlags & { name: string }) => {
      const { createAuthority } = await import('./certificates.ts')
      await save(flags, 'ca', () => createAuthority(flags.name, Date.now()))
    })
  const kinds = [
    ['server', 'What a node shows to those who call it.'],
    ['peer', 'What a node shows to the nodes it calls.'],
    ['client', 'What a person or program shows to nodes.'],
  ] as const
  for (const [kind, description] of kinds) {
    const command = withFiles(cert.command(kind))
      .description(`${description} Valid for a year.`)
      .requiredOption('--name <NAME>', kind === 'client' ? 'name of the client' : 'name of the node', nodeName)
      .option('--cluster <NAME>', 'name of the cluster', trustDomain, 'reeve')
    if (kind !== 'client') {
      command.option(
        '--host <HOST>',
        'further name or address of the node; repeatable',
        (host: string, before: string[] = []) => [...before, hostName(host)],
      )
    }
    command.action((flags: LeafFlags) => saveLeaf(kind, flags))
  }
}

function withFiles(command: Command): Command {
  return command.option('--dir <DIR>', 'folder for the files', 'certs').option('--force', 'replace files that exist')
}

async function saveLeaf(kind: 'server' | 'peer' | 'client', flags: LeafFlags): Promise<void> {
  const { createLeaf } = await import('./certificates.ts')
  const authority = {
    certificate: text(readInput(join(flags.dir, 'ca.pem'), 'first run `reeve cert ca`')),
    key: text(readInput(join(flags.dir, 'ca-key.pem'), 'first run `reeve cert ca`')),
  }
  await save(flags, `${flags.name}-${kind}`, () => createLeaf(authority, leafOf(kind, flags), Date.now()))
}

/** What a certificate of that kind says of its holder. */
export function leafOf(kind: 'server' | 'peer' | 'client', { name, cluster, host = [] }: LeafFlags): Leaf {
  if (kind === 'client') {
    return { name, dnsNames: [], ipAddresses: [], uri: `spiffe://${cluster}/client/${name}`, uses: ['client'] }
  }
  const hosts = [...new Set([name, 'localhost', '127.0.0.1', ...host])]
  return {
    name,
    dnsNames: hosts.filter((each) => isIP(each) === 0),
    ipAddresses: hosts.filter((each) => isIP(each) !== 0),
    uri: `spiffe://${cluster}/node/${name}`,
    uses: kind === 'server' ? ['server', 'client'] : ['client'],
  }
}

async function save(flags: CertFlags, name: string, make: () => Promise<Pem>): Promise<void> {
  const certificateFile = join(flags.dir, `${name}.pem`)
  const keyFile = join(flags.dir, `${name}-key.pem`)
  const taken = [certificateFile, keyFile].filter((path) => existsSync(path))
  if (taken.length > 0 && !flags.force) {
    throw new ReeveError(
      'CONFIG_INVALID',
      `${taken.join(' and ')} exist${taken.length > 1 ? '' : 's'}; --force replaces`,
    )
  }
  const made = await make()
  try {
    makeFolder(flags.dir)
    writeFileSync(keyFile, made.key, { mode: 0o600 })
    chmodSync(keyFile, 0o600)
    writeFileSync(certificateFile, made.certificate)
  } catch (error) {
    throw new ReeveError('CONFIG_INVALID', `--dir: cannot write there (${(error as Error).message})`, { cause: error })
  }
  await write(`${certificateFile}\n${keyFile}\n`)
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function nodeName(name: string): string {
  const parsed = parseNodeName(name)
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.problem}.`)
  return name
}

/** A SPIFFE trust domain: lower case only. */
function trustDomain(name: string): string {
  if (!/^[a-z0-9._-]{1,128}$/.test(name)) {
    throw new InvalidArgumentError('needs lower-case letters, digits, dots, dashes and underscores.')
  }
  return name
}

function hostName(host: string): string {
  if (isIP(host) === 0 && !/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/.test(host)) {
    throw new InvalidArgumentError('needs a host name or an IP address.')
  }
  return host
}
