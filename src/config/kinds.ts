/**
 * The kinds of value a setting can have. Each reads both what a flag or variable gives (text) and what a file or the
 * object for `createNode` gives (numbers, lists, maps), and says in one phrase what it needs.
 */

import { z } from 'zod'
import { parseAddress } from '../address.ts'
import { settingBounds } from '../catalog/setting-bounds.ts'
import type { Address } from '../env/env.ts'
import { parseKey } from '../gossip/keys.ts'
import { parseNodeName } from '../log/log-id.ts'

export interface Kind<Input, Output> {
  /** Continues "needs …". */
  readonly needs: string
  /** How help names the value, such as `HOST:PORT`; empty for a switch. */
  readonly placeholder: string
  /** Undefined: not such a value. */
  readonly read: (value: unknown) => Output | undefined
  /** No message repeats a value of this kind. */
  readonly secret?: true
  /** Never there; carries the type a program may write. */
  readonly input?: Input
}

/** Serf's default gossip port. */
export const gossipPort = 7946
/** Serf's default port for its command line. */
export const serfRpcPort = 7373

export function isIpAddress(host: string): boolean {
  return z.ipv4().safeParse(host).success || z.ipv6().safeParse(host).success
}

/** Like `parseAddress`, and a host alone has the default port. */
function hostAndPort(value: unknown, defaultPort: number): Address | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (z.ipv6().safeParse(text).success) return { host: text, port: defaultPort }
  return parseAddress(text) ?? parseAddress(`${text}:${defaultPort}`)
}

/** Where something listens. */
const listenAddress = (defaultPort: number): Kind<string, Address> => ({
  needs: `an IP address and port such as 127.0.0.1:${defaultPort} or [::1]:${defaultPort}`,
  placeholder: 'IP:PORT',
  read: (value) => {
    const address = hostAndPort(value, defaultPort)
    return address && isIpAddress(address.host) ? address : undefined
  },
})

export const bindAddress = listenAddress(gossipPort)
export const serfRpcAddress = listenAddress(serfRpcPort)

/** Something secret; never shown. */
export const secret: Kind<string, string> = {
  needs: 'a text that is not empty',
  placeholder: 'KEY',
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
}

/** Port 0 stands for the port that was bound. */
export const advertiseAddress: Kind<string, Address> = {
  needs: 'the IP address, and if it differs the port, at which other nodes reach this one, such as 10.0.0.7',
  placeholder: 'IP[:PORT]',
  read: (value) => {
    const address = hostAndPort(value, 0)
    const wildcard = address && (address.host === '0.0.0.0' || address.host === '::')
    return address && !wildcard && isIpAddress(address.host) ? address : undefined
  },
}

/** Somewhere to connect to. */
export const serfAgentAddress: Kind<string, Address> = {
  needs: `HOST:PORT such as 127.0.0.1:${serfRpcPort}`,
  placeholder: 'HOST:PORT',
  read: (value) => {
    const address = hostAndPort(value, serfRpcPort)
    return address && address.port > 0 ? address : undefined
  },
}

export const ipAddress: Kind<string, string> = {
  needs: 'an IP address such as 127.0.0.1',
  placeholder: 'IP',
  read: (value) => (typeof value === 'string' && isIpAddress(value) ? value : undefined),
}

export const addressList: Kind<string | readonly string[], Address[]> = {
  needs: 'HOST:PORT, more than one separated by commas',
  placeholder: 'HOST:PORT,…',
  read: (value) => {
    const addresses = parts(value)?.map((part) => hostAndPort(part, gossipPort))
    return addresses?.every((address): address is Address => address !== undefined && address.port > 0)
      ? addresses
      : undefined
  },
}

/** Text with commas, or a list of such texts (a repeated flag, a list in a file). */
function parts(value: unknown): string[] | undefined {
  const texts = Array.isArray(value) ? value : [value]
  if (!texts.every((text) => typeof text === 'string')) return undefined
  return texts.flatMap((text) => text.split(',')).map((text) => text.trim())
}

export const tagMap: Kind<string | Readonly<Record<string, string>>, ReadonlyMap<string, string>> = {
  needs: 'KEY=VALUE, more than one separated by commas',
  placeholder: 'KEY=VALUE,…',
  read: (value) => {
    const tags = new Map<string, string>()
    for (const [key, text] of tagPairs(value) ?? [['', '']]) {
      if (typeof text !== 'string' || !/^[\w.-]{1,64}$/.test(key) || tags.has(key)) return undefined
      tags.set(key, text)
    }
    return tags
  },
}

function tagPairs(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Map) return [...value].map(([key, text]) => [String(key), text])
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value)
  return parts(value)?.map((part) => {
    const equals = part.indexOf('=')
    return equals < 0 ? ['', ''] : [part.slice(0, equals), part.slice(equals + 1)]
  })
}

