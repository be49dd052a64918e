/**
 * Certificates and access rules as files: read at start, looked at again for changes. Owns what is in force now. A file
 * that is missing, half written or wrong never loosens anything: at start it stops the node, later the last good stays.
 */

import type { NodeConfig } from '../config.ts'
import type { Disk, DiskStat, Rpc, TlsMaterial } from '../env/env.ts'
import { DiskError } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import { type Authorizer, createAuthorizer } from '../server/authorizer.ts'
import { openDoor } from '../server/open-door.ts'

export interface Credentials {
  /** Reads everything. Rejects with `TLS_INVALID` or `ACL_INVALID`. */
  load(): Promise<void>
  /** Reads again when a file changed; false: none did. Rejects, with all as it was, when any is unusable. */
  reload(): Promise<boolean>
  readonly serverTls: TlsMaterial | undefined
  readonly peerTls: TlsMaterial | undefined
  /** Asks the rules in force at that moment. */
  readonly authorizer: Authorizer
}

interface Files {
  readonly serverTls: TlsMaterial | undefined
  readonly peerTls: TlsMaterial | undefined
  readonly authorizer: Authorizer
}

type Config = Pick<NodeConfig, 'serverTls' | 'peerTls' | 'aclModelFile' | 'aclPolicyFile'>

/** Larger than any certificate chain or policy anybody keeps by hand. */
const fileMaxBytes = 16 * 1024 * 1024

export function createCredentials(config: Config, disk: Disk, rpc: Rpc): Credentials {
  const paths = [config.serverTls, config.peerTls]
    .flatMap((tls) => (tls ? [tls.certFile, tls.keyFile, tls.caFile] : []))
    .concat(config.aclModelFile, config.aclPolicyFile)
    .filter((path) => path !== undefined)
  // Until the rules are read nobody may do anything.
  let inForce: Files = { serverTls: undefined, peerTls: undefined, authorizer: closedDoor }
  let seen = ''

  /** Read before the files: a change in between is then found at the next look. */
  const look = () => paths.map((path) => describe(statOf(disk, path))).join('\n')

  async function read(): Promise<Files> {
    const files: Files = {
      serverTls: config.serverTls && readTls(disk, config.serverTls),
      peerTls: config.peerTls && readTls(disk, config.peerTls),
      authorizer: await readAcl(disk, config),
    }
    // Dialling checks the material; nothing is sent before a call is made.
    for (const tls of [files.serverTls, files.peerTls]) {
      if (tls) rpc.dial({ to: { host: '127.0.0.1', port: 1 }, tls }).close()
    }
    return files
  }

  return {
    async load() {
      seen = look()
      inForce = await read()
    },
    async reload() {
      const now = look()
      if (now === seen) return false
      inForce = await read()
      seen = now
      return true
    },
    get serverTls() {
      return inForce.serverTls
    },
    get peerTls() {
      return inForce.peerTls
    },
    authorizer: {
      authorize: (subject, object, act) => inForce.authorizer.authorize(subject, object, act),
      knows: (subject) => inForce.authorizer.knows(subject),
    },
  }
}

/** Of the certificates that are in force: when their time is over, ms since 1970. */
export function certificateEnds(
  { serverTls, peerTls }: Credentials,
  rpc: Rpc,
): { readonly use: 'server' | 'peer'; readonly endMs: number }[] {
  const uses = [
    { use: 'server', tls: serverTls },
    { use: 'peer', tls: peerTls },
  ] as const
  return uses.flatMap(({ use, tls }) => {
    const endMs = tls && rpc.certificateEndMs?.(tls)
    return endMs === undefined ? [] : [{ use, endMs }]
  })
}

const closedDoor: Authorizer = { authorize: () => false, knows: () => false }

async function readAcl(disk: Disk, { aclModelFile, aclPolicyFile }: Config): Promise<Authorizer> {
  if (aclPolicyFile === undefined) return openDoor
  const text = (path: string) => decodeText(path, readFile(disk, path, 'ACL_INVALID'))
  return createAuthorizer({
    ...(aclModelFile !== undefined && { modelText: text(aclModelFile) }),
    policyText: text(aclPolicyFile),
  })
}

function readTls(disk: Disk, files: NonNullable<Config['serverTls']>): TlsMaterial {
  const { certFile, keyFile, caFile } = files
  return {
    ...(certFile !== undefined && { cert: readFile(disk, certFile, 'TLS_INVALID') }),
    ...(keyFile !== undefined && { key: readFile(disk, keyFile, 'TLS_INVALID') }),
    ...(caFile !== undefined && { ca: readFile(disk, caFile, 'TLS_INVALID') }),
  }
}

function readFile(disk: Disk, path: string, code: ErrorCode): Uint8Array {
  const bytes = statOf(disk, path)?.bytes ?? 0
  if (bytes > fileMaxBytes) throw new ReeveError(code, `${path} is larger than any such file should be`)
  try {
    return disk.readFile(path)
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    throw new ReeveError(code, `cannot read ${path}: ${error.code}`, { cause: error })
  }
}

function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ReeveError('ACL_INVALID', `${path} is not UTF-8 text`, { cause })
  }
}

function statOf(disk: Disk, path: string): DiskStat | undefined {
  try {
    return disk.stat(path)
  } catch {
    return undefined
  }
}

const describe = (stat: DiskStat | undefined) => (stat ? `${stat.bytes} ${stat.modifiedMs}` : 'none')
