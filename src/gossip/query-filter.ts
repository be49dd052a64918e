/** Who a query is for: each filter is one type byte and MessagePack, and all of a query's filters must match. */

import type { Decoded } from '../decoded.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { field, list, struct, text } from './msgpack-struct.ts'
import { type Dialect, MsgpackWriter } from './msgpack-writer.ts'
import { compilePattern, maxPatternSize, patternSize } from './pattern.ts'

export type QueryFilter =
  | { readonly kind: 'nodes'; readonly nodes: readonly string[] }
  /** `expr` is an unanchored regular expression in the syntax of RE2. */
  | { readonly kind: 'tag'; readonly tag: string; readonly expr: string }

const nodeNames = list(text)
const tagFilter = struct({ tag: field('Tag', text), expr: field('Expr', text) })

export function encodeFilter(filter: QueryFilter, dialect?: Dialect): Uint8Array {
  const writer = new MsgpackWriter(dialect)
  if (filter.kind === 'nodes') {
    writer.byte(0)
    nodeNames.write(writer, filter.nodes)
  } else {
    writer.byte(1)
    tagFilter.write(writer, filter)
  }
  return writer.finish()
}

/** A filter that does not decode matches nobody. */
export function decodeFilter(input: Uint8Array): Decoded<QueryFilter> {
  if (input.length === 0) return { ok: false, problem: 'empty filter' }
  const reader = new MsgpackReader(input, 1)
  let filter: QueryFilter
  if (input[0] === 0) filter = { kind: 'nodes', nodes: nodeNames.read(reader) }
  else if (input[0] === 1) filter = { kind: 'tag', ...tagFilter.read(reader) }
  else return { ok: false, problem: `filter type ${input[0]} is not supported` }
  return reader.problem === undefined
    ? { ok: true, value: filter }
    : { ok: false, problem: `filter: ${reader.problem}` }
}

/**
 * Whether a member of this name and with these tags is meant. A tag that is missing is empty; a filter that cannot be
 * understood matches nobody, and neither do patterns that together would cost too much.
 */
export function filtersMatch(filters: readonly Uint8Array[], name: string, tags: ReadonlyMap<string, string>): boolean {
  let size = 0
  return filters.every((bytes) => {
    const filter = decodeFilter(bytes)
    if (!filter.ok) return false
    if (filter.value.kind === 'nodes') return filter.value.nodes.includes(name)
    size += patternSize(filter.value.expr)
    if (size > maxPatternSize) return false
    return compilePattern(filter.value.expr)?.(tags.get(filter.value.tag) ?? '') ?? false
  })
}
