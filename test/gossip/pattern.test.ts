import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compilePattern, maxPatternSize, patternSize } from '../../src/gossip/pattern.ts'

const found = (pattern: string, text: string) => compilePattern(pattern)?.(text)

describe('the syntax of RE2', () => {
  const cases: [pattern: string, text: string, found: boolean][] = [
    ['', '', true],
    ['d.', 'db', true],
    ['d.', 'xxdbxx', true],
    ['^d.$', 'xdb', false],
    ['(?i)web', 'WEB', true],
    ['(?i:W)eb', 'wEb', false],
    ['\\pN', 'v2', true],
    ['\\p{Greek}', 'α', true],
    ['\\PN', '123', false],
    ['[[:alpha:]]+\\z', 'abc', true],
    ['(?P<zone>eu|us)-\\d{1,2}', 'eu-12', true],
    ['\\Q.*\\E', 'a.*b', true],
    ['\\Q.*\\E', 'abb', false],
    ['a\\x{e4}', 'aä', true],
    ['^.$', '😀', true],
    ['(?s)a.b', 'a\nb', true],
    ['a.b', 'a\nb', false],
    ['(?U)a+', 'aa', true],
  ]
  for (const [pattern, text, expected] of cases) {
    test(`${pattern} in ${JSON.stringify(text)}`, () => assert.equal(found(pattern, text), expected))
  }

  test('what RE2 does not have, or does not take, is no pattern', () => {
    for (const pattern of ['(a)\\1', '(?=a)', '(?<!a)', '(', 'a**', '[z-a]', '\\', 'a{1001}', '(?<n>a)(?<n>b)']) {
      assert.equal(compilePattern(pattern), undefined, pattern)
    }
  })

  test('simple patterns are found where JavaScript finds them', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(?:ab)', '\\d', '^', '$')
    const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '*?'))
    const pattern = fc
      .array(piece, { maxLength: 6 })
      .map((pieces) => pieces.map(([one, many]) => (one === '^' || one === '$' ? one : one + many)).join(''))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', 'ä'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (pattern, text) => {
        assert.equal(found(pattern, text), new RegExp(pattern, 'u').test(text))
      }),
      { numRuns: 500 },
    )
  })
})

describe('cost', () => {
  test('patterns that make others run for ever end at once', () => {
    const text = `${'a'.repeat(500)}!`
    for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(.*)*z', '(?:a?){20}a{20}$', '(x+x+)+y']) {
      assert.equal(found(pattern, text), false, pattern)
    }
  })

  test('patterns that would make a huge automaton are none', () => {
    for (const pattern of [
      'a{1000}b{1000}',
      '((a{10}){10}){10}',
      '(.{1,900}){2}',
      `(${'x'.repeat(300)}){9}`,
      'x'.repeat(1025),
      '[a-z]{1,1000}[a-z]{1,100}',
      `${'.?'.repeat(400)}x{300}`,
    ]) {
      assert.equal(compilePattern(pattern), undefined, pattern.slice(0, 40))
    }
    assert.equal(found('^(\\d{1,3}\\.){3}\\d{1,3}$', '10.0.0.1'), true)
    // No pattern that fits a query is refused for its length alone.
    assert.equal(found('x'.repeat(1024), 'x'), false)
    assert.equal(compilePattern(`(${'x'.repeat(300)})\\Q\\E{9}`), undefined)
    assert.equal(found('^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$', '01890a5d-ac96-774b-bcce-b302099a8057'), true)
  })

  test('any text is a pattern or none, and never a crash', () => {
    const piece = fc.oneof(
      fc.constantFrom('(', ')', '[', ']', '{2}', '{10,}', '{3,5}', '*', '|', '\\p{L}', '\\', '(?i)', '^', '\\Q', '[^'),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 50 }), (pieces, text) => {
        const pattern = pieces.join('')
        const find = compilePattern(pattern)
        if (!find) return
        assert.ok(patternSize(pattern) <= maxPatternSize)
        assert.equal(typeof find(text), 'boolean')
      }),
      { numRuns: 500 },
    )
  })
})
