import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { initialCoordinate } from '../../src/gossip/coordinate.ts'
import { encodeCoordinate } from '../../src/gossip/coordinates.ts'
import type { Effect } from '../../src/gossip/effects.ts'
import { createGossipCore } from '../../src/gossip/gossip.ts'
import type { Endpoint } from '../../src/gossip/ip.ts'
import { encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import type { IndirectPing, Message } from '../../src/gossip/messages.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { Cluster, type Node, seededRandom } from './cluster.ts'

/** One core whose peers are played by the test. */
class Solo {
  nowMs = 0
  readonly core = createGossipCore(
    {
      name: 'us',
      advertise: { host: '10.0.0.1', port: 1 },
      tags: new Map(),
      profile: profiles.lan,
      compression: false,
    },
    seededRandom(1),
    0,
  )
  /** All hosts that a packet was sent to. */
  readonly told = new Set<string>()
  #effects: Effect[] = []

  constructor(...peers: string[]) {
    for (const [i, node] of peers.entries()) {
      const addr = Uint8Array.of(10, 0, 0, i + 2)
      this.hear({ kind: 'alive', node, incarnation: 1, addr, port: 1, meta: new Uint8Array(), vsn: ourVsn })
    }
    this.#effects = []
  }

  hear(message: Message, from: Endpoint = { host: '10.0.0.2', port: 1 }): void {
    this.core.receivePacket(encodeMessage(message), from, this.nowMs)
    this.#effects.push(...this.core.take())
  }

  /** Answers the stream that was just opened as a host does where nobody listens. */
  refuseStream(): void {
    this.#effects.push(...this.core.take())
    const stream = this.#effects.find((effect) => effect.kind === 'stream')
    assert.ok(stream?.kind === 'stream')
    this.core.streamFailed(stream.id, 'refused', this.nowMs, true)
    this.#effects.push(...this.core.take())
  }

  /** The next message of this kind that is sent, and to whom; time passes until then. */
  next<K extends Message['kind']>(kind: K, withinMs = 5000): { message: Extract<Message, { kind: K }>; to: string } {
    const endMs = this.nowMs + withinMs
    this.#effects.push(...this.core.take())
    for (;;) {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) {
        if (effect.kind !== 'packet') continue
        this.told.add(effect.to.host)
        const found = decodePacket(effect.bytes).messages.find(({ message }) => message.kind === kind)
        if (found) return { message: found.message as Extract<Message, { kind: K }>, to: effect.to.host }
      }
      this.nowMs = Math.max(this.nowMs, this.core.nextWakeMs())
      assert.ok(this.nowMs <= endMs, `no ${kind} within ${withinMs} ms`)
      this.core.wake(this.nowMs)
      this.#effects.push(...this.core.take())
    }
  }

  pass(ms: number): void {
    const endMs = this.nowMs + ms
    for (let nextMs = this.core.nextWakeMs(); nextMs <= endMs; nextMs = this.core.nextWakeMs()) this.core.wake(nextMs)
    this.nowMs = endMs
  }

  health(): number {
    return this.core.stats().health
  }
}

const noSource = { sourceAddr: new Uint8Array(), sourcePort: 0, sourceNode: '' }

