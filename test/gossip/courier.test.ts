import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Courier, packetBudgetBytes } from '../../src/gossip/courier.ts'
import type { Effect } from '../../src/gossip/effects.ts'
import { MessageType } from '../../src/gossip/memberlist-codec.ts'
import { NodeState } from '../../src/gossip/messages.ts'
import type { NodeRecord } from '../../src/gossip/node-list.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { unsealed } from '../../src/gossip/sealing.ts'
import { keyOf, sealed } from './sealed.ts'

function start(compression = false, sealing = unsealed) {
  const effects: Effect[] = []
  const courier = new Courier({
    profile: profiles.lan,
    compression,
    sealing,
    nodeCount: () => 5,
    memberCount: () => 5,
    emit: (effect) => effects.push(effect),
  })
  const lastPacket = () => {
    const effect = effects.at(-1)
    assert.equal(effect?.kind, 'packet')
    return effect?.kind === 'packet' ? effect.bytes : new Uint8Array()
  }
  return { courier, effects, lastPacket }
}

function node(pMax: number): NodeRecord {
  const vsn = Uint8Array.of(1, pMax, 2, 2, 5, 5)
  const rest = { meta: new Uint8Array(), incarnation: 1, state: NodeState.alive, stateChangedMs: 0 }
  return { name: 'a', addr: Uint8Array.of(10, 0, 0, 1), host: '10.0.0.1', port: 1, vsn, ...rest }
}

/** An encoded message of exactly this many bytes. */
function message(type: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(type)
}

describe('packing', () => {
  test('packets stay within the budget with a label and encryption around them, too', () => {
    const sealing = sealed([keyOf(1)], { label: 'blue' })
    assert.equal(sealing.packetOverheadBytes, 29 + 6)
    const { courier, lastPacket } = start(false, sealing)
    const largest = courier.maxBroadcastBytes
    courier.nodes.add({ name: 'largest', bytes: message(4, largest) })
    assert.equal(courier.gossip(node(4)), true)
    // A single message goes without the four bytes of a compound.
    assert.equal(lastPacket().length, packetBudgetBytes - 4)
    for (let i = 0; i < 100; i += 1) courier.nodes.add({ name: `n${i}`, bytes: message(4, 50 + i) })
    for (let i = 0; i < 20; i += 1) {
      courier.gossip(node(4))
      courier.send(node(4), { kind: 'nack', seqNo: i })
      // memberlist does not count the length of the message that the others ride with.
      assert.ok(lastPacket().length <= packetBudgetBytes + 2, `${lastPacket().length}`)
    }
  })

  test('packets stay within the budget, whatever waits', () => {
    const { courier, effects } = start()
    for (let i = 0; i < 60; i += 1) {
      courier.nodes.add({ name: `n${i}`, bytes: message(MessageType.dead, 20 + i * 3) })
      courier.intents.add({ bytes: message(MessageType.user, 30 + i) })
    }
    while (courier.gossip(node(5)));
    courier.send({ host: '10.0.0.1', port: 1 }, { kind: 'ack', seqNo: 1, payload: null })
    assert.equal(effects.length > 10, true)
    for (const effect of effects) {
      // The checksum is not part of the budget.
      if (effect.kind === 'packet') assert.ok(effect.bytes.length <= packetBudgetBytes + 5, `${effect.bytes.length}`)
    }
  })

  test('never more parts than old members can count', () => {
    const { courier, lastPacket } = start()
    for (let i = 0; i < 300; i += 1) courier.intents.add({ bytes: Uint8Array.of(MessageType.user, 99) })
    courier.gossip(node(1))
    assert.equal(lastPacket()[0], MessageType.compound)
    assert.equal(lastPacket()[1], 127)
  })

  test('news about nodes cannot crowd out what users say', () => {
    const { courier, lastPacket } = start()
    for (let i = 0; i < 200; i += 1) courier.nodes.add({ name: `n${i}`, bytes: message(MessageType.dead, 50) })
    courier.events.add({ bytes: message(MessageType.user, 300) })
    courier.gossip(node(1))
    const types = decodePacket(lastPacket()).messages.map(({ raw }) => raw[0])
    assert.equal(types.includes(MessageType.user), true)
    const { raw } = decodePacket(lastPacket()).messages.at(-1) ?? {}
    assert.equal(raw?.length, 300)
  })

  test('only members that understand checksums get them, and nothing to say is nothing sent', () => {
    const { courier, effects, lastPacket } = start()
    assert.equal(courier.gossip(node(5)), false)
    assert.equal(effects.length, 0)
    courier.nodes.add({ name: 'a', bytes: message(MessageType.dead, 50) })
    courier.gossip(node(4))
    assert.equal(lastPacket()[0], MessageType.dead)
    courier.gossip(node(5))
    assert.equal(lastPacket()[0], MessageType.checksum)
  })

  test('compression is used where it helps, if wanted', () => {
    for (const compression of [true, false]) {
      const { courier, lastPacket } = start(compression)
      courier.nodes.add({ name: 'a', bytes: message(MessageType.dead, 500) })
      courier.gossip(node(1))
      assert.equal(lastPacket()[0], compression ? MessageType.compress : MessageType.dead)
    }
  })
})
