import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapCodeStatistics } from 'node:v8'
import { compileEarly, loadGossip } from '../../src/cli/compile-early.ts'

/** Bytes of compiled code that loading a module of a thousand functions, none of them called, leaves behind. */
async function compiledBytes(name: string, load: (url: string) => Promise<unknown>): Promise<number> {
  const lines = Array.from({ length: 1000 }, (_, i) => {
    return `export function ${name}${i}(a, b) { let sum = 0; for (const c of a) sum += b[c] * ${i}; return sum }`
  })
  const before = getHeapCodeStatistics().bytecode_and_metadata_size
  await load(`data:text/javascript,${encodeURIComponent(lines.join('\n'))}`)
  return getHeapCodeStatistics().bytecode_and_metadata_size - before
}

test('what is loaded early is compiled without a call; what is loaded before and after is not', async () => {
  const before = await compiledBytes('before', (url) => import(url))
  const early = await compiledBytes('early', (url) => compileEarly(() => import(url)))
  const after = await compiledBytes('after', (url) => import(url))
  assert.ok(early > 200_000 && before < 100_000 && after < 100_000, `${before}, ${early}, ${after} bytes`)
})

test('a module that cannot be loaded is reported, and what follows waits for its calls again', async () => {
  const url: string = 'data:text/javascript,not a module'
  await assert.rejects(
    compileEarly(() => import(url)),
    SyntaxError,
  )
  const after = await compiledBytes('failed', (url) => import(url))
  assert.ok(after < 100_000, `${after} bytes`)
})

test('gossip is loaded early, and is the one that everybody else imports', async () => {
  const { startGossip } = await loadGossip()
  assert.equal(startGossip, (await import('../../src/actors/gossip.ts')).startGossip)
})
