/**
 * The one table of settings. Types, defaults, flags, `REEVE_…` variables, `--help` and the README's table all come from
 * here, so that a new setting is one entry.
 */

import { z } from 'zod'
import {
  addressList,
  advertiseAddress,
  bindAddress,
  byteCount,
  choice,
  durationMs,
  file,
  folder,
  formatBytes,
  gossipKey,
  ipAddress,
  type Kind,
  label,
  name,
  onUnlessFalse,
  port,
  retentionCount,
  retentionSize,
  retentionTime,
  secret,
  serfAgentAddress,
  serfRpcAddress,
  tagMap,
  yesNo,
} from './kinds.ts'

export type FieldGroup = 'Node' | 'Cluster' | 'Server' | 'Security' | 'Log' | 'Process'

export interface Field {
  /** The key in a file and in the object for `createNode`: `nodeName`, `serverTls.certFile`. */
  readonly path: string
  readonly flag: string
  readonly variable: string
  readonly group: FieldGroup
  readonly placeholder: string
  /** For people; empty: none. */
  readonly defaultText: string
  readonly summary: string
  readonly isPath: boolean
  readonly isSecret: boolean
  readonly isList: boolean
}

interface About {
  readonly group: FieldGroup
  readonly summary: string
  /** What help shows where there is no fixed default. */
  readonly defaultText?: string
}

const abouts = new Map<z.ZodType, { about: About; kind: Kind<unknown, unknown>; defaultText: string }>()

function schemaOf<I, O>(kind: Kind<I, O>): z.ZodType<O, I> {
  const schema = z.unknown().transform((value, context): O => {
    const output = kind.read(value)
    if (output !== undefined) return output
    context.addIssue({ code: 'custom', message: kind.needs })
    return z.NEVER
  })
  return schema as unknown as z.ZodType<O, I>
}

function described<S extends z.ZodType>(schema: S, kind: Kind<unknown, unknown>, about: About, defaultText: string): S {
  abouts.set(schema, { about, kind, defaultText })
  return schema
}

/** A setting with a default, written as a user would write it. */
function field<I, O>(kind: Kind<I, O>, initial: I, about: About) {
  const schema = schemaOf(kind).prefault(initial as never)
  const shown = Array.isArray(initial) ? initial.join(',') : typeof initial === 'object' ? '' : String(initial)
  return described(schema, kind, about, about.defaultText ?? shown)
}

/** A setting that may be absent. */
function optional<I, O>(kind: Kind<I, O>, about: About) {
  return described(schemaOf(kind).optional(), kind, about, about.defaultText ?? '')
}

/** A setting whose default is known only at start; `resolveConfig` fills it in. */
function required<I, O>(kind: Kind<I, O>, about: About) {
  return described(schemaOf(kind), kind, about, about.defaultText ?? '')
}

const megabyte = 1024 ** 2

const tlsFiles = (who: string, own: string, other: string) =>
  z
    .strictObject({
      certFile: optional(file, { group: 'Security', summary: `${who} certificate (PEM): ${own}.` }),
      keyFile: optional(file, { group: 'Security', summary: `Private key of that certificate (PEM).` }),
      caFile: optional(file, { group: 'Security', summary: `Certificate authority (PEM): ${other}.` }),
    })
    .optional()

