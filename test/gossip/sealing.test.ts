import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { aesGcm } from '../../src/env/aes-gcm.ts'
import { decodePacket } from '../../src/gossip/packet.ts'
import { Sealing, type StreamSide, unsealed } from '../../src/gossip/sealing.ts'
import { createStreamReader, encodeStream } from '../../src/gossip/stream-codec.ts'
import { mutated } from './arbitraries.ts'
import { fromHex, golden, type Json, toHex, type Vector } from './golden.ts'
import { keyFromText, keyOf, sealed } from './sealed.ts'

type Sealed = Vector & { keys?: string[]; label?: string }
const recorded: Sealed[] = ['udp-encrypted', 'tcp-streams', 'label'].flatMap((file) => golden(file).vectors)
const encrypted = recorded.filter(({ decoded }) => decoded.encryption)
const labelOf = ({ label, decoded }: Sealed): string => label ?? decoded.label ?? ''
const sideOf = ({ name }: Sealed): StreamSide => (name.endsWith('-s2c') ? 'answerer' : 'opener')

/** The sealing of who sent it: the key that fits first, the same nonce. */
function senderOf(vector: Sealed): Sealing {
  const keys = (vector.keys ?? []).map(keyFromText)
  const label = labelOf(vector)
  const receiver = sealed(keys, { label })
  const key = vector.transport === 'udp' ? keyOfPacket(receiver, vector) : keyOfStream(receiver, vector)
  return sealed([key], { label, nonceHex: vector.decoded.encryption.nonce })
}

function keyOfPacket(receiver: Sealing, { hex, decoded }: Sealed): Uint8Array {
  const opened = receiver.openPacket(fromHex(hex))
  assert.ok(opened.ok && opened.key, 'opens')
  assert.equal(toHex(opened.value), decoded.plain.$hex)
  return opened.key
}

function keyOfStream(receiver: Sealing, vector: Sealed): Uint8Array {
  const reader = createStreamReader(undefined, receiver, sideOf(vector))
  const bytes = fromHex(vector.hex)
  assert.equal(reader.push(bytes.subarray(0, -1)), undefined, 'needs its last byte')
  const outcome = reader.push(bytes.subarray(-1))
  assert.ok(outcome?.ok && outcome.key, 'opens')
  return outcome.key
}

describe('recorded encryption', () => {
  for (const vector of encrypted) {
    test(`${vector.name} opens, and is sealed to the same bytes again`, () => {
      const sender = senderOf(vector)
      const plain = fromHex(vector.decoded.plain.$hex)
      const again = vector.transport === 'udp' ? sender.sealPacket(plain) : sender.sealStream(plain, sideOf(vector))
      assert.equal(toHex(again), vector.hex)
    })
  }

  test('there were recordings of both ways, with and without a label', () => {
    const kinds = encrypted.map((vector) => `${vector.transport} ${labelOf(vector) === '' ? 'bare' : 'labelled'}`)
    assert.deepEqual([...new Set(kinds)].sort(), ['tcp bare', 'tcp labelled', 'udp bare', 'udp labelled'])
  })
})

describe('recorded labels without encryption', () => {
  for (const vector of recorded.filter((one) => labelOf(one) !== '' && !one.decoded.encryption)) {
    test(vector.name, () => {
      const sealing = new Sealing({ label: 'blue-team' })
      const bytes = fromHex(vector.hex)
      if (vector.transport === 'udp') {
        const opened = sealing.openPacket(bytes)
        assert.ok(opened.ok)
        assert.deepEqual(decodePacket(opened.value).problems, [])
        assert.equal(toHex(sealing.sealPacket(opened.value)), vector.hex)
      } else {
        const reader = createStreamReader(undefined, sealing, sideOf(vector))
        for (const byte of bytes.subarray(0, -1)) assert.equal(reader.push(Uint8Array.of(byte)), undefined)
        const outcome = reader.push(bytes.subarray(-1))
        assert.ok(outcome?.ok, JSON.stringify(outcome))
        const again = sealing.sealStream(encodeStream(outcome.value, { compress: true }), sideOf(vector))
        assert.equal(toHex(again), vector.hex)
      }
    })
  }

  test('are refused by who has none or another, and missing ones by who has one', () => {
    const packet = fromHex(recorded.find(({ name }) => name === 'label-ping')?.hex as string)
    for (const sealing of [unsealed, new Sealing({ label: 'red-team' }), new Sealing({ label: 'blue-tea' })]) {
      assert.equal(sealing.openPacket(packet).ok, false)
    }
    const blue = new Sealing({ label: 'blue-team' })
    assert.equal(blue.openPacket(packet.subarray(11)).ok, false, 'without')
    assert.equal(blue.openPacket(packet.subarray(0, 6)).ok, false, 'cut off')
    assert.equal(blue.openPacket(new Uint8Array(0)).ok, false, 'nothing')
    assert.equal(blue.openPacket(fromHex('f400')).ok, false, 'empty')
    for (const bytes of [fromHex('f403aabbcc00'), fromHex('f400'), fromHex('0080')]) {
      const outcome = createStreamReader(undefined, blue).push(bytes)
      assert.deepEqual(outcome && { ...outcome, problem: '' }, { ok: false, problem: '', answer: false, foreign: true })
    }
  })
})