describe('a probe', () => {
  test('names its target and its sender, and is over with the ack', () => {
    const solo = new Solo('a')
    const { message, to } = solo.next('ping')
    assert.equal(to, '10.0.0.2')
    assert.equal(message.node, 'a')
    assert.deepEqual([...message.sourceAddr], [10, 0, 0, 1])
    assert.equal(message.sourceNode, 'us')
    solo.hear({ kind: 'ack', seqNo: message.seqNo, payload: null })
    assert.throws(() => solo.next('suspect', 900))
    assert.notEqual(solo.next('ping').message.seqNo, message.seqNo)
  })

  test('learns where its target is from an ack in time, not from a late one', () => {
    const payload = encodeCoordinate(initialCoordinate)
    for (const [afterMs, learned] of [
      [400, true],
      [600, false],
    ] as const) {
      const solo = new Solo('a')
      const { message } = solo.next('ping')
      solo.pass(afterMs)
      solo.hear({ kind: 'ack', seqNo: message.seqNo, payload })
      assert.equal(solo.core.coordinate('a') !== undefined, learned)
      assert.equal(solo.health(), 0)
    }
  })

  test('starts at a number that nobody can guess', () => {
    const { seqNo } = new Solo('a').next('ping').message
    assert.ok(seqNo > 1000, `${seqNo}`)
  })

  test('an ack with another number is counted and means nothing', () => {
    const solo = new Solo('a')
    const { message } = solo.next('ping')
    solo.hear({ kind: 'ack', seqNo: (message.seqNo + 1) >>> 0, payload: null })
    assert.equal(solo.core.stats().problems.get('unasked'), 1)
    assert.equal(solo.next('suspect').message.node, 'a')
  })

  test('without an ack three helpers are asked; one of theirs is as good', () => {
    const solo = new Solo('a', 'b', 'c', 'd', 'e')
    const { message } = solo.next('ping')
    const asked = [solo.next('indirectPing'), solo.next('indirectPing'), solo.next('indirectPing')]
    assert.equal(new Set(asked.map(({ to }) => to)).size, 3)
    for (const { message: request } of asked) {
      assert.equal(request.node, message.node)
      assert.equal(request.seqNo, message.seqNo)
      assert.equal(request.nack, true)
    }
    solo.hear({ kind: 'ack', seqNo: message.seqNo, payload: null }, { host: '10.0.0.3', port: 1 })
    const next = solo.next('ping').message
    assert.notEqual(next.seqNo, message.seqNo)
    assert.equal(solo.core.members().filter(({ status }) => status === 'alive').length, 6)
  })

  test('that could not be sent asks the helpers at once, and not again later', () => {
    const solo = new Solo('a', 'b', 'c', 'd', 'e')
    const { message } = solo.next('ping')
    const startMs = solo.nowMs
    solo.core.sendFailed(message.seqNo, solo.nowMs)
    for (let i = 0; i < 3; i += 1) assert.equal(solo.next('indirectPing').message.seqNo, message.seqNo)
    assert.equal(solo.nowMs, startMs)
    assert.throws(() => solo.next('indirectPing', 900))
  })

  test('whose host answers that nobody listens there is over soon, and no fault of ours', () => {
    const solo = new Solo('a', 'b', 'c', 'd', 'e')
    const { message } = solo.next('ping')
    const startMs = solo.nowMs
    solo.pass(250)
    solo.refuseStream()
    for (let i = 0; i < 3; i += 1) assert.equal(solo.next('indirectPing').message.node, message.node)
    assert.equal(solo.nowMs - startMs, 250, 'who may reach it is asked at once')
    assert.equal(solo.next('suspect').message.node, message.node)
    assert.ok(solo.nowMs - startMs < 400, 'well before the probe interval is over')
    assert.equal(solo.health(), 0)
  })

  test('whose stream is refused still counts the word of a helper', () => {
    const solo = new Solo('a', 'b', 'c', 'd', 'e')
    const { message } = solo.next('ping')
    solo.pass(250)
    solo.refuseStream()
    for (let i = 0; i < 3; i += 1) solo.next('indirectPing')
    solo.hear({ kind: 'ack', seqNo: message.seqNo, payload: null }, { host: '10.0.0.3', port: 1 })
    assert.notEqual(solo.next('ping').message.node, message.node)
    assert.equal(solo.core.members().filter(({ status }) => status === 'alive').length, 6)
  })

  test('helpers that say they could not reach it either spare us the blame; strangers cannot', () => {
    const blame = (from: (helper: string) => Endpoint) => {
      const solo = new Solo('a', 'b', 'c', 'd', 'e')
      const { message } = solo.next('ping')
      for (let i = 0; i < 3; i += 1) {
        const { to } = solo.next('indirectPing')
        solo.hear({ kind: 'nack', seqNo: message.seqNo }, from(to))
        solo.hear({ kind: 'nack', seqNo: message.seqNo }, from(to))
      }
      solo.next('suspect')
      return solo.health()
    }
    assert.equal(
      blame((host) => ({ host, port: 1 })),
      0,
    )
    assert.equal(
      blame(() => ({ host: '10.9.9.9', port: 1 })),
      3,
    )
  })

  test('of a suspect comes with the accusation, so that it can refute at once', () => {
    const solo = new Solo('a')
    solo.next('suspect')
    const again = solo.next('suspect')
    assert.equal(again.to, '10.0.0.2')
  })
})

