/**
 * One typed configuration, however it was given: flags before `REEVE_…` variables before a file before defaults.
 * Everything that is wrong is reported at once, each with the place it comes from.
 */

import type { z } from 'zod'
import { formatAddress, isLoopback } from './address.ts'
import { configSchema, fields } from './config/fields.ts'
import { type Layer, layerFromObject, type Setting } from './config/layers.ts'
import { ReeveError } from './errors.ts'
import { parseNodeName } from './log/log-id.ts'

export { configTableMarkdown, type Field, fields, flagOf, variableOf } from './config/fields.ts'
export { type Layer, layerFromFile, layerFromFlags, layerFromObject, layerFromVariables } from './config/layers.ts'

/** Checked and complete: what a node runs with. Paths are absolute, addresses parsed. */
export type NodeConfig = z.output<typeof configSchema>
/** What a program or a file writes: everything is optional, addresses are text. */
export type NodeSettings = Partial<z.input<typeof configSchema>>

/** What the defaults depend on. */
export interface Surroundings {
  readonly hostName: string
  /** Makes a path absolute. */
  readonly resolvePath: (path: string) => string
}

const secrets = new Set(fields.flatMap(({ path, isSecret }) => (isSecret ? [path] : [])))

/** Tags that every node sets itself. */
export const reservedTags: readonly string[] = ['rpc_addr', 'epoch', 'cluster']
/** memberlist's limit on the metadata of a member, in bytes; Serf's tags must fit in. */
const metaMaxBytes = 512
/** What our own tags take of it at most, without the cluster's name: names, lengths, an address and a UUID. */
const ownTagsBytes = 128

/** The configuration of the object given to `createNode`. Throws `CONFIG_INVALID`. */
export function parseConfig(settings: NodeSettings, surroundings: Surroundings): NodeConfig {
  return resolveConfig([layerFromObject(settings)], surroundings)
}

/** `layers`: the strongest first. Throws `CONFIG_INVALID` with one line for each problem. */
export function resolveConfig(layers: readonly Layer[], surroundings: Surroundings): NodeConfig {
  const problems = layers.flatMap((layer) => layer.problems)
  const settings = strongest(layers)
  const raw = nest(settings, surroundings)
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const path = issue.path.join('.')
      const setting = settings.get(path)
      const given = secrets.has(path) ? 'what was given' : show(setting?.value)
      problems.push(`${setting?.source ?? path}: needs ${issue.message}, not ${given}`)
    }
  } else {
    problems.push(...contradictions(parsed.data, (path) => settings.get(path)?.source))
  }
  if (problems.length > 0 || !parsed.success) throw new ReeveError('CONFIG_INVALID', problems.join('\n'))
  return withTlsOfPeers(absolute(parsed.data, surroundings))
}

function strongest(layers: readonly Layer[]): Map<string, Setting> {
  const settings = new Map<string, Setting>()
  for (const setting of layers.flatMap((layer) => layer.settings)) {
    if (!settings.has(setting.path)) settings.set(setting.path, setting)
  }
  return settings
}

/** Paths become objects, and what depends on the surroundings or on another setting gets its default. */
function nest(settings: ReadonlyMap<string, Setting>, surroundings: Surroundings): object {
  const raw = new Map<string, unknown>()
  const groups = new Map<string, Map<string, unknown>>()
  for (const [path, { value }] of settings) {
    const [key, inner] = path.split('.') as [string, string?]
    if (inner === undefined) raw.set(key, value)
    else groups.set(key, (groups.get(key) ?? new Map()).set(inner, value))
  }
  for (const [key, group] of groups) raw.set(key, Object.fromEntries(group))
  if (!raw.has('nodeName')) raw.set('nodeName', nameFromHost(surroundings.hostName))
  if (!raw.has('rpcHost')) {
    const gossip = configSchema.shape.bindAddr.safeParse(raw.get('bindAddr'))
    raw.set('rpcHost', gossip.success ? gossip.data.host : '127.0.0.1')
  }
  return Object.fromEntries(raw)
}

/** A host name as a node name: what is not allowed in one becomes a dash. */
export function nameFromHost(hostName: string): string {
  const name = hostName
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 128)
    .replaceAll(/^[._-]+|[._-]+$/g, '')
  return parseNodeName(name).ok ? name : 'node'
}

