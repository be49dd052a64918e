import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  authRequest,
  encode,
  encodeRequest,
  handshakeRequest,
  joinRequest,
  membersFilteredRequest,
  monitorRequest,
  respondRequest,
  stopRequest,
  streamRequest,
  tagsRequest,
} from '../../src/serf-rpc/wire.ts'
import { fromHex, golden, type Json } from '../gossip/golden.ts'
import { FakeAgent, member } from './fake-agent.ts'
import { rest, Talk } from './talk.ts'

const hello = encodeRequest('handshake', 1n, encode(handshakeRequest, { version: 1 }))
const stream = (type = '*') => encode(streamRequest, { type })

/** Of headers; of a body: undefined. */
const errorsOf = (heard: unknown[]): (string | undefined)[] => (heard as Json[]).map((value) => value.Error)

async function admitted(agent = new FakeAgent()): Promise<{ agent: FakeAgent; talk: Talk }> {
  const talk = new Talk(agent)
  await talk.say(hello)
  assert.deepEqual(talk.heard(), [{ Error: '', Seq: 1 }])
  return { agent, talk }
}

describe('a session', () => {
  test('takes commands in pieces of any size', async () => {
    const talk = new Talk(new FakeAgent())
    for (const byte of Buffer.concat([hello, encodeRequest('stats', 2n)])) await talk.say(Uint8Array.of(byte))
    const heard = talk.heard() as Json[]
    assert.deepEqual(heard.slice(0, 2), [
      { Error: '', Seq: 1 },
      { Error: '', Seq: 2 },
    ])
    assert.equal(heard[2].agent.name, 'alpha')
  })

  test('answers one command after the other, also behind one that takes its time', async () => {
    const { agent, talk } = await admitted()
    let joined = (_: number) => {}
    agent.joined = new Promise((resolve) => {
      joined = resolve
    })
    const join = encode(joinRequest, { existing: ['127.0.0.1:1'], replay: true })
    await talk.say(Buffer.concat([encodeRequest('join', 2n, join), encodeRequest('leave', 3n)]))
    assert.deepEqual(agent.orders, ['join 127.0.0.1:1 true'])
    assert.deepEqual(talk.heard(), [])
    joined(2)
    await rest()
    assert.deepEqual(talk.heard(), [{ Error: '', Seq: 2 }, { Num: 2 }, { Error: '', Seq: 3 }])
    assert.equal(agent.stopped, true)
  })

  test('with a key it does nothing for anybody who has not shown it, and takes in what they sent', async () => {
    const talk = new Talk(new FakeAgent(), { authKey: 'sesame' })
    const filter = encode(membersFilteredRequest, { name: '', status: '', tags: new Map() })
    await talk.say(hello)
    await talk.ask('members-filtered', 2, filter)
    for (const [index, authKey] of ['', 'sesam', 'sesamf', 'sesame!'].entries()) {
      await talk.ask('auth', 3 + index, encode(authRequest, { authKey }))
    }
    const wrong = 'Invalid authentication token'
    assert.deepEqual(errorsOf(talk.heard()), ['', 'Authentication required', wrong, wrong, wrong, wrong])
    assert.equal(talk.session.isAdmitted, false)
    await talk.ask('auth', 8, encode(authRequest, { authKey: 'sesame' }))
    await talk.ask('members-filtered', 9, filter)
    assert.deepEqual(errorsOf(talk.heard()), ['', '', undefined])
    assert.equal(talk.session.isAdmitted, true)
  })

  test('changes tags as told, deleting first, but none of the node itself', async () => {
    const { agent, talk } = await admitted()
    const change = { tags: new Map([['role', 'x']]), deleteTags: ['role', 'gone'] }
    await talk.ask('tags', 2, encode(tagsRequest, change))
    for (const own of [
      { tags: new Map([['epoch', '1']]), deleteTags: [] },
      { tags: new Map(), deleteTags: ['epoch'] },
    ]) {
      await talk.ask('tags', 3, encode(tagsRequest, own))
    }
    assert.deepEqual(agent.orders, ['setTags role=x'])
    const refused = { Error: "the tag epoch is the node's own", Seq: 3 }
    assert.deepEqual(talk.heard(), [{ Error: '', Seq: 2 }, refused, refused])
  })

  test('filters members by whole values', async () => {
    const { talk } = await admitted()
    const names = async (filter: Partial<Parameters<typeof encode<typeof membersFilteredRequest.zero>>[1]>) => {
      const whole = { name: '', status: '', tags: new Map(), ...filter }
      await talk.ask('members-filtered', 2, encode(membersFilteredRequest, whole))
      return (talk.heard() as Json[])[1].Members.map(({ Name }: Json) => Name).join()
    }
    assert.equal(await names({ name: 'a' }), '')
    assert.equal(await names({ name: 'a.*|b.*' }), 'alpha,bravo')
    assert.equal(await names({ tags: new Map([['role', '']]) }), 'charlie')
    assert.equal(await names({ status: 'failed|left' }), '')
    assert.equal(await names({ name: '(a|a)*(b|[a-z])+(z)?$', status: '(?i)ALIVE' }), 'alpha,bravo,charlie')
  })

  test('streams events, and answers queries that came over it, once and in time', async () => {
    const { agent, talk } = await admitted()
    await talk.ask('stream', 2, stream('member-failed,user:deploy,query'))
    talk.heard()
    agent.tell({ kind: 'joined', members: [member('delta')] })
    agent.tell({ kind: 'failed', members: [member('delta', {}, 'failed')] })
    const event = { payload: Uint8Array.of(1), lTime: 7n, coalesce: true }
    agent.tell({ kind: 'userEvent', event: { name: 'other', ...event } })
    agent.tell({ kind: 'userEvent', event: { name: 'deploy', ...event } })
    const answers: string[] = []
    agent.tell({ kind: 'query', query: agent.received('load', answers) })
    const heard = talk.heard() as Json[]
    assert.deepEqual(
      heard.filter((_, index) => index % 2 === 0),
      Array(3).fill({ Error: '', Seq: 2 }),
    )
    assert.deepEqual([heard[1].Event, heard[1].Members[0].Status], ['member-failed', 'failed'])
    assert.deepEqual(heard[3], { Coalesce: true, Event: 'user', LTime: 7, Name: 'deploy', Payload: { $hex: '01' } })
    assert.deepEqual(heard[5], { Event: 'query', ID: 1, LTime: 1, Name: 'load', Payload: null })

    const respond = (id: bigint) => encode(respondRequest, { id, payload: Buffer.from('0.5') })
    await talk.ask('respond', 3, respond(1n))
    await talk.ask('respond', 4, respond(1n))
    agent.time = 1000
    await talk.ask('respond', 5, respond(1n))
    assert.deepEqual(answers, ['0.5'])
    assert.deepEqual(errorsOf(talk.heard()), [
      '',
      'failed to respond to key query: response already sent',
      'No pending queries matching ID',
    ])
  })

  test('a stopped stream says nothing more, and its number may be used again', async () => {
    const { agent, talk } = await admitted()
    await talk.ask('stream', 2, stream())
    await talk.ask('stop', 3, encode(stopRequest, { stop: 2n }))
    agent.tell({ kind: 'joined', members: [member('delta')] })
    await talk.ask('stream', 2, stream())
    assert.deepEqual(errorsOf(talk.heard()), ['', '', ''])
    assert.equal(agent.listeners.size, 1)
    talk.session.close()
    assert.equal(agent.listeners.size, 0)
  })

  test('begins no more streams than it should', async () => {
    const { talk } = await admitted()
    for (let seq = 2; seq < 50; seq += 1) await talk.ask('stream', seq, stream())
    const refused = errorsOf(talk.heard()).filter((error) => error?.includes('more than 32 streams'))
    assert.equal(refused.length, 16)
  })

  test('monitors the log: the lines there are, then every new one, by level', async () => {
    const agent = new FakeAgent()
    const log = (level: number, msg: string) =>
      agent.lines.write(JSON.stringify({ level, time: '2026-01-02T15:04:05.678Z', actor: 'server', msg, port: 1 }))
    log(30, 'early')
    log(20, 'too fine')
    const { talk } = await admitted(agent)
    await talk.ask('monitor', 2, encode(monitorRequest, { logLevel: 'info' }))
    log(50, 'late')
    const lines = (talk.heard() as Json[]).flatMap(({ Log }) => Log ?? [])
    assert.deepEqual(lines, [
      '2026/01/02 15:04:05 [INFO] server: early port=1',
      '2026/01/02 15:04:05 [ERR] server: late port=1',
    ])
  })

  test('passes on the answers to a query, and its end last', async () => {
    const { agent, talk } = await admitted()
    agent.answers = [
      { kind: 'ack', from: 'bravo' },
      { kind: 'ack', from: '' },
      { kind: 'response', from: 'bravo', payload: Uint8Array.of(5) },
    ]
    const recorded = golden('ipc').vectors.find(({ name }: Json) => name === 'cli-query-timeout-2s-load.requests')
    await talk.say(fromHex(recorded.hex).subarray(hello.length))
    assert.deepEqual(agent.orders, ['query load  2000'])
    assert.deepEqual(
      (talk.heard() as Json[]).filter((value) => value.Error === undefined),
      [
        { From: 'bravo', Payload: null, Type: 'ack' },
        { From: 'bravo', Payload: { $hex: '05' }, Type: 'response' },
        { From: '', Payload: null, Type: 'done' },
      ],
    )
  })

  test('keeps 512 records of each stream for a reader that is slow, counts the rest, and goes on when it reads', async () => {
    const { agent, talk } = await admitted()
    await talk.ask('stream', 2, stream())
    talk.heard()
    talk.full = true
    for (let i = 0; i < 600; i += 1) agent.tell({ kind: 'joined', members: [member(`m${i}`)] })
    // One told that there is no room.
    assert.equal((talk.heard() as Json[]).length, 2)
    assert.equal(talk.session.lost, 600 - 513)
    await talk.ask('stats', 3)
    assert.deepEqual(talk.heard(), [], 'no command is taken meanwhile')
    talk.full = false
    talk.session.drained()
    await rest()
    const heard = talk.heard() as Json[]
    const names = heard.flatMap(({ Members }) => Members?.[0].Name ?? [])
    assert.deepEqual([names.length, names[0], names[511]], [512, 'm1', 'm512'])
    assert.deepEqual(heard.at(-2), { Error: '', Seq: 3 })
  })

  test('ends on more than it can take: one command that is too long, or too many behind another', async () => {
    const long = await admitted()
    const head = Uint8Array.of(0x82, 0xa7, ...Buffer.from('Command'), 0xdb, 0x7f, 0xff, 0xff, 0xff)
    await long.talk.say(head)
    assert.match(long.talk.ended ?? '', /too large/)

    const many = await admitted()
    many.agent.joined = new Promise(() => {})
    await many.talk.ask('join', 2, encode(joinRequest, { existing: [], replay: false }))
    for (let i = 0; i < 6000 && many.talk.ended === undefined; i += 1) await many.talk.say(new Uint8Array(1024))
    assert.match(many.talk.ended ?? '', /too much/)
  })

  test('whatever comes, it answers or ends, and never fails', async () => {
    const recordings: string[] = golden('ipc').vectors.flatMap(({ name, hex }: Json) =>
      name.endsWith('.requests') ? hex : [],
    )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.constantFrom(...recordings), fc.nat(), fc.integer({ min: 0, max: 255 })).map(([hex, at, byte]) => {
        const spoilt = fromHex(hex)
        spoilt[at % spoilt.length] = byte
        return spoilt
      }),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const talk = new Talk(new FakeAgent())
        await talk.say(input)
        talk.heard()
        assert.doesNotMatch(talk.ended ?? '', /crashed/)
        talk.session.close()
      }),
      { numRuns: 500 },
    )
  })
})