describe('hand-made input of the recordings', () => {
  const cases = golden('robustness').cases.filter(({ name, hex }: Json) => /^enc/.test(name) && hex)
  const beta = sealed(['AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 'QEFCQ0RFRkdISUpLTE1OTw=='].map(keyFromText))
  const outcomeOf = (name: string) => {
    const { hex, transport } = cases.find((one: Json) => one.name === name)
    if (transport === 'tcp') {
      const outcome = createStreamReader(undefined, beta).push(fromHex(hex))
      return outcome?.ok ? outcome.value.kind : `${outcome?.problem}${outcome?.answer ? ', answered' : ''}`
    }
    const opened = beta.openPacket(fromHex(hex))
    if (!opened.ok) return opened.problem
    const { messages, problems } = decodePacket(opened.value)
    return [...messages.map(({ message }) => message.kind), ...problems].join()
  }

  test('is taken where every version takes it, and refused with a reason', () => {
    assert.deepEqual(Object.fromEntries(cases.map(({ name }: Json) => [name, outcomeOf(name)])), {
      'enc: plaintext ping': '19 bytes are too few to be encrypted',
      'enc: version 1': 'ping',
      'enc: version 0 (PKCS7)': 'ping',
      'enc: version 2': 'encryption version 2 is not supported',
      'enc: wrong key': 'no installed keys could decrypt the message',
      'enc: with AAD (as a label would)': 'no installed keys could decrypt the message',
      'enc: crc inside': 'ping',
      'enc: compress inside': 'ping',
      'enc: too short': '21 bytes are too few to be encrypted',
      'enc: empty plaintext': 'empty message',
      'enc tcp: version 0 ping': 'ping',
      'enc tcp: without AAD': 'no installed keys could decrypt the message, answered',
      'enc tcp: plaintext stream': 'encryption is configured but remote state is not encrypted, answered',
      'enc tcp: length over 20 MiB': 'remote node state is larger than limit (20971521), answered',
    })
  })

  test('an empty plaintext on a stream is a stream that broke off', () => {
    const frame = beta.sealStream(new Uint8Array(0), 'opener')
    assert.deepEqual(createStreamReader(undefined, beta).push(frame), {
      ok: false,
      problem: 'truncated',
      answer: false,
    })
  })

  test('encryption within encryption is no message', () => {
    const inner = beta.sealStream(encodeStream({ kind: 'error', text: '' }, { compress: false }), 'opener')
    const outcome = createStreamReader(undefined, beta).push(beta.sealStream(inner, 'opener'))
    assert.equal(outcome && !outcome.ok && outcome.problem, 'message type 10 is not supported on a stream')
  })

  test('without keys a sealed stream is refused before it has come', () => {
    const outcome = createStreamReader().push(fromHex('0a01000000'))
    assert.equal(
      outcome && !outcome.ok && outcome.problem,
      'remote state is encrypted and encryption is not configured',
    )
  })
})

describe('padding of version 0', () => {
  const key = keyOf(1)
  const receiver = sealed([key])
  const payload = (plain: Uint8Array) => {
    const nonce = new Uint8Array(12)
    return Buffer.concat([Uint8Array.of(0), nonce, aesGcm.seal(key, nonce, plain, new Uint8Array(0))])
  }
  const padded = (length: number, pad: number[]) => Uint8Array.from([...new Array(length).fill(65), ...pad])

  test('is taken away, all 16 lengths of it', () => {
    for (let count = 1; count <= 16; count += 1) {
      const opened = receiver.openPacket(payload(padded(32 - count, new Array(count).fill(count))))
      assert.ok(opened.ok && opened.value.length === 32 - count, `${count}`)
    }
    assert.deepEqual(receiver.openPacket(payload(padded(0, new Array(16).fill(16)))), {
      ok: true,
      value: Buffer.alloc(0),
      key,
    })
  })

  test('that cannot be is refused', () => {
    for (const pad of [[0], [17], [255], [3, 2], [1, 2, 3]]) {
      const opened = receiver.openPacket(payload(padded(16 - pad.length, pad)))
      assert.deepEqual(opened, { ok: false, problem: 'encrypted with wrong padding' }, `${pad}`)
    }
    assert.equal(receiver.openPacket(payload(padded(16, [1]))).ok, false, 'not a whole block')
  })
})

describe('what is sealed', () => {
  const anyKey = fc.constantFrom(16, 24, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
  const anyLabel = fc.constantFrom('', 'blue', 'ä'.repeat(127))
  const anySide = fc.constantFrom<StreamSide>('opener', 'answerer')

  test('opens with any place of its key in the ring, and says which', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uniqueArray(anyKey, { minLength: 1, maxLength: 4, selector: toHex }),
        fc.nat(),
        anyLabel,
        (content, keys, pick, label) => {
          const key = keys[pick % keys.length]!
          const sender = sealed([key], { label })
          const packet = sender.sealPacket(content)
          assert.equal(packet.length, content.length + sender.packetOverheadBytes)
          const opened = sealed(keys, { label }).openPacket(packet)
          assert.ok(opened.ok && opened.key === key && toHex(opened.value) === toHex(content))
        },
      ),
    )
  })

  test('is refused with any bit of it flipped', () => {
    const sealing = sealed([keyOf(1), keyOf(2)], { label: 'blue' })
    const packet = sealing.sealPacket(fromHex('0080'))
    const stream = sealing.sealStream(encodeStream({ kind: 'error', text: 'x' }, { compress: false }), 'opener')
    for (let bit = 0; bit < 8 * packet.length; bit += 1) {
      const flipped = packet.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(sealing.openPacket(flipped).ok, false, `bit ${bit} of the packet`)
    }
    for (let bit = 0; bit < 8 * stream.length; bit += 1) {
      const flipped = stream.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const reader = createStreamReader(undefined, sealing)
      const outcome = reader.push(flipped) ?? reader.end()
      assert.equal(outcome.ok, false, `bit ${bit} of the stream`)
    }
  })

  test('is bound to its way: a packet is no stream, and what has another label does not open', () => {
    const blue = sealed([keyOf(1)], { label: 'blue' })
    const bare = sealed([keyOf(1)])
    const packet = blue.sealPacket(fromHex('0080'))
    assert.equal(bare.openPacket(packet.subarray(6)).ok, false)
    const answer = blue.sealStream(fromHex('0080'), 'answerer')
    assert.equal(answer[0], 0x0a, 'an answer has no label')
    assert.equal(createStreamReader(undefined, blue, 'answerer').push(answer)?.ok, true)
    assert.equal(createStreamReader(undefined, bare, 'answerer').push(answer)?.ok, false)
    assert.equal(createStreamReader(undefined, blue, 'opener').push(answer)?.ok, false)
  })

  test('whatever the bytes: an outcome, and one attempt for each key at most', () => {
    let attempts = 0
    const open: typeof aesGcm.open = (...parts) => {
      attempts += 1
      return aesGcm.open(...parts)
    }
    const counting = { ...aesGcm, open }
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      mutated(fc.constantFrom(...recorded.map(({ hex }) => fromHex(hex)))),
    )
    fc.assert(
      fc.property(bytes, anyLabel, anySide, fc.boolean(), (input, label, side, acceptPlain) => {
        const keys = [keyOf(1), keyOf(2, 16), keyOf(3, 24)]
        const sealing = sealed(keys, { label, acceptPlain, aead: counting })
        attempts = 0
        const opened = sealing.openPacket(input)
        assert.equal(attempts <= keys.length, true)
        if (opened.ok) decodePacket(opened.value)
        const reader = createStreamReader(undefined, sealing, side)
        attempts = 0
        const outcome = reader.push(input) ?? reader.end()
        assert.equal(attempts <= keys.length, true)
        if (!outcome.ok) assert.equal(outcome.problem.length < 200, true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('while a running cluster gets its first key', () => {
  const plain = fromHex('0080')
  const careful = sealed([keyOf(1)])
  const accepting = sealed([keyOf(1)], { acceptPlain: true })
  const hiding = sealed([keyOf(1)], { acceptPlain: true, sendPlain: true })

  test('plain is taken where it may be, and sealed by everybody who has the key', () => {
    assert.deepEqual(hiding.sealPacket(plain), plain)
    assert.deepEqual(hiding.sealStream(plain, 'opener'), plain)
    assert.equal(hiding.packetOverheadBytes, 0)
    assert.equal(careful.openPacket(plain).ok, false)
    assert.deepEqual(accepting.openPacket(plain), { ok: true, value: plain })
    const ping = encodeStream({ kind: 'error', text: 'x' }, { compress: false })
    assert.equal(createStreamReader(undefined, accepting).push(ping)?.ok, true)
    assert.equal(createStreamReader(undefined, careful).push(ping)?.ok, false)
    for (const receiver of [accepting, hiding]) {
      const opened = receiver.openPacket(careful.sealPacket(plain))
      assert.ok(opened.ok && opened.key, 'sealed packets open')
      const stream = createStreamReader(undefined, receiver).push(careful.sealStream(ping, 'opener'))
      assert.ok(stream?.ok && stream.key, 'sealed streams open')
    }
  })

  test('a stream sealed with an unknown key is refused even then', () => {
    const stranger = sealed([keyOf(9)]).sealStream(plain, 'opener')
    assert.equal(createStreamReader(undefined, accepting).push(stranger)?.ok, false)
  })
})
