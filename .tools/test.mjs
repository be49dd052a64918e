// Runs the tests with node:test: `node .tools/test.mjs [FILE or part of a path …] [--node-flags]`.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, root, typescriptFlags } from './install.mjs'

ensureInstalled()
const words = process.argv.slice(2)
const flags = words.filter((word) => word.startsWith('-'))
const parts = words.filter((word) => !word.startsWith('-'))
const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => join('test', String(name)))
  .filter((name) => name.endsWith('.test.ts') && (parts.length === 0 || parts.some((part) => name.includes(part))))
  .sort()
if (files.length === 0) {
  process.stderr.write(`no test file matches ${parts.join(' ')}\n`)
  process.exit(2)
}
const result = spawnSync(
  process.execPath,
  [
    ...typescriptFlags,
    '--test',
    '--test-concurrency=2',
    '--test-timeout=300000',
    '--test-reporter=spec',
    ...flags,
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exit(result.status ?? 1)