/** What is wrong with settings that are right each by itself. */
function contradictions(config: NodeConfig, sourceOf: (path: string) => string | undefined): string[] {
  const problems: string[] = []
  const source = (path: string) => sourceOf(path) ?? path
  for (const group of ['serverTls', 'peerTls'] as const) {
    const tls = config[group]
    if (!tls) continue
    if (tls.certFile && !tls.keyFile) problems.push(`${source(`${group}.certFile`)}: needs ${group}.keyFile with it`)
    if (tls.keyFile && !tls.certFile) problems.push(`${source(`${group}.keyFile`)}: needs ${group}.certFile with it`)
  }
  if (config.serverTls?.caFile && !config.serverTls.certFile && !config.serverTls.keyFile) {
    problems.push(`${source('serverTls.caFile')}: needs serverTls.certFile and serverTls.keyFile with it`)
  }
  if (config.peerTls && !config.serverTls) {
    problems.push('peerTls: needs serverTls with it; without it the RPC port speaks plain text, to peers as well')
  }
  const hasKeys = config.gossipKey !== undefined || config.gossipKeyringFile !== undefined
  if (config.gossipKey && config.gossipKeyringFile !== undefined) {
    problems.push(`${source('gossipKeyringFile')}: excludes gossipKey; put that key into the file`)
  }
  for (const key of ['gossipKey', 'gossipKeyringFile'] as const) {
    if (config[key] !== undefined && config.serfAgent) {
      problems.push(`${source(key)}: serfAgent does the gossip, with the keys that it was given`)
    }
  }
  for (const flag of ['gossipAcceptPlain', 'gossipSendPlain'] as const) {
    if (config[flag] && !hasKeys) problems.push(`${source(flag)}: needs gossipKey or gossipKeyringFile with it`)
  }
  if (config.aclModelFile && !config.aclPolicyFile)
    problems.push(`${source('aclModelFile')}: needs aclPolicyFile with it`)
  if (!config.serverTls && !config.insecure && !isLoopback(config.rpcHost)) {
    const given = sourceOf('rpcHost') ?? source('bindAddr')
    problems.push(
      `${given}: the RPC port would speak plain text on ${config.rpcHost}, which other machines can reach; ` +
        'give serverTls, keep rpcHost on 127.0.0.1, or spell out insecure (--insecure)',
    )
  }
  if (config.httpPort !== undefined && !config.insecure && !isLoopback(config.httpHost)) {
    problems.push(
      `${source('httpHost')}: the HTTP port speaks plain text and ${config.httpHost} can be reached by other machines; ` +
        'keep it on 127.0.0.1 or spell out insecure (--insecure)',
    )
  }
  if (config.serfRpcAddr && !config.insecure && !isLoopback(config.serfRpcAddr.host)) {
    problems.push(
      `${source('serfRpcAddr')}: the Serf RPC port speaks plain text and ${config.serfRpcAddr.host} can be reached by ` +
        'other machines; keep it on 127.0.0.1 or spell out insecure (--insecure)',
    )
  }
  for (const key of ['serfRpcAuth', 'serfRpcAuthFile'] as const) {
    if (config[key] && !config.serfRpcAddr && !config.serfAgent) {
      problems.push(`${source(key)}: needs serfRpcAddr or serfAgent with it`)
    }
  }
  if (config.serfAgent && config.serfRpcAddr) {
    problems.push(`${source('serfRpcAddr')}: serfAgent has such a port already; give one of the two`)
  }
  if (config.serfAgent && !config.insecure && !isLoopback(config.serfAgent.host)) {
    problems.push(
      `${source('serfAgent')}: its RPC port speaks plain text and ${config.serfAgent.host} is another machine; ` +
        'give the agent of this host or spell out insecure (--insecure)',
    )
  }
  if (config.serfRpcAuth && config.serfRpcAuthFile) {
    problems.push(`${source('serfRpcAuthFile')}: serfRpcAuth gives a key already`)
  }
  if (config.joinRetryMaxMs < config.joinRetryMs) {
    problems.push(`${source('joinRetryMaxMs')}: is shorter than joinRetryMs (${config.joinRetryMs})`)
  }
  if (config.maxBatchBytes > config.segmentMaxBytes) {
    problems.push(`${source('maxBatchBytes')}: a batch must fit in a segment (segmentMaxBytes)`)
  }
  if (config.rpcPort !== 0 && config.rpcPort === config.bindAddr.port && config.rpcHost === config.bindAddr.host) {
    problems.push(`${source('rpcPort')}: gossip already has ${formatAddress(config.bindAddr)}`)
  }
  if (config.rpcPort !== 0 && config.rpcPort === config.httpPort) {
    problems.push(`${source('httpPort')}: is the RPC port already`)
  }
  problems.push(...tagProblems(config, source('tags')))
  return problems
}

function tagProblems(config: NodeConfig, source: string): string[] {
  const problems = reservedTags
    .filter((tag) => config.tags.has(tag))
    .map((tag) => `${source}: the tag ${tag} is the node's own`)
  const text = [...config.tags].map(([key, value]) => `${key}=${value}`).join('')
  const bytes = new TextEncoder().encode(text).length + 4 * config.tags.size
  const room = metaMaxBytes - ownTagsBytes - config.clusterName.length
  if (bytes > room) problems.push(`${source}: take ${bytes} bytes; gossip has room for ${room}`)
  return problems
}

function absolute(config: NodeConfig, { resolvePath }: Surroundings): NodeConfig {
  const tls = (files: NodeConfig['serverTls']): NodeConfig['serverTls'] =>
    files && {
      certFile: files.certFile && resolvePath(files.certFile),
      keyFile: files.keyFile && resolvePath(files.keyFile),
      caFile: files.caFile && resolvePath(files.caFile),
    }
  return {
    ...config,
    dataDir: resolvePath(config.dataDir),
    gossipKeyringFile: config.gossipKeyringFile && resolvePath(config.gossipKeyringFile),
    aclModelFile: config.aclModelFile && resolvePath(config.aclModelFile),
    aclPolicyFile: config.aclPolicyFile && resolvePath(config.aclPolicyFile),
    serfRpcAuthFile: config.serfRpcAuthFile && resolvePath(config.serfRpcAuthFile),
    serverTls: tls(config.serverTls),
    peerTls: tls(config.peerTls),
  }
}

/** A node with one certificate uses it both ways. */
function withTlsOfPeers(config: NodeConfig): NodeConfig {
  if (!config.serverTls) return config
  const { certFile, keyFile, caFile } = config.peerTls ?? {}
  return {
    ...config,
    peerTls: {
      certFile: certFile ?? config.serverTls.certFile,
      keyFile: keyFile ?? config.serverTls.keyFile,
      caFile: caFile ?? config.serverTls.caFile,
    },
  }
}

function show(value: unknown): string {
  const text = value instanceof Map ? '(keys and values)' : (JSON.stringify(value) ?? 'nothing')
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
