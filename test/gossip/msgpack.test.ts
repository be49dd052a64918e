import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MsgpackReader } from '../../src/gossip/msgpack-reader.ts'
import { MsgpackScanner } from '../../src/gossip/msgpack-scanner.ts'
import {
  bool,
  bytes,
  field,
  float,
  i64,
  int,
  list,
  mapOf,
  nullableBytes,
  omitEmpty,
  struct,
  type Type,
  text,
  u8,
  u16,
  u32,
  u64,
} from '../../src/gossip/msgpack-struct.ts'
import {
  type Dialect,
  gossipDialect,
  ipcDialect,
  MsgpackWriter,
  newerGossipDialect,
} from '../../src/gossip/msgpack-writer.ts'
import { anyBytes, anyName, anyTime, anyU32, mutated, plainRecord } from './arbitraries.ts'
import { fromHex, golden, type Json, toHex } from './golden.ts'

function write<T>(type: Type<T>, value: T, dialect: Dialect = gossipDialect): Uint8Array {
  const writer = new MsgpackWriter(dialect, 1)
  type.write(writer, value)
  return writer.finish()
}

function read<T>(type: Type<T>, input: string | Uint8Array): T | string {
  const reader = new MsgpackReader(typeof input === 'string' ? fromHex(input) : input)
  const value = type.read(reader)
  return reader.problem ?? value
}

// Declared out of order, as Go structs are.
const sample = struct({
  text: field('Zed', text),
  number: field('Mid', u16),
  empty: field('Alpha', nullableBytes),
  missing: field('Nil', nullableBytes),
  negative: field('Neg', int),
  flag: field('B', bool),
  half: field('F', float),
  list: field('List', list(text)),
  map: field('Map', mapOf(text)),
  left: omitEmpty('Omitted', text),
})

/** The value that a line of msgpack.json writes, with its type. */
function sampleOf({ name, value }: Json): { type: Type<unknown>; value: unknown } {
  const [, kind, count] = /^(string|bytes|array) of (\d+)/.exec(name) ?? []
  if (kind === 'string') return { type: text, value: 's'.repeat(Number(count)) }
  if (kind === 'bytes') return { type: nullableBytes, value: new Uint8Array(Number(count)).fill(0x73) }
  if (kind === 'array') return { type: list(u8), value: new Array(Number(count)).fill(0) }
  if (name === 'uint') return { type: u64, value: BigInt(value) }
  if (name.startsWith('int')) return { type: i64, value: BigInt(value) }
  if (name.startsWith('float64')) return { type: float, value: 1.5 }
  if (name === 'bool true') return { type: bool, value: true }
  if (name === 'nil') return { type: nullableBytes, value: null }
  assert.match(name, /^struct/)
  return {
    type: sample,
    value: {
      text: 'z'.repeat(40),
      number: 300,
      empty: new Uint8Array(0),
      missing: null,
      negative: -70_000,
      flag: true,
      half: 0.5,
      list: ['a'],
      map: new Map([['k', 'v']]),
      left: '',
    },
  }
}

describe('MessagePack as Go writes it', () => {
  for (const vector of golden('msgpack').vectors) {
    it(`${vector.name} ${vector.value ?? ''}`, () => {
      const { type, value } = sampleOf(vector)
      for (const [dialect, recorded, total] of [
        [gossipDialect, vector.gossip, vector.totalBytesGossip],
        [ipcDialect, vector.ipc, vector.totalBytesIpc],
      ]) {
        const written = write(type, value, dialect)
        if (total === undefined) {
          assert.equal(toHex(written), recorded)
        } else {
          const start = recorded.replace('...', '')
          assert.equal(written.length, total)
          assert.equal(toHex(written).slice(0, start.length), start)
        }
        assert.deepEqual(read(type, written), value)
      }
    })
  }

  it('can write signed fields as newer senders do', () => {
    for (const [value, hex] of [
      [127n, '7f'],
      [128n, 'd10080'],
      [32_767n, 'd17fff'],
      [32_768n, 'd200008000'],
      [2_000_000_000n, 'd277359400'],
      [3_200_000_000n, 'd300000000bebc2000'],
      [2n ** 63n - 1n, 'd37fffffffffffffff'],
      [-1n, 'ff'],
      [-129n, 'd1ff7f'],
    ] as const) {
      assert.equal(toHex(write(i64, value, newerGossipDialect)), hex)
      assert.equal(read(i64, hex), value)
    }
    assert.equal(toHex(write(u32, 589, newerGossipDialect)), 'cd024d', 'unsigned fields stay')
  })
})