describe('an errand for another member', () => {
  const request = (more: Partial<IndirectPing> = {}): IndirectPing => {
    const target = Uint8Array.of(10, 0, 0, 3)
    return { kind: 'indirectPing', seqNo: 77, target, port: 1, node: 'b', nack: true, ...noSource, ...more }
  }

  test('the ack is handed back under the number of the one who asked', () => {
    const solo = new Solo('a', 'b')
    solo.hear(request())
    const { message, to } = solo.next('ping')
    assert.equal(to, '10.0.0.3')
    assert.notEqual(message.seqNo, 77)
    solo.hear({ kind: 'ack', seqNo: message.seqNo, payload: null }, { host: '10.0.0.3', port: 1 })
    const ack = solo.next('ack')
    assert.deepEqual([ack.to, ack.message.seqNo], ['10.0.0.2', 77])
  })

  test('without an ack a nack says so, if wanted', () => {
    const solo = new Solo('a', 'b')
    solo.hear(request())
    const nack = solo.next('nack', 600)
    assert.deepEqual([nack.to, nack.message.seqNo], ['10.0.0.2', 77])
    solo.hear(request({ nack: false }))
    assert.throws(() => solo.next('nack', 600))
  })

  test('nobody can make us ping an address that is no member of the cluster', () => {
    const solo = new Solo('a', 'b')
    solo.hear(request({ target: Uint8Array.of(192, 0, 2, 1), node: 'victim' }))
    assert.equal(solo.next('nack', 600).message.seqNo, 77)
    assert.throws(() => solo.next('error', 600), 'let some time pass')
    assert.equal(solo.told.has('192.0.2.1'), false)
  })
})

describe('an answer', () => {
  const ping = (sourceAddr: number[], sourcePort: number): Message => {
    return { kind: 'ping', seqNo: 5, node: 'us', sourceAddr: Uint8Array.from(sourceAddr), sourcePort, sourceNode: 'x' }
  }
  const stranger = { host: '10.9.9.9', port: 9 }

  test('to a member goes to its address, whatever the ping says', () => {
    const solo = new Solo('a')
    solo.hear(ping([192, 0, 2, 1], 7))
    assert.equal(solo.next('ack').to, '10.0.0.2')
  })

  test('to a stranger goes to the member it names, or back, but never to a third party', () => {
    const solo = new Solo('a')
    solo.hear(ping([10, 0, 0, 2], 1), stranger)
    assert.equal(solo.next('ack').to, '10.0.0.2')
    solo.hear(ping([192, 0, 2, 1], 7), stranger)
    assert.equal(solo.next('ack').to, '10.9.9.9')
  })

  test('a ping for somebody else gets none', () => {
    const solo = new Solo('a')
    solo.hear({ ...ping([], 0), node: 'other' } as Message)
    assert.throws(() => solo.next('ack', 100))
    assert.equal(solo.core.stats().problems.get('misdirected'), 1)
  })
})

test('a member that hears nobody blames itself first, and recovers', () => {
  const cluster = new Cluster(6)
  const nodes = Array.from({ length: 6 }, (_, i) => cluster.start(`n${i}`))
  for (const node of nodes.slice(1)) cluster.join(node, nodes[0] as Node)
  cluster.until(() => cluster.agree(nodes.map(({ name }) => name)))
  const deaf = nodes[0] as Node
  cluster.link = (from, to, medium) => {
    return to.port !== deaf.at.port && (medium === 'packet' || from.port !== deaf.at.port)
  }
  cluster.until(() => deaf.core.stats().health >= 3, 20_000)
  for (const other of nodes.slice(1)) assert.ok(other.core.stats().health <= 1, 'the others have each other as helpers')
  cluster.link = () => true
  cluster.until(() => deaf.core.stats().health === 0, 300_000)
})
