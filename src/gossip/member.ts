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
}
