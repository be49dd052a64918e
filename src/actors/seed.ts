import type { Address } from '../env/env.ts'

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