export const configSchema = z.strictObject({
  nodeName: required(name, {
    group: 'Node',
    summary: 'Name of the node, unique in its cluster.',
    defaultText: 'the host name',
  }),
  dataDir: field(folder, 'reeve-data', {
    group: 'Node',
    summary: 'Folder for the logs; one process at a time uses it.',
  }),
  tags: field(tagMap, {}, { group: 'Node', summary: 'Tags (as Serf has them) that the other members see.' }),

  clusterName: field(name, 'reeve', {
    group: 'Cluster',
    summary: 'Nodes replicate only within a cluster of the same name.',
  }),
  bindAddr: field(bindAddress, '127.0.0.1:7946', {
    group: 'Cluster',
    summary: 'Where gossip listens, UDP and TCP; port 0 lets the system pick.',
  }),
  advertiseAddr: optional(advertiseAddress, {
    group: 'Cluster',
    summary: 'Where the other nodes reach this one, when that is not where it listens.',
    defaultText: 'bindAddr',
  }),
  startJoinAddrs: field(addressList, [], {
    group: 'Cluster',
    summary: 'Gossip addresses of any members; tried for as long as it takes.',
  }),
  joinRetryMs: field(durationMs(10, 600_000), 1_000, {
    group: 'Cluster',
    summary: 'Pause after the first failed attempt to join; it doubles from then on.',
  }),
  joinRetryMaxMs: field(durationMs(10, 3_600_000), 30_000, {
    group: 'Cluster',
    summary: 'Longest pause between attempts to join, also to join those who came up apart from us.',
  }),
  rejoinAfterLeave: field(onUnlessFalse, true, {
    group: 'Cluster',
    summary: 'Whether a node that was stopped in peace knows its cluster when it starts again.',
  }),
  serfAgent: optional(serfAgentAddress, {
    group: 'Cluster',
    summary: "RPC address of a Serf agent on this host that does the gossip in this node's stead.",
    defaultText: 'off',
  }),
  profile: field(choice('PROFILE', ['lan', 'wan', 'local']), 'lan', {
    group: 'Cluster',
    summary: "Gossip timing, memberlist's presets: lan, wan or local (one machine).",
  }),
  disableCoordinates: field(yesNo, false, {
    group: 'Cluster',
    summary: 'Do not estimate round trips: tell nobody where in the network this node is, nor learn where others are.',
  }),

  rpcHost: required(ipAddress, {
    group: 'Server',
    summary: 'Where clients and peers are served.',
    defaultText: "bindAddr's",
  }),
  rpcPort: field(port, 8400, {
    group: 'Server',
    summary: 'Port for gRPC, gRPC-Web and Connect; 0 lets the system pick.',
  }),
  httpHost: field(ipAddress, '127.0.0.1', { group: 'Server', summary: 'Where the plain HTTP/1.1 port listens.' }),
  httpPort: optional(port, {
    group: 'Server',
    summary: 'Plain HTTP/1.1 port for browsers (Connect, gRPC-Web); 0 lets the system pick.',
    defaultText: 'off',
  }),
  inspect: field(onUnlessFalse, true, {
    group: 'Server',
    summary:
      'Remember what the actors did lately; shown on the HTTP port (/inspector/) and to peers that may `inspect`.',
  }),
  metrics: field(onUnlessFalse, true, {
    group: 'Server',
    summary: 'Measure what the node does and how long it takes; shown on the HTTP port (/metrics) for Prometheus.',
  }),
  serfRpcAddr: optional(serfRpcAddress, {
    group: 'Server',
    summary: "Where Serf's own command line is served (its RPC protocol); port 0 lets the system pick.",
    defaultText: 'off',
  }),
  serfRpcAuth: optional(secret, {
    group: 'Security',
    summary: 'Key that callers of the Serf RPC port must show, or that serfAgent asks for.',
  }),
  serfRpcAuthFile: optional(file, { group: 'Security', summary: 'The same, as the content of a file.' }),

  serverTls: tlsFiles('Node', 'with it the RPC port speaks TLS', 'callers must then show a certificate of it'),
  peerTls: tlsFiles(
    "The node's client",
    'it proves itself to its peers with it (default: that of the server)',
    'it believes peers whose certificate is of it',
  ),
  gossipKey: optional(gossipKey, {
    group: 'Security',
    summary:
      'Encrypts gossip: a key of `reeve keygen`, the same on all nodes. Flags can be seen by others: rather a variable.',
  }),
  gossipKeyringFile: optional(file, {
    group: 'Security',
    summary:
      'Encrypts gossip: a JSON list of keys, the first one for sending; keys that change while it runs are kept in it.',
  }),
  gossipAcceptPlain: field(yesNo, false, {
    group: 'Security',
    summary: 'Take in gossip that is not encrypted as well, while a running cluster gets its first key.',
  }),
  gossipSendPlain: field(yesNo, false, {
    group: 'Security',
    summary: 'Send gossip that is not encrypted although there is a key, while a running cluster gets its first key.',
  }),
  gossipLabel: optional(label, {
    group: 'Security',
    summary: "memberlist's label: gossip with another one, or none, is not heard. No secret. Serf's agents know none.",
  }),
  aclModelFile: optional(file, {
    group: 'Security',
    summary: 'casbin model: how a request is judged.',
    defaultText: 'subject or role, topic pattern, act',
  }),
  aclPolicyFile: optional(file, {
    group: 'Security',
    summary: 'casbin policy: who may do what; nothing else is allowed.',
  }),
  insecure: field(yesNo, false, {
    group: 'Security',
    summary: 'Allow plain text on addresses that other machines can reach.',
  }),

  durability: field(choice('WHEN', ['fsync', 'os']), 'fsync', {
    group: 'Log',
    summary: 'When a record is acknowledged: once it is on the device (fsync), or once the system has it (os).',
  }),
  segmentMaxBytes: field(byteCount(64 * 1024, 1024 ** 3), 64 * megabyte, {
    group: 'Log',
    summary: 'A log goes on in a new file after this many bytes; equal on all nodes.',
    defaultText: formatBytes(64 * megabyte),
  }),
  retentionMs: field(retentionTime, 0, {
    group: 'Log',
    summary: 'Records older than this may go; 0: never. For topics that say nothing themselves, as the next two.',
    defaultText: 'off',
  }),
  retentionBytes: field(retentionSize, 0, {
    group: 'Log',
    summary: 'A topic keeps about this many bytes on this node, its newest; 0: all.',
    defaultText: 'off',
  }),
  retentionRecords: field(retentionCount, 0, {
    group: 'Log',
    summary: 'A topic keeps about this many records on this node, its newest; 0: all.',
    defaultText: 'off',
  }),
  maxBatchBytes: field(byteCount(1024, 16 * megabyte), megabyte, {
    group: 'Log',
    summary: 'Largest batch of records accepted.',
    defaultText: formatBytes(megabyte),
  }),
  scrubBytesPerSecond: field(byteCount(0, 1024 ** 3), 8 * megabyte, {
    group: 'Log',
    summary:
      'At most so many bytes a second are read to find damage before anybody meets it, a file counting as 64 KiB at least; 0: never.',
    defaultText: formatBytes(8 * megabyte),
  }),

  drainTimeoutMs: field(durationMs(0, 600_000), 10_000, {
    group: 'Process',
    summary: 'How long a stopping node lets calls end.',
  }),
  logLevel: field(choice('LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info', {
    group: 'Process',
    summary: 'Least important log line to print: trace, debug, info, warn, error, fatal or silent.',
  }),
  logFormat: field(choice('FORMAT', ['auto', 'pretty', 'json']), 'auto', {
    group: 'Process',
    summary: 'Log lines: pretty, json, or auto (pretty on a terminal).',
  }),
})

/** `serverTls.certFile` → `server-tls-cert-file` */
function kebab(path: string): string {
  return path.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

export function flagOf(path: string): string {
  return `--${kebab(path)}`
}

export function variableOf(path: string): string {
  return `REEVE_${kebab(path).replaceAll('-', '_').toUpperCase()}`
}

function fieldsIn(shape: z.ZodRawShape, prefix: string): Field[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`
    const found = abouts.get(schema as z.ZodType)
    if (!found) {
      const group = (schema as unknown as z.ZodOptional<z.ZodObject>).unwrap()
      return fieldsIn(group.shape, `${path}.`)
    }
    const { about, kind, defaultText } = found
    return {
      path,
      flag: flagOf(path),
      variable: variableOf(path),
      group: about.group,
      placeholder: kind.placeholder,
      defaultText,
      summary: about.summary,
      isSecret: kind.secret === true,
      isPath: kind.placeholder === file.placeholder || kind.placeholder === folder.placeholder,
      isList: kind.placeholder.endsWith(',…'),
    }
  })
}

/** Every setting, in the order of help. */
export const fields: readonly Field[] = fieldsIn(configSchema.shape, '')

/** The same as Markdown, for the README. */
export function configTableMarkdown(): string {
  const rows = fields.map((field) => {
    const cells = [code(field.path), code(field.flag), code(field.variable), field.defaultText, field.summary]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| setting | flag | variable | default | |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
