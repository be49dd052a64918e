/** How a member answers who it knows under a name (`_serf_conflict`): a type byte and a member, or nil. */

import type { Decoded } from '../decoded.ts'
import type { Member, MemberStatus } from './member.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { bytes, field, int, mapOf, struct, text, u8, u16 } from './msgpack-struct.ts'
import { type Dialect, MsgpackWriter } from './msgpack-writer.ts'

const conflictResponseType = 6

const statusNumber: Readonly<Record<MemberStatus, number>> = { alive: 1, leaving: 2, left: 3, failed: 4 }

const knownMember = struct({
  name: field('Name', text),
  addr: field('Addr', bytes),
  port: field('Port', u16),
  tags: field('Tags', mapOf(text)),
  status: field('Status', int),
  protocolMin: field('ProtocolMin', u8),
  protocolMax: field('ProtocolMax', u8),
  protocolCur: field('ProtocolCur', u8),
  delegateMin: field('DelegateMin', u8),
  delegateMax: field('DelegateMax', u8),
  delegateCur: field('DelegateCur', u8),
})

/** `addr`: as it was received. */
export function encodeConflictResponse(
  member: (Pick<Member, 'name' | 'port' | 'tags' | 'status' | 'vsn'> & { readonly addr: Uint8Array }) | undefined,
  dialect?: Dialect,
): Uint8Array {
  const writer = new MsgpackWriter(dialect)
  writer.byte(conflictResponseType)
  if (!member) writer.nil()
  else {
    const [protocolMin = 0, protocolMax = 0, protocolCur = 0, delegateMin = 0, delegateMax = 0, delegateCur = 0] =
      member.vsn
    const versions = { protocolMin, protocolMax, protocolCur, delegateMin, delegateMax, delegateCur }
    knownMember.write(writer, { ...member, status: statusNumber[member.status], ...versions })
  }
  return writer.finish()
}

/** Where the answerer knows the name; undefined: nowhere. */
export function decodeConflictResponse(
  input: Uint8Array,
): Decoded<{ readonly addr: Uint8Array; readonly port: number } | undefined> {
  if (input[0] !== conflictResponseType) return { ok: false, problem: 'no conflict response' }
  const reader = new MsgpackReader(input, 1)
  if (reader.nil()) return { ok: true, value: undefined }
  const { addr, port } = knownMember.read(reader)
  return reader.problem === undefined
    ? { ok: true, value: { addr, port } }
    : { ok: false, problem: `conflict response: ${reader.problem}` }
}
