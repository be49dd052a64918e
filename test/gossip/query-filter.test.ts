import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encodeFilter, filtersMatch, type QueryFilter } from '../../src/gossip/query-filter.ts'

const tags = new Map([
  ['role', 'db-primary'],
  ['zone', 'eu-1'],
])
const matches = (...filters: QueryFilter[]) =>
  filtersMatch(
    filters.map((filter) => encodeFilter(filter)),
    'us',
    tags,
  )
const nodes = (...names: string[]) => ({ kind: 'nodes', nodes: names }) as const
const tag = (name: string, expr: string) => ({ kind: 'tag', tag: name, expr }) as const

describe('whom a query is for', () => {
  test('everybody, the named, those whose tag has the pattern anywhere; all filters must match', () => {
    assert.equal(matches(), true)
    assert.equal(matches(nodes('them', 'us')), true)
    assert.equal(matches(nodes('them')), false)
    assert.equal(matches(nodes()), false)
    assert.equal(matches(tag('role', 'prim')), true)
    assert.equal(matches(tag('role', '^prim')), false)
    assert.equal(matches(nodes('us'), tag('role', 'db'), tag('zone', '^eu')), true)
    assert.equal(matches(nodes('us'), tag('role', 'db'), tag('zone', '^us')), false)
  })

  test('a tag that is missing is empty', () => {
    assert.equal(matches(tag('none', '^$')), true)
    assert.equal(matches(tag('none', '.')), false)
  })

  test('what cannot be understood matches nobody', () => {
    assert.equal(matches(tag('role', '(?=db)')), false)
    for (const filter of [[], [0], [9, 0x90], [1, 0xa0], [0, 0xdf, 0xff, 0xff, 0xff, 0xff]]) {
      assert.equal(filtersMatch([Uint8Array.from(filter)], 'us', tags), false, `${filter}`)
    }
  })

  test('patterns that are cheap each, but not together', () => {
    const costly = tag('role', `(?:b|d|-|[a-z]){0,9}${'.*'.repeat(30)}`)
    assert.equal(matches(costly), true)
    assert.equal(matches(...Array.from({ length: 50 }, () => costly)), false)
  })

  test('any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), (filters) => {
        assert.equal(typeof filtersMatch(filters, 'us', tags), 'boolean')
      }),
    )
  })
})
