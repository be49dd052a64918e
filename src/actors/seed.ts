import type { Address, Env } from '../env/env.ts'
import { canonicalHost } from '../gossip/ip.ts'
import { isUnspecified } from './advertise.ts'

/**
 * Where to find a first member, as people write it: `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address,
 * optionally with `name/` in front, which Serf writes and nobody needs. Undefined: none of these.
 */
export function parseSeed(text: string, defaultPort: number): Address | undefined {
  const place = text.slice(text.lastIndexOf('/') + 1).trim()
  const bare = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%\w+)?$/.exec(place)
  if (bare) return { host: place, port: defaultPort }
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(place)
  if (!match) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  if (port < 1 || port > 65_535) return undefined
  return { host: (match[1] ?? match[2]) as string, port }
}

/** Every address of every seed, each once; problems for the seeds that have none. */
async function findSeeds(
  seeds: readonly string[],
  streams: Pick<Env['streams'], 'resolve'>,
  defaultPort: number,
): Promise<{ places: Address[]; problems: string[] }> {
  const problems: string[] = []
  const find = async (seed: string): Promise<Address[]> => {
    const at = parseSeed(seed, defaultPort)
    if (!at) {
      problems.push(`${seed}: not an address`)
      return []
    }
    try {
      const hosts = await streams.resolve(at.host)
      return hosts.map((host) => ({ host: canonicalHost(host), port: at.port }))
    } catch (error) {
      problems.push(`${seed}: ${(error as Error).message}`)
      return []
    }
  }
  const found = await Promise.all(seeds.map(find))
  const places = new Map(found.flat().map((at) => [`${at.host} ${at.port}`, at]))
  return { places: [...places.values()], problems }
}

/** The same without the places where we would reach ourselves. */
export async function findOthers(
  seeds: readonly string[],
  streams: Pick<Env['streams'], 'resolve' | 'ownAddresses'>,
  { advertised, bound }: { readonly advertised: Address; readonly bound: Address },
): Promise<{ places: Address[]; problems: string[] }> {
  const { places, problems } = await findSeeds(seeds, streams, bound.port)
  return { places: places.filter((at) => !isOwn(at, advertised, bound, streams)), problems }
}

function isOwn(
  { host, port }: Address,
  advertised: Address,
  bound: Address,
  streams: Pick<Env['streams'], 'ownAddresses'>,
): boolean {
  if (host === advertised.host && port === advertised.port) return true
  if (port !== bound.port) return false
  if (!isUnspecified(bound.host)) return host === canonicalHost(bound.host)
  return streams.ownAddresses().some((own) => canonicalHost(own) === host)
}