describe('MessagePack as others may write it', () => {
  const person = struct({ age: field('Age', u8), name: field('Name', text), key: field('Key', bytes) })
  const ann = { age: 7, name: 'ann', key: Uint8Array.of(1, 2) }

  it('takes text and bytes in every family', () => {
    for (const hex of ['a3616e6e', 'd903616e6e', 'da0003616e6e', 'db00000003616e6e', 'c403616e6e', 'c50003616e6e']) {
      assert.equal(read(text, hex), 'ann')
      assert.deepEqual(read(bytes, hex), Uint8Array.of(0x61, 0x6e, 0x6e))
    }
    assert.deepEqual(read(bytes, '93ccff00d10005'), Uint8Array.of(255, 0, 5))
    assert.match(String(read(bytes, '92cd010000')), /256 is out of range/)
    assert.match(String(read(text, '93616e6e')), /expected a string/)
  })

  it('takes integers in every width, and refuses what does not fit', () => {
    for (const hex of ['07', 'cc07', 'cd0007', 'ce00000007', 'cf0000000000000007']) assert.equal(read(u8, hex), 7)
    for (const hex of ['d007', 'd10007', 'd200000007', 'd30000000000000007']) assert.equal(read(u8, hex), 7)
    for (const hex of ['ff', 'd0ff', 'd1ffff', 'd2ffffffff', 'd3ffffffffffffffff']) {
      assert.match(String(read(u8, hex)), /-1 is out of range/)
      assert.equal(read(int, hex), -1)
      assert.equal(read(i64, hex), -1n)
      assert.match(String(read(u64, hex)), /-1 is out of range/)
    }
    assert.match(String(read(u32, 'cf0000000200000000')), /out of range/)
    assert.match(String(read(int, 'cfffffffffffffffff')), /out of range/)
    assert.match(String(read(int, 'cf0020000000000000')), /out of range/, '2^53')
    assert.match(String(read(i64, 'cf8000000000000000')), /out of range/)
    assert.match(String(read(u32, 'cb401c000000000000')), /expected an integer/)
  })

  it('takes floats of both widths, integers for floats, and 0 and 1 for booleans', () => {
    assert.equal(read(float, 'ca3fc00000'), 1.5)
    assert.equal(read(float, 'cb3ff8000000000000'), 1.5)
    assert.equal(read(float, 'fe'), -2)
    assert.equal(read(bool, '01'), true)
    assert.equal(read(bool, '00'), false)
    assert.match(String(read(bool, '02')), /expected a boolean/)
  })

  it('takes nil for everything', () => {
    const types: [Type<unknown>, unknown][] = [
      [bool, false],
      [u16, 0],
      [u64, 0n],
      [float, 0],
      [text, ''],
      [bytes, new Uint8Array(0)],
      [nullableBytes, null],
      [list(u8), []],
      [mapOf(u8), new Map()],
      [person, { age: 0, name: '', key: new Uint8Array(0) }],
    ]
    for (const [type, zero] of types) assert.deepEqual(read(type, 'c0'), zero)
  })

  it('takes structs as maps in any order, with unknown and missing keys, and as arrays', () => {
    assert.deepEqual(
      read(person, '83a34b6579a20102a34e616d65a3616e6ea341676507'.replace('a34e616d65', 'a44e616d65')),
      ann,
    )
    assert.deepEqual(
      read(person, '84c403416765cc07d9044e616d65c403616e6ea158' + '81a17992c3c0' + 'a34b6579920102'),
      ann,
    )
    assert.deepEqual(read(person, '81a34167650780'), { age: 7, name: '', key: new Uint8Array(0) })
    assert.deepEqual(read(person, '81a36167650780'), { age: 0, name: '', key: new Uint8Array(0) }, 'other case')
    assert.deepEqual(read(person, '9307a3616e6ea20102'), ann, 'in the order of declaration')
    assert.deepEqual(read(person, '9407a3616e6ea2010281c0c0'), ann, 'and more than we know')
    assert.deepEqual(read(person, '9107'), { age: 7, name: '', key: new Uint8Array(0) })
    assert.match(String(read(person, '810107')), /expected a string/, 'a key that is a number')
    assert.match(String(read(person, '07')), /expected a map/)
  })

  it('keeps keys from outside apart from what objects are born with', () => {
    const written = write(mapOf(text), new Map([['__proto__', 'x']]))
    assert.deepEqual(read(mapOf(text), written), new Map([['__proto__', 'x']]))
    const extra = Uint8Array.of(0x81, ...write(text, '__proto__'), ...write(person, ann))
    assert.deepEqual(read(person, extra), { age: 0, name: '', key: new Uint8Array(0) })
  })

  it('passes over unknown values of any depth', () => {
    const deep = new Uint8Array(300_000).fill(0x91)
    deep.set([0x81, 0xa1, 0x78])
    deep[deep.length - 1] = 0xc0
    assert.deepEqual(read(person, deep), { age: 0, name: '', key: new Uint8Array(0) })
  })

  it('passes over values of every family to the byte', () => {
    for (const hex of [
      '00',
      'ff',
      'c0',
      'c3',
      'cc01',
      'cd0102',
      'ce01020304',
      'cf0102030405060708',
      'd001',
      'd10102',
      'd201020304',
      'd30102030405060708',
      'ca01020304',
      'cb0102030405060708',
      'a161',
      'd90161',
      'da000161',
      'db0000000161',
      'c40161',
      'c5000161',
      'c60000000161',
      'c7020561c1',
      'c800020561c1',
      'c9000000020561c1',
      'd405c1',
      'd505c1c1',
      'd605c1c1c1c1',
      `d705${'c1'.repeat(8)}`,
      `d805${'c1'.repeat(16)}`,
      '920192c0c0',
      'dc00020192c0c0',
      'dd000000020192c0c0',
      '82a161a162c0c0',
      'de0002a161a162c0c0',
      'df00000002a161a162c0c0',
    ]) {
      const bytes = fromHex(hex)
      assert.deepEqual(
        read(list(person), fromHex(`9281a158${hex}9107`)),
        [read(person, 'c0'), read(person, '9107')],
        hex,
      )
      const reader = new MsgpackReader(bytes, 0, bytes.length - 1)
      reader.skip()
      assert.equal(reader.problem, 'truncated', hex)
    }
    assert.equal(read(person, '81a158c1'), 'not MessagePack')
  })

  it('keeps its place behind what it does not know', () => {
    assert.deepEqual(read(list(person), '929407a3616e6ea2010281c0c09107'), [ann, read(person, '9107')])
    assert.deepEqual(read(list(person), '9282a15881c0c0a3416765079107'), [read(person, '9107'), read(person, '9107')])
  })

  it('knows early how long a value will be at least', () => {
    const scanner = new MsgpackScanner(0)
    assert.equal(scanner.advance(fromHex('93aa616161'), 5), 'more')
    assert.equal(scanner.needed, 1 + 11 + 2)
  })

  it('believes no length that the bytes cannot fill', () => {
    for (const hex of ['dbffffffff61', 'c6ffffffff61']) assert.equal(read(bytes, hex), 'truncated')
    assert.match(String(read(bytes, 'ddffffffff01')), /4294967295 entries/)
    assert.equal(read(bytes, 'dd000fffff01'), 'truncated')
    assert.equal(read(list(text), 'dd000fffff01'), 'truncated')
    assert.match(String(read(mapOf(text), 'dfffffffff0101')), /4294967295 entries/)
    assert.equal(read(mapOf(text), 'df0000ffff0101'), 'truncated')
    const nils = new Uint8Array(5 + 1_048_577).fill(0xc0)
    nils.set([0xdd, 0x00, 0x10, 0x00, 0x01])
    assert.equal(read(list(text), nils), '1048577 entries', 'even where they are there')
    const keys = new Uint8Array(3 + 2 * 257).fill(0xa0)
    keys.set([0xde, 0x01, 0x01])
    assert.equal(read(person, keys), 'a struct of 257 keys')
    assert.equal(read(person, '81a158ddffffffff'), 'truncated', 'not even to pass over it')
  })
})