export const port: Kind<number | string, number> = {
  needs: 'a port, 0 to 65535',
  placeholder: 'PORT',
  read: (value) => wholeNumber(value, 0, 65535),
}

export const durationMs = (min: number, max: number): Kind<number | string, number> => ({
  needs: `milliseconds, ${min} to ${max}`,
  placeholder: 'MS',
  read: (value) => wholeNumber(value, min, max),
})

function wholeNumber(value: unknown, min: number, max: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max
    ? number
    : undefined
}

const unitMs = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])

/** 90000, 90s, 15m, 12h, 7d or 2w; a number alone is milliseconds. Undefined: none of it. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,15}) ?([a-z]*)$/i.exec(text)
  const unit = unitMs.get(match?.[2]?.toLowerCase() ?? '')
  const ms = match && unit !== undefined ? Number(match[1]) * unit : Number.NaN
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** 1048576, 512KiB, 10GiB; undefined: none of it. */
export function parseByteCount(text: string): number | undefined {
  const match = /^(\d{1,15}) ?([a-z]*)$/i.exec(text)
  const unit = unitBytes.get(match?.[2]?.toLowerCase() ?? '')
  const bytes = match && unit !== undefined ? Number(match[1]) * unit : Number.NaN
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Something given as a number or as text with a unit; 0: no limit. */
const limit = (
  needs: string,
  placeholder: string,
  min: number,
  parse: (text: string) => number | undefined,
): Kind<number | string, number> => ({
  needs,
  placeholder,
  read: (value) => {
    const number = wholeNumber(typeof value === 'string' ? parse(value) : value, 0, Number.MAX_SAFE_INTEGER)
    return number === 0 || (number !== undefined && number >= min) ? number : undefined
  },
})

export const retentionTime = limit(
  'a time such as 12h, 7d or milliseconds, at least 1s, or 0 for no limit',
  'TIME',
  settingBounds.retentionMs[0],
  parseDurationMs,
)
export const retentionSize = limit(
  'bytes such as 1073741824, 512MiB or 10GiB, at least 64 KiB, or 0 for no limit',
  'BYTES',
  settingBounds.retentionBytes[0],
  parseByteCount,
)
export const retentionCount = limit(
  'a number of records, or 0 for no limit',
  'N',
  settingBounds.retentionRecords[0],
  (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
)

const unitBytes = new Map([
  ['', 1],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
  ['tib', 1024 ** 4],
])

export const byteCount = (min: number, max: number): Kind<number | string, number> => ({
  needs: `bytes such as 1048576, 512KiB or 64MiB, ${formatBytes(min)} to ${formatBytes(max)}`,
  placeholder: 'BYTES',
  read: (value) => {
    return wholeNumber(typeof value === 'string' ? parseByteCount(value) : value, min, max)
  },
})

export function formatBytes(bytes: number): string {
  for (const [name, size] of [['GiB', 1024 ** 3] as const, ['MiB', 1024 ** 2] as const, ['KiB', 1024] as const]) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${name}`
  }
  return String(bytes)
}

export function choice<const T extends string>(placeholder: string, options: readonly T[]): Kind<T, T> {
  return {
    needs: `one of ${options.join(', ')}`,
    placeholder,
    read: (value) => options.find((option) => option === value),
  }
}

export const yesNo: Kind<boolean | 'true' | 'false', boolean> = {
  needs: 'true or false',
  placeholder: '',
  read: (value) =>
    value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined,
}

/** The same with its value spelt out: for what is on unless it is switched off. */
export const onUnlessFalse: Kind<boolean | 'true' | 'false', boolean> = { ...yesNo, placeholder: 'BOOLEAN' }

export const file: Kind<string, string> = {
  needs: 'the path of a file',
  placeholder: 'FILE',
  read: readPath,
}

/** Read as a function: no log or inspector that comes across a configuration shows what it gives. */
export const gossipKey: Kind<string, () => Uint8Array> = {
  needs: 'base64 of 16, 24 or 32 bytes, as `reeve keygen` prints it',
  placeholder: 'KEY',
  secret: true,
  read: (value) => {
    const key = parseKey(typeof value === 'string' ? value.trim() : '')
    return key.ok ? () => key.value : undefined
  },
}

export const label: Kind<string, string> = {
  needs: 'text of 1 to 255 bytes',
  placeholder: 'TEXT',
  read: (value) => {
    if (typeof value !== 'string') return undefined
    const { length } = new TextEncoder().encode(value)
    return length >= 1 && length <= 255 ? value : undefined
  },
}

export const folder: Kind<string, string> = {
  needs: 'the path of a folder',
  placeholder: 'DIR',
  read: readPath,
}

function readPath(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' && !value.includes('\0') ? value : undefined
}

export const name: Kind<string, string> = {
  needs: 'a name of 1 to 128 letters, digits, dots, dashes or underscores that begins with a letter or digit',
  placeholder: 'NAME',
  read: (value) => (typeof value === 'string' && parseNodeName(value).ok ? value : undefined),
}
