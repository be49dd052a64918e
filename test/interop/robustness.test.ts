import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { createStreamReader } from '../../src/gossip/stream-codec.ts'
import { fromHex, golden } from '../gossip/golden.ts'
import { hostPort, startMember, type TestMember } from './member.ts'
import { type SerfAgent, startSerfAgent, withoutSerf } from './serf-agent.ts'

interface Case {
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  readonly hex?: string
  readonly reaction: Readonly<Record<string, { readonly replies?: string[]; readonly streamReply?: string }>>
}

const cases = (golden('robustness').cases as Case[]).filter(({ hex }) => hex !== undefined)
const newer = 'serf 0.10.2-dev'

/** Sends datagrams to one member and hears its acks. */
class Stranger {
  readonly #socket: Socket = createSocket('udp4')
  readonly #news = new EventEmitter()
  readonly #target: TestMember
  #acks: number[] = []
  #fence = 1_000_000

  constructor(target: TestMember) {
    this.#target = target
    this.#socket.on('message', (packet) => {
      for (const { message } of decodePacket(packet).messages)
        if (message.kind === 'ack') this.#acks.push(message.seqNo)
      this.#news.emit('acks')
    })
  }

  /** The sequence numbers that were acked until the ping behind the packet was. */
  async send(packet: Uint8Array): Promise<number[]> {
    this.#acks = []
    this.#fence += 1
    const fence = this.#fence
    const anonymous = { sourceAddr: new Uint8Array(), sourcePort: 0, sourceNode: '' }
    const ping = encodeMessage({ kind: 'ping', seqNo: fence, node: this.#target.name, ...anonymous })
    for (const bytes of [packet, ping]) this.#socket.send(bytes, this.#target.at.port, this.#target.at.host)
    const signal = AbortSignal.timeout(20_000)
    while (!this.#acks.includes(fence)) await once(this.#news, 'acks', { signal })
    return this.#acks.filter((seqNo) => seqNo !== fence)
  }

  close(): void {
    this.#socket.close()
  }
}

/** What comes back on a stream until the other side ends. */
async function exchange(target: TestMember, bytes: Uint8Array): Promise<string | undefined> {
  const socket = connect(target.at.port, target.at.host)
  socket.end(bytes)
  const chunks: Uint8Array[] = []
  for await (const chunk of socket) chunks.push(chunk as Uint8Array)
  if (chunks.length === 0) return undefined
  const reader = createStreamReader()
  const outcome = reader.push(Buffer.concat(chunks)) ?? reader.end()
  assert.ok(outcome.ok, 'decodes')
  return outcome.value.kind
}

describe('a member under fire', () => {
  let alpha: TestMember
  let bystander: TestMember
  let agent: SerfAgent | undefined
  let stranger: Stranger

  before(async () => {
    alpha = await startMember('alpha', { tags: { role: 'web' } })
    bystander = await startMember('bystander')
    await bystander.gossip.join([hostPort(alpha.at)])
    if (withoutSerf() === false) agent = await startSerfAgent('agent', { join: alpha.at })
    const names = ['alpha', 'bystander', ...(agent ? ['agent'] : [])]
    for (const one of [alpha, bystander]) {
      await one.until('all alive', () => names.every((name) => one.member(name)?.status === 'alive'))
    }
    stranger = new Stranger(alpha)
  })

  after(async () => {
    stranger.close()
    alpha.gossip.close()
    bystander.gossip.close()
    await agent?.kill()
  })

  for (const { name, hex, reaction } of cases.filter(({ transport }) => transport === 'udp')) {
    test(`packet: ${name}`, async () => {
      const acks = await stranger.send(fromHex(hex as string))
      // Acks to a named source go there, not to us.
      if (!name.startsWith('ping') || /SourceAddr (bin8|as array)/.test(name)) return
      const acked = reaction[newer]?.replies?.some((reply) => reply.includes('ackResp')) ?? false
      assert.equal(acks.length > 0, acked)
    })
  }

  for (const { name, hex, reaction } of cases.filter(({ transport }) => transport === 'tcp')) {
    test(`stream: ${name}`, async () => {
      const answer = await exchange(alpha, fromHex(hex as string))
      const { streamReply } = reaction[newer] ?? {}
      if (name.startsWith('enc')) assert.ok(answer === undefined || answer === 'error')
      else assert.equal(answer !== undefined, streamReply !== undefined)
    })
  }

  test('packet: a user event of 20 KB', async () => {
    const payload = new Uint8Array(20_000)
    const event = encodeSerfMessage({ kind: 'userEvent', lTime: 1n, name: 'huge', payload, coalesce: false })
    await stranger.send(encodeMessage({ kind: 'user', payload: event }))
  })

  test('hundreds of streams that never go on do not keep anybody out for long', async () => {
    const silent = Array.from({ length: 200 }, () => connect(alpha.at.port, alpha.at.host))
    await Promise.all(
      silent.map((socket) =>
        once(
          socket.on('error', () => {}),
          'connect',
        ),
      ),
    )
    await Promise.race(silent.map((socket) => once(socket.resume(), 'close')))
    assert.equal((alpha.gossip.stats().problems.get('excess') ?? 0) > 0, true)
    for (const socket of silent) socket.destroy()
    assert.equal(await exchange(alpha, fromHex('0081a55365714e6f05')), 'ack')
  })

  test('nobody was harmed: everybody is alive for everybody, and news still travel', async () => {
    const { problems, eventTime, queryTime, memberTime, incarnation } = alpha.gossip.stats()
    assert.equal(problems.get('crashed'), undefined)
    for (const time of [eventTime, queryTime, memberTime]) assert.ok(time < 1n << 32n, `clocks are sane: ${time}`)
    assert.ok(incarnation < 1000, `incarnation ${incarnation}`)

    await alpha.gossip.setTags(new Map([['role', 'survivor']]))
    await bystander.until('the new tag', () => bystander.member('alpha')?.tags.get('role') === 'survivor')
    await bystander.gossip.setTags(new Map([['role', 'witness']]))
    await alpha.until('the new tag', () => alpha.member('bystander')?.tags.get('role') === 'witness')
    for (const [observer, other] of [
      [alpha, bystander],
      [bystander, alpha],
    ] as const) {
      assert.equal(observer.member(other.name)?.status, 'alive')
      assert.equal(observer.storyOf(other.name).includes('failed'), false)
      if (agent) assert.deepEqual(observer.storyOf('agent'), ['joined'])
    }
    await agent?.until('all of us alive', (list) => {
      return ['alpha', 'bystander', 'agent'].every((name) =>
        list.some((one) => one.name === name && one.status === 'alive'),
      )
    })
    assert.equal(agent?.running ?? true, true)
  })
})
