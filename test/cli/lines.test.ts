import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { linesOf } from '../../src/cli/lines.ts'
import { recordOf } from '../../src/cli/produce.ts'

async function* chunked(text: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const size of sizes) {
    yield text.subarray(from, from + size)
    from += size
  }
  yield text.subarray(from)
}

async function linesIn(text: string, sizes: readonly number[] = [], maxLineBytes = 1000): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(chunked(Buffer.from(text), sizes), maxLineBytes))
    lines.push(Buffer.from(line).toString())
  return lines
}

test('a record a line; the last one needs no line feed, empty ones count', async () => {
  assert.deepEqual(await linesIn('a\nb\n'), ['a', 'b'])
  assert.deepEqual(await linesIn('a\n\nb'), ['a', '', 'b'])
  assert.deepEqual(await linesIn(''), [])
})

test('however the input is cut into chunks, the lines are the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '\r') }), { maxLength: 8 }),
      fc.array(fc.nat(5)),
      async (lines, sizes) => {
        const text = lines.map((line) => `${line}\n`).join('')
        assert.deepEqual(await linesIn(text, sizes), lines)
      },
    ),
  )
})

test('a line without end is refused before it fills the memory', async () => {
  await assert.rejects(linesIn('x'.repeat(30), [10, 10], 15), { code: 'BATCH_TOO_LARGE' })
  await assert.rejects(linesIn(`${'x'.repeat(16)}\n`, [], 15), { code: 'BATCH_TOO_LARGE' })
})

test('the key is what stands before the first separator', () => {
  const line = Buffer.from('alice::1::2')
  const { key, value } = recordOf(line, { keySeparator: '::' })
  assert.equal(Buffer.from(key as Uint8Array).toString(), 'alice')
  assert.equal(Buffer.from(value as Uint8Array).toString(), '1::2')
  assert.throws(() => recordOf(line, { keySeparator: '=' }), { code: 'REQUEST_MALFORMED' })
  assert.equal(recordOf(line, { key: 'k' }).key, 'k')
})
