/**
 * Describes Go structs once, for both directions: fields in Go's order of declaration (which is the order of a struct
 * written as an array), keys sorted on the wire, unknown keys passed over, missing keys zero.
 */

import type { Decoded } from '../decoded.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import type { MsgpackWriter } from './msgpack-writer.ts'
import { textToBytes } from './text.ts'

/** How one kind of value is read and written. */
export interface Type<T> {
  readonly zero: T
  read(reader: MsgpackReader): T
  write(writer: MsgpackWriter, value: T): void
}

export const noBytes = new Uint8Array(0)

export const bool: Type<boolean> = {
  zero: false,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value),
}

export const u8 = unsigned(0xff)
export const u16 = unsigned(0xffff)
export const u32 = unsigned(0xffff_ffff)

function unsigned(max: number): Type<number> {
  return { zero: 0, read: (reader) => reader.int(0, max), write: (writer, value) => writer.uint(value) }
}

/** A Go `int`, within the safe integers. */
export const int: Type<number> = {
  zero: 0,
  read: (reader) => reader.int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  write: (writer, value) => writer.int(value),
}

export const u64: Type<bigint> = {
  zero: 0n,
  read: (reader) => reader.int64(0n, 0xffff_ffff_ffff_ffffn),
  write: (writer, value) => writer.uint64(value),
}

export const i64: Type<bigint> = {
  zero: 0n,
  read: (reader) => reader.int64(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn),
  write: (writer, value) => writer.int64(value),
}

export const float: Type<number> = {
  zero: 0,
  read: (reader) => reader.float(),
  write: (writer, value) => writer.float(value),
}

export const text: Type<string> = {
  zero: '',
  read: (reader) => reader.text(),
  write: (writer, value) => writer.text(value),
}

/** Bytes of which none at all are written as nil, as Go writes a nil slice. */
export const bytes: Type<Uint8Array> = {
  zero: noBytes,
  read: (reader) => reader.bytes() ?? noBytes,
  write: (writer, value) => (value.length === 0 ? writer.nil() : writer.bytes(value)),
}

/** Bytes where nil and empty differ. */
export const nullableBytes: Type<Uint8Array | null> = {
  zero: null,
  read: (reader) => reader.bytes(),
  write: (writer, value) => (value === null ? writer.nil() : writer.bytes(value)),
}

/** `empty`: what Go writes where there is no element, a nil slice or an empty one. */
export function list<T>(element: Type<T>, empty: 'nil' | 'array' = 'array'): Type<readonly T[]> {
  return {
    zero: [],
    read(reader) {
      const values: T[] = []
      const size = reader.arraySize()
      for (let i = 0; i < size && reader.problem === undefined; i += 1) values.push(element.read(reader))
      return values
    },
    write(writer, values) {
      if (values.length === 0 && empty === 'nil') return writer.nil()
      writer.arrayHead(values.length)
      for (const value of values) element.write(writer, value)
    },
  }
}

/** An array in which nil marks an empty slot: reads the filled ones, writes no other. */
export function filledSlots<T>(element: Type<T>): Type<readonly T[]> {
  return {
    ...list(element),
    read(reader) {
      const values: T[] = []
      const size = reader.arraySize()
      for (let i = 0; i < size && reader.problem === undefined; i += 1) {
        if (!reader.nil()) values.push(element.read(reader))
      }
      return values
    },
  }
}

/** A map with free keys, in the order of the wire; Go's order is random. */
export function mapOf<T>(element: Type<T>): Type<ReadonlyMap<string, T>> {
  return {
    zero: new Map(),
    read(reader) {
      const values = new Map<string, T>()
      const size = reader.mapSize()
      for (let i = 0; i < size; i += 1) {
        const key = reader.text()
        const value = element.read(reader)
        if (reader.problem !== undefined) break
        values.set(key, value)
      }
      return values
    },
    write(writer, values) {
      writer.mapHead(values.size)
      for (const [key, value] of values) {
        writer.text(key)
        element.write(writer, value)
      }
    },
  }
}

/** Far more than the largest struct has, with all that newer versions may add. */
const maxKeys = 256