describe('MessagePack of anybody', () => {
  const everything = struct({
    a: field('A', list(struct({ name: field('Name', text), key: field('Key', bytes) }), 'nil')),
    b: field('B', mapOf(u64)),
    c: omitEmpty('C', u32),
    d: field('D', i64),
    e: field('E', nullableBytes),
    f: field('F', float),
  })
  const anything = plainRecord({
    a: fc.array(plainRecord({ name: anyName, key: anyBytes() }), { maxLength: 20 }),
    b: fc.array(fc.tuple(anyName, anyTime), { maxLength: 20 }).map((entries) => new Map(entries)),
    c: anyU32,
    d: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    e: fc.option(anyBytes(70_000)),
    f: fc.double(),
  })
  const anyDialect = fc.constantFrom(gossipDialect, newerGossipDialect, ipcDialect)

  it('is read as it was written, in every dialect', () => {
    fc.assert(
      fc.property(anything, anyDialect, (value, dialect) => {
        const written = write(everything, value, dialect)
        const reader = new MsgpackReader(written)
        assert.deepEqual(everything.read(reader), value)
        assert.equal(reader.problem, undefined)
        assert.equal(reader.at, written.length)
      }),
    )
  })

  it('is passed over to the byte, however it is cut into pieces', () => {
    fc.assert(
      fc.property(anything, anyDialect, fc.nat(), (value, dialect, cut) => {
        const written = write(everything, value, dialect)
        const scanner = new MsgpackScanner(0)
        const first = cut % written.length
        assert.equal(scanner.advance(written, first), 'more')
        assert.equal(scanner.needed > first && scanner.needed <= written.length, true)
        assert.equal(scanner.advance(written, written.length), 'complete')
        assert.equal(scanner.at, written.length)
        const reader = new MsgpackReader(written)
        reader.skip()
        assert.equal(reader.at, written.length)
      }),
    )
  })

  it('never takes a reader beyond its bytes', () => {
    const almost = mutated(fc.tuple(anything, anyDialect).map(([value, dialect]) => write(everything, value, dialect)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), almost), (input) => {
        const reader = new MsgpackReader(input)
        const value = everything.read(reader)
        assert.equal(reader.at <= input.length, true)
        assert.equal(value.a.length <= input.length && value.b.size <= input.length, true)
        assert.equal((value.e?.length ?? 0) <= input.length, true)
        const skipping = new MsgpackReader(input)
        skipping.skip()
        assert.equal(skipping.at <= input.length, true)
      }),
      { numRuns: 1000 },
    )
  })
})
