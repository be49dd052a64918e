/**
 * The keys of gossip at rest: one in the configuration, or a file that follows every change. Owns reading and writing
 * that file; which keys there are is the keyring's business. Nothing here shows a key, only fingerprints.
 */

import type { Logger } from 'pino'
import { DiskError, type Env } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { Keyring } from '../gossip/keyring.ts'
import { formatKeyList, type Keys, parseKeyList } from '../gossip/keys.ts'

export type KeySource = { readonly key: Uint8Array } | { readonly file: string }

export interface KeyStoreOptions {
  readonly env: Pick<Env, 'disk' | 'aead'>
  readonly source: KeySource
  readonly log: Logger
  /** Called after a change was to be stored: with a problem, or nothing when it is. */
  readonly stored: (problem?: string) => void
}

/** Far above any list of keys. */
const fileMaxBytes = 64 * 1024

/** Throws `KEYRING_INVALID`. */
export function openKeyring({ env, source, log, stored }: KeyStoreOptions): Keyring {
  const first = 'key' in source ? [source.key] : readKeyFile(env, source.file)
  const shown = (keys: Keys) => keys.map((key) => env.aead.fingerprint(key))
  const write = async (keys: Keys): Promise<void> => {
    if ('key' in source) return
    await env.disk.replaceFile(source.file, new TextEncoder().encode(formatKeyList(keys)), { mode: 0o600 })
  }
  const keyring = new Keyring(first, (keys) => {
    const fresh = keys !== keyring.keys
    write(keys).then(
      () => {
        if (fresh) log.info({ keys: shown(keys) }, 'the keys of gossip changed; the first one is used for sending')
        if (fresh && 'key' in source) log.warn('no file keeps the changed keys: a restart brings back the old one')
        stored()
      },
      (error: Error) => {
        const problem = `the key file cannot be written: ${error instanceof DiskError ? error.code : error.message}`
        log.error({ keys: shown(keyring.keys) }, `${problem}; the keys stay as they were`)
        stored(problem)
      },
    )
  })
  log.info({ keys: shown(first) }, 'gossip is encrypted')
  return keyring
}

/**
 * A file that others than its owner may read is refused, as by ssh: its keys have to be taken for known, a warning at
 * start is read by nobody, and the remedy is one command.
 */
function readKeyFile({ disk }: Pick<Env, 'disk'>, path: string): Keys {
  const refuse = (why: string, cause?: unknown) =>
    new ReeveError('KEYRING_INVALID', `key file ${path} ${why}`, { cause })
  let text: string
  try {
    const stat = disk.stat(path)
    if (!stat) throw refuse('does not exist')
    if (stat.kind !== 'file') throw refuse('is not a file')
    if (stat.mode !== undefined && (stat.mode & 0o077) !== 0) {
      const mode = stat.mode.toString(8).padStart(4, '0')
      throw refuse(`can be used by others than its owner (mode ${mode}): chmod 600 it, and think of its keys as known`)
    }
    if (stat.bytes > fileMaxBytes) throw refuse('is larger than any list of keys')
    text = new TextDecoder('utf-8', { fatal: true }).decode(disk.readFile(path))
  } catch (error) {
    if (error instanceof ReeveError) throw error
    throw refuse(error instanceof DiskError ? `cannot be read: ${error.code}` : 'is not UTF-8 text', error)
  }
  const keys = parseKeyList(text)
  if (!keys.ok) throw refuse(keys.problem)
  return keys.value
}
