import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Keyring } from '../../src/gossip/keyring.ts'
import {
  changeKeys,
  formatKey,
  formatKeyList,
  type Keys,
  maxKeys,
  parseKey,
  parseKeyList,
} from '../../src/gossip/keys.ts'
import { keyOf } from './sealed.ts'

const [a, b, c] = [keyOf(1), keyOf(2, 16), keyOf(3, 24)]
const numbers = (keys: Keys) => keys.map((key) => key[0])

describe('a list of keys', () => {
  const after = (keys: Keys, ...parts: Parameters<typeof changeKeys> extends [Keys, ...infer Rest] ? Rest : never) => {
    const changed = changeKeys(keys, ...parts)
    return changed.ok ? numbers(changed.value) : changed.problem
  }

  test('changes as memberlist says', () => {
    assert.deepEqual(after([a, b], 'install', c), [1, 2, 3])
    assert.deepEqual(after([a, b], 'install', b), [1, 2])
    assert.deepEqual(after([a, b, c], 'use', c), [3, 1, 2])
    assert.deepEqual(after([a, b, c], 'use', a), [1, 2, 3])
    assert.deepEqual(after([a, b], 'use', c), 'Requested key is not in the keyring')
    assert.deepEqual(after([a, b, c], 'remove', b), [1, 3])
    assert.deepEqual(after([a, b], 'remove', c), [1, 2])
    assert.deepEqual(after([a, b], 'remove', a), 'Removing the primary key is not allowed')
    for (const bytes of [0, 15, 17, 33]) {
      assert.deepEqual(after([a], 'install', keyOf(9, bytes)), 'key size must be 16, 24 or 32 bytes')
    }
  })

  test('has an end', () => {
    const many = Array.from({ length: maxKeys }, (_, number) => keyOf(number))
    assert.equal(after(many, 'install', keyOf(200)), `there are ${maxKeys} keys already`)
  })

  test('is a JSON array in a file, and comes back from it', () => {
    const key = fc.constantFrom(16, 24, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 5, selector: formatKey }), (keys) => {
        assert.deepEqual(parseKeyList(formatKeyList(keys)), { ok: true, value: keys })
      }),
    )
    assert.equal(formatKeyList([b]), '[\n  "AgICAgICAgICAgICAgICAg=="\n]\n')
    assert.deepEqual(parseKeyList(JSON.stringify([formatKey(a), formatKey(a)])), { ok: true, value: [a] })
  })

  test('that is wrong is said to be, without a word of what it holds', () => {
    const problems: [string, RegExp][] = [
      ['', /is not JSON/],
      ['["AgICAgICAgICAgICAgICAg=="', /is not JSON/],
      ['{}', /is not a JSON array/],
      ['[]', /has no key/],
      ['[1]', /unusable key, number 1 \(not text\)/],
      ['["AgICAgICAgICAgICAgICAg==","secret"]', /unusable key, number 2 \(not base64 text\)/],
      ['["AgIC"]', /number 1 \(key size must be 16, 24 or 32 bytes\)/],
      [JSON.stringify(new Array(65).fill('x')), /more than 64 keys/],
    ]
    for (const [text, expected] of problems) {
      const list = parseKeyList(text)
      assert.ok(!list.ok)
      assert.match(list.problem, expected)
      assert.doesNotMatch(list.problem, /AgIC|secret/)
    }
    for (const text of ['====', 'A', 'AAAA=', 'AA==AAAA', 'AgICAgICAgICAgICAgICA-==', ' AgICAgICAgICAgICAgICAg==']) {
      assert.equal(parseKey(text).ok, false, text)
    }
  })
})

describe('a keyring', () => {
  function start(...keys: Uint8Array[]) {
    const stored: (number | undefined)[][] = []
    const said: (string | undefined)[] = []
    const keyring = new Keyring(keys, (list) => void stored.push(numbers(list)))
    const change = (kind: 'install' | 'use' | 'remove', key: Uint8Array) => {
      keyring.change(kind, key, (problem) => said.push(problem))
    }
    return { keyring, stored, said, change }
  }

  test('has a change in force once it is stored, and says so then', () => {
    const { keyring, stored, said, change } = start(a)
    change('install', b)
    assert.deepEqual([numbers(keyring.keys), stored, said], [[1], [[1, 2]], []])
    keyring.stored()
    assert.deepEqual([numbers(keyring.keys), said], [[1, 2], [undefined]])
  })

  test('stays as it was when a change cannot be stored, and tries again when told again', () => {
    const { keyring, stored, said, change } = start(a)
    change('install', b)
    keyring.stored('disk full')
    assert.deepEqual([numbers(keyring.keys), said], [[1], ['disk full']])
    change('use', b)
    assert.deepEqual(said.at(-1), 'Requested key is not in the keyring')
    change('install', b)
    keyring.stored()
    assert.deepEqual(
      [numbers(keyring.keys), stored],
      [
        [1, 2],
        [
          [1, 2],
          [1, 2],
        ],
      ],
    )
  })

  test('takes changes one after the other, each from what the last one left', () => {
    const { keyring, stored, said, change } = start(a)
    change('install', b)
    change('use', b)
    change('remove', a)
    change('remove', b)
    assert.deepEqual(stored, [[1, 2]])
    for (let i = 0; i < 3; i += 1) keyring.stored()
    assert.deepEqual(stored, [[1, 2], [2, 1], [2]])
    assert.deepEqual(said, [undefined, undefined, undefined, 'Removing the primary key is not allowed'])
    assert.deepEqual(numbers(keyring.keys), [2])
  })

  test('stores even what changes nothing: an attempt before may have left something else', () => {
    const { keyring, stored, change } = start(a, b)
    change('install', b)
    keyring.stored()
    assert.deepEqual(stored, [[1, 2]])
  })

  test('does not let changes pile up, and keeps keys that nobody can change', () => {
    const { keyring, said, change } = start(a)
    const mine = b.slice()
    for (let i = 0; i < 65; i += 1) change('install', mine)
    mine.fill(9)
    assert.deepEqual(said, ['too many key changes at once'])
    keyring.stored()
    assert.deepEqual(numbers(keyring.keys), [1, 2])
  })

  test('follows the cluster to a key it has', () => {
    const { keyring } = start(a, b)
    assert.equal(keyring.follow(a), false)
    assert.equal(keyring.follow(b), true)
    keyring.stored()
    assert.deepEqual(numbers(keyring.keys), [2, 1])
  })
})
