import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../src/gossip/member.ts'
import { toIpcMember } from '../../src/serf-rpc/events.ts'
import { MemberView } from '../../src/serf-rpc/member-view.ts'
import { member } from './fake-agent.ts'

const told = (facts: ReturnType<MemberView['replace']>) =>
  facts.map((fact) => ('member' in fact ? `${fact.member.name} ${fact.kind}` : fact.kind))
const list = (...members: Member[]) => members.map(toIpcMember)

test('what an agent lists becomes what has happened since the last look', () => {
  const view = new MemberView('self')
  const self = member('self')
  assert.deepEqual(told(view.replace(list(self, member('a'), member('b', {}, 'failed')))), ['a joined', 'accompanied'])
  assert.deepEqual(told(view.replace(list(self, member('a'), member('b', {}, 'failed')))), [])
  assert.deepEqual(told(view.update(list(member('a', { role: 'web' })))), ['a updated'])
  assert.deepEqual(told(view.update(list(member('b')))), ['b joined'])
  assert.deepEqual(told(view.update(list(member('b', {}, 'leaving')))), [])
  assert.deepEqual(told(view.update(list(member('b', {}, 'left'), member('a', {}, 'failed')))), [
    'b left',
    'a failed',
    'alone',
  ])
  assert.deepEqual(told(view.update(list(member('a')))), ['a joined', 'accompanied'])
  assert.deepEqual(told(view.replace(list(self))), ['a reaped', 'b reaped', 'alone'])
  assert.deepEqual(told(view.update(list(member('self', { role: 'x' })))), [], 'nothing about ourselves')
  assert.equal(view.self?.tags.get('role'), 'x')
})

test('members come back as they were written, ourselves first', () => {
  const view = new MemberView('self')
  const other = { ...member('other', { a: 'b' }, 'leaving'), host: '2001:db8::1' }
  view.replace(list(other, member('self')))
  assert.deepEqual(view.all(), [member('self'), other])
})

test('one without an address or of an unknown status is nobody', () => {
  const view = new MemberView('self')
  const [strange] = list(member('strange'))
  assert.deepEqual(
    view.update([
      { ...strange!, status: 'none' },
      { ...strange!, addr: new Uint8Array(3) },
    ]),
    [],
  )
  assert.deepEqual(view.all(), [])
})
