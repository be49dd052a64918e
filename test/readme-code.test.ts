/** The TypeScript of the pages, checked against the sources as a user's own would be. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = ['README.md', 'src/gossip/README.md', 'src/simulation/README.md']

/** What the words around a block say is there: the client of the block before, and the user's own. */
const around = `
declare const connect: typeof import('reeve').connect
declare const client: import('reeve').Client
declare let total: number
declare function grind(record: import('reeve').ConsumedRecord): Promise<void>
`

/** By name of a file. */
function blocks(): Map<string, string> {
  const found = new Map<string, string>()
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const { index, 1: code } of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
      const line = text.slice(0, index).split('\n').length
      // A module each, whether it imports anything or not.
      found.set(`${page.replaceAll('/', '-')}-line-${line}.ts`, `${code}\nexport {}\n`)
    }
  }
  return found
}

test('the code in the pages fits the library as it is', async () => {
  const folder = join(root, 'node_modules', '.cache', 'reeve-pages')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files = blocks()
  assert.ok(files.size > 10)
  const entry = (name: string) => [join(root, 'src', `${name}.ts`)]
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      ...{ noEmit: true, rootDir: root, noUnusedLocals: false, noUnusedParameters: false },
      paths: { reeve: entry('index'), 'reeve/serf': entry('serf'), 'reeve/simulation': entry('simulation') },
    },
    ...{ include: ['.'], exclude: [] },
  }
  files.set('around.d.ts', around).set('tsconfig.json', JSON.stringify(config))
  // They are modules as the project's are.
  files.set('package.json', JSON.stringify({ type: 'module' }))
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const run = promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: folder })
  const problems = await run.then(
    () => '',
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  )
  assert.equal(problems, '')
})
