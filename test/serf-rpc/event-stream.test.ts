import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventStream } from '../../src/serf-rpc/event-stream.ts'
import { ManualClock } from '../server/manual-clock.ts'
import { FakeAgent, member } from './fake-agent.ts'

test('events come as from an agent: of members and of a name what counts in the end, all else at once', () => {
  const clock = new ManualClock()
  const events = new EventStream(clock)
  const told: string[] = []
  const stop = events.listen((fact) => {
    if ('members' in fact) told.push(`${fact.kind} ${fact.members.map(({ name }) => name)}`)
    else told.push(fact.kind === 'query' ? `query ${fact.query.name}` : `${fact.event.name} ${fact.event.lTime}`)
  })
  const event = (name: string, lTime: bigint, coalesce: boolean) =>
    events.put({ kind: 'userEvent', event: { name, lTime, coalesce, payload: new Uint8Array() } })

  events.put({ kind: 'joined', member: member('a') })
  events.put({ kind: 'failed', member: member('b', {}, 'failed') })
  events.put({ kind: 'joined', member: member('b') })
  event('deploy', 1n, true)
  event('deploy', 2n, true)
  event('now', 3n, false)
  events.put({ kind: 'query', query: new FakeAgent().received('load') })
  assert.deepEqual(told.splice(0), ['now 3', 'query load'])
  clock.pass(999)
  assert.deepEqual(told, [])
  clock.pass(1)
  assert.deepEqual(told.splice(0), ['deploy 2', 'joined a,b'])

  stop()
  events.put({ kind: 'left', member: member('a', {}, 'left') })
  clock.pass(1000)
  assert.deepEqual(told, [])
  events.close()
  assert.equal(clock.timers, 0)
})
