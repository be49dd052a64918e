import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fleet } from './fleet.ts'
import { hostPort, type TestMember } from './member.ts'
import { withoutSerf } from './serf-agent.ts'

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (text: string) => new TextEncoder().encode(text)
const told = ({ facts }: TestMember) =>
  facts.flatMap((fact) => (fact.kind === 'userEvent' ? [`${fact.event.name} ${textOf(fact.event.payload)}`] : []))

describe('user events with real serf agents', { skip: withoutSerf() }, () => {
  const { agent, member } = fleet()

  test('theirs reach us once, with payload and the wish to be coalesced or not', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', { join: ours.at })
    await theirs.run('event', 'deploy', 'now')
    await theirs.run('event', '-coalesce=false', 'bare')
    await ours.until('both', (one) => told(one).length === 2)
    assert.deepEqual(told(ours), ['deploy now', 'bare '])
    const flags = ours.facts.flatMap((fact) => (fact.kind === 'userEvent' ? [fact.event.coalesce] : []))
    assert.deepEqual(flags, [true, false])
  })

  test('ours reach them, to the byte', async () => {
    const ours = await member('ours')
    const theirs = await agent('theirs', {
      join: ours.at,
      handlers: ['user:deploy=echo "got $(od -An -tx1 | tr -d \' \\n\') at $SERF_USER_LTIME" >&2; exit 1'],
    })
    await ours.until('theirs alive', () => ours.member('theirs')?.status === 'alive')
    await ours.gossip.sendEvent('deploy', Uint8Array.of(0, 255, 10), { coalesce: true })
    await theirs.logged(/Received event: user-event: deploy/)
    await theirs.logged(/got 00ff0a/)
    await assert.rejects(ours.gossip.sendEvent('deploy', new Uint8Array(600)), { code: 'REQUEST_MALFORMED' })
    assert.deepEqual(
      ours.facts.flatMap((fact) => (fact.kind === 'userEvent' ? [fact.event.name] : [])),
      ['deploy'],
    )
  })

  test('what was before a join is told only to who asks for it, on our side as on theirs', async () => {
    const theirs = await agent('theirs')
    await theirs.run('event', 'early', 'one')
    const deaf = await member('deaf')
    const curious = await member('curious')
    await deaf.gossip.join([hostPort(theirs.at)])
    await curious.gossip.join([hostPort(theirs.at)], { replay: true })
    await curious.until('the early one', (one) => told(one).length === 1)
    await deaf.gossip.sendEvent('late', bytesOf('two'))
    await curious.until('the late one', (one) => told(one).length === 2)
    await theirs.logged(/Received event: user-event: late/)
    assert.deepEqual(told(curious), ['early one', 'late two'])
    assert.deepEqual(told(deaf), ['late two'])
  })
})