export interface Field<T> {
  /** The name in Go, at most 31 ASCII characters. */
  readonly key: string
  readonly type: Type<T>
  /** Left out where it is zero or empty. */
  readonly omitEmpty: boolean
}

export function field<T>(key: string, type: Type<T>): Field<T> {
  return { key, type, omitEmpty: false }
}

export function omitEmpty<T>(key: string, type: Type<T>): Field<T> {
  return { key, type, omitEmpty: true }
}

type Fields = Readonly<Record<string, Field<unknown>>>
type StructOf<F extends Fields> = { readonly [P in keyof F]: F[P] extends Field<infer T> ? T : never }

interface PlacedField extends Field<unknown> {
  readonly property: string
  readonly keyBytes: Uint8Array
  /** The key as written: fixstr head and name. */
  readonly header: Uint8Array
}

/** `fields`: our property name to Go's field, in Go's order of declaration. */
export function struct<F extends Fields>(fields: F): Type<StructOf<F>> {
  const declared: PlacedField[] = Object.entries(fields).map(([property, field]) => {
    const keyBytes = textToBytes(field.key)
    return { ...field, property, keyBytes, header: Uint8Array.of(0xa0 | keyBytes.length, ...keyBytes) }
  })
  const sorted = [...declared].sort((a, b) => (a.key < b.key ? -1 : 1))
  const zero = Object.fromEntries(declared.map((field) => [field.property, field.type.zero]))

  return {
    zero: zero as StructOf<F>,
    read(reader) {
      const value: Record<string, unknown> = { ...zero }
      if (reader.nextIsArray()) {
        const size = reader.arraySize()
        for (let i = 0; i < size && reader.problem === undefined; i += 1) {
          const field = declared[i]
          if (field === undefined) reader.skip()
          else value[field.property] = field.type.read(reader)
        }
        return value as StructOf<F>
      }
      const size = reader.mapSize()
      if (size > maxKeys) reader.fail(`a struct of ${size} keys`)
      let expected = 0
      for (let i = 0; i < size && reader.problem === undefined; i += 1) {
        const known = readKey(reader, sorted, expected)
        const field = sorted[known]
        if (field === undefined) {
          reader.skip()
        } else {
          value[field.property] = field.type.read(reader)
          expected = known + 1
        }
      }
      return value as StructOf<F>
    },
    write(writer, value) {
      const values = value as Readonly<Record<string, unknown>>
      let size = sorted.length
      for (const field of sorted) if (field.omitEmpty && isEmpty(values[field.property])) size -= 1
      writer.mapHead(size)
      for (const field of sorted) {
        if (field.omitEmpty && isEmpty(values[field.property])) continue
        writer.raw(field.header)
        field.type.write(writer, values[field.property])
      }
    },
  }
}

/** A message body behind its one type byte; bytes behind the struct are ignored. */
export function decodeBody<K extends string, T>(
  kind: K,
  type: Type<T>,
  input: Uint8Array,
): Decoded<{ readonly kind: K } & T> {
  const reader = new MsgpackReader(input, 1)
  const body = type.read(reader)
  if (reader.problem !== undefined) return { ok: false, problem: `${kind}: ${reader.problem}` }
  return { ok: true, value: { kind, ...body } }
}

/** Reads a key and gives the place of its field; -1 for one we do not know. Senders sort, so `expected` mostly hits. */
function readKey(reader: MsgpackReader, sorted: readonly PlacedField[], expected: number): number {
  if (!reader.raw()) return -1
  const likely = sorted[expected]
  if (likely !== undefined && isKey(reader, likely.keyBytes)) return expected
  return sorted.findIndex((field) => isKey(reader, field.keyBytes))
}

function isKey(reader: MsgpackReader, key: Uint8Array): boolean {
  if (reader.rawTo - reader.rawFrom !== key.length) return false
  for (let i = 0; i < key.length; i += 1) if (reader.input[reader.rawFrom + i] !== key[i]) return false
  return true
}

function isEmpty(value: unknown): boolean {
  return (
    value === 0 ||
    value === 0n ||
    value === '' ||
    value === false ||
    (value instanceof Uint8Array && value.length === 0)
  )
}
