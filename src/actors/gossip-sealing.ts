import type { Logger } from 'pino'
import { aeadNonceBytes } from '../aead.ts'
import type { NodeConfig } from '../config.ts'
import type { Env } from '../env/env.ts'
import type { Keyring } from '../gossip/keyring.ts'
import { Sealing } from '../gossip/sealing.ts'
import { type KeySource, openKeyring } from './key-store.ts'

export interface GossipSealingConfig {
  /** Default: none. What it may send and take in plain: see `Encryption` of the core. */
  readonly encryption?: { readonly source: KeySource; readonly acceptPlain: boolean; readonly sendPlain: boolean }
  /** memberlist's label, which keeps clusters apart; default: none. */
  readonly label?: string
}

export function sealingOf(config: NodeConfig): GossipSealingConfig {
  const { gossipKey, gossipKeyringFile, gossipAcceptPlain, gossipSendPlain, gossipLabel } = config
  const source = gossipKeyringFile !== undefined ? { file: gossipKeyringFile } : gossipKey && { key: gossipKey() }
  return {
    ...(source && { encryption: { source, acceptPlain: gossipAcceptPlain, sendPlain: gossipSendPlain } }),
    ...(gossipLabel !== undefined && { label: gossipLabel }),
  }
}

/** `stored`: see `KeyStoreOptions`. Throws `KEYRING_INVALID`. */
export function openSealing(
  env: Pick<Env, 'random' | 'disk' | 'aead'>,
  { encryption, label }: GossipSealingConfig,
  log: Logger,
  stored: (problem?: string) => void,
): { readonly sealing: Sealing; readonly keyring?: Keyring } {
  const labelled = label === undefined ? {} : { label }
  if (!encryption) return { sealing: new Sealing(labelled) }
  const { source, acceptPlain, sendPlain } = encryption
  const keyring = openKeyring({ env, source, log, stored })
  const nonce = () => env.random.bytes(aeadNonceBytes)
  const keys = () => keyring.keys
  const sealing = new Sealing({ ...labelled, encryption: { aead: env.aead, nonce, keys, acceptPlain, sendPlain } })
  return { sealing, keyring }
}
