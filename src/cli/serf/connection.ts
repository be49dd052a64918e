/** The flags of commands that go over a Serf RPC port, a node's or a serf agent's, and the client they make. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseAddress } from '../../address.ts'
import type { Address } from '../../env/env.ts'
import type { SerfClient } from '../../serf-rpc/client.ts'
import { readInput, wholeNumber } from '../connection.ts'

export interface SerfFlags {
  readonly serfRpcAddr: Address
  readonly serfRpcAuth?: string
  readonly serfRpcAuthFile?: string
  readonly timeoutMs: number
}

/** Where these commands stand in help. */
export const serfGroup = 'Over the Serf RPC port of a node (see --serf-rpc-addr of reeve agent) or of a serf agent:'

const defaultAddress = '127.0.0.1:7373'

export function withSerfFlags(command: Command): Command {
  return command
    .optionsGroup('Connection:')
    .addOption(
      new Option('--serf-rpc-addr <HOST:PORT>', 'the Serf RPC port of any member')
        .env('REEVE_SERF_RPC_ADDR')
        .default(readAddress(defaultAddress), defaultAddress)
        .argParser(readAddress),
    )
    .addOption(new Option('--serf-rpc-auth <KEY>', 'the key that it asks for').env('REEVE_SERF_RPC_AUTH'))
    .addOption(new Option('--serf-rpc-auth-file <FILE>', 'a file with that key').env('REEVE_SERF_RPC_AUTH_FILE'))
    .addOption(
      new Option('--timeout-ms <MS>', 'give up when it does not answer for this long')
        .default(30_000)
        .argParser(wholeNumber(1, 3_600_000)),
    )
}

function readAddress(text: string): Address {
  const address = parseAddress(text)
  if (!address || address.port === 0) throw new InvalidArgumentError(`needs HOST:PORT, not "${text}".`)
  return address
}

/** Runs `use` with a client of the port the flags name, and closes it. */
export async function withSerf<T>(flags: SerfFlags, use: (client: SerfClient) => Promise<T>): Promise<T> {
  const [{ connectSerf }, { realClock }, { realStreams }] = await Promise.all([
    import('../../serf-rpc/client.ts'),
    import('../../env/real-clock.ts'),
    import('../../env/real-streams.ts'),
  ])
  const file = flags.serfRpcAuthFile
  const authKey =
    file === undefined
      ? flags.serfRpcAuth
      : new TextDecoder().decode(readInput(file, '--serf-rpc-auth-file')).replace(/\r?\n$/, '')
  const client = await connectSerf({
    env: { clock: realClock, streams: realStreams },
    at: flags.serfRpcAddr,
    timeoutMs: flags.timeoutMs,
    ...(authKey !== undefined && { authKey }),
  })
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

/** KEY=VALUE, given any number of times. */
export function collectPairs(text: string, before: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError(`needs KEY=VALUE, not "${text}".`)
  return new Map([...before, [text.slice(0, equals), text.slice(equals + 1)]])
}

export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}
