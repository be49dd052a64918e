/** Members as the rest of the node sees them. */

export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed'

export interface Member {
  readonly name: string
  /** An IP address in text. */
  readonly host: string
  /** The gossip port, UDP and TCP. */
  readonly port: number
  readonly status: MemberStatus
  readonly tags: ReadonlyMap<string, string>
  /** Protocol versions, [PMin, PMax, PCur, DMin, DMax, DCur]: memberlist's range and current, then Serf's. Zeros: known from an earlier run only. */
  readonly vsn: Uint8Array
}
