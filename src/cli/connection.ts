/** The flags of commands that talk to a cluster, and the client they make. */

import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseAddress } from '../address.ts'
import { type Client, connect } from '../client/client.ts'
import type { Address, Env, TlsMaterial } from '../env/env.ts'
import { ReeveError } from '../errors.ts'

export interface ConnectionFlags {
  readonly addr: Address[]
  readonly tlsCaFile?: string
  readonly tlsCertFile?: string
  readonly tlsKeyFile?: string
  readonly tlsServerName?: string
  readonly timeoutMs: number
}

/** Adds `--addr`, the TLS flags and `--timeout-ms`. */
export function withConnectionFlags(command: Command): Command {
  return command
    .optionsGroup('Connection:')
    .addOption(
      new Option('--addr <HOST:PORT,…>', 'RPC addresses of any nodes')
        .env('REEVE_ADDR')
        .default(parseAddresses('127.0.0.1:8400'), '127.0.0.1:8400')
        .argParser(parseAddresses),
    )
    .addOption(new Option('--tls-ca-file <FILE>', 'speak TLS, believe this authority').env('REEVE_TLS_CA_FILE'))
    .addOption(new Option('--tls-cert-file <FILE>', 'client certificate to show').env('REEVE_TLS_CERT_FILE'))
    .addOption(new Option('--tls-key-file <FILE>', 'its private key').env('REEVE_TLS_KEY_FILE'))
    .addOption(
      new Option('--tls-server-name <NAME>', 'name the server must prove; default: the host').env(
        'REEVE_TLS_SERVER_NAME',
      ),
    )
    .addOption(
      new Option('--timeout-ms <MS>', 'give up when no server answers for this long')
        .default(10_000)
        .argParser(wholeNumber(1, 3_600_000)),
    )
}

function parseAddresses(text: string): Address[] {
  return text.split(',').map((part) => {
    const address = parseAddress(part.trim())
    if (!address || address.port === 0) throw new InvalidArgumentError(`needs HOST:PORT, not "${part}".`)
    return address
  })
}

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(
        `needs a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`}.`,
      )
    }
    return value
  }
}

/** Runs `use` with a client of the cluster the flags name, and closes it. */
export async function withClient<T>(flags: ConnectionFlags, use: (client: Client) => Promise<T>): Promise<T> {
  const tls = tlsOf(flags)
  const client = connect({
    addresses: flags.addr,
    timeoutMs: flags.timeoutMs,
    env: await clientEnv(),
    ...(tls && { tls }),
    ...(flags.tlsServerName !== undefined && { serverName: flags.tlsServerName }),
  })
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

/** The real clock and calls; loaded late, because help needs neither. */
export async function clientEnv(): Promise<Pick<Env, 'rpc' | 'clock' | 'random'>> {
  const { createRealEnv } = await import('../env/real.ts')
  return createRealEnv()
}

export function tlsOf(flags: ConnectionFlags): TlsMaterial | undefined {
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = flags
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    throw new ReeveError('CONFIG_INVALID', '--tls-cert-file and --tls-key-file belong together')
  }
  if (tlsCaFile === undefined && tlsCertFile === undefined) return undefined
  return {
    ...(tlsCaFile !== undefined && { ca: readInput(tlsCaFile, '--tls-ca-file') }),
    ...(tlsCertFile !== undefined && { cert: readInput(tlsCertFile, '--tls-cert-file') }),
    ...(tlsKeyFile !== undefined && { key: readInput(tlsKeyFile, '--tls-key-file') }),
  }
}

/** A file somebody named; `source` says where. Throws `CONFIG_INVALID`. */
export function readInput(path: string, source: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new ReeveError('CONFIG_INVALID', `${source}: cannot read ${path} (${code})`, { cause: error })
  }
}
