import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configTableMarkdown } from '../src/config.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (name: string) => readFileSync(join(root, name), 'utf8')

describe('the README', () => {
  it('lists every setting as it is', () => {
    const between = /<!-- settings: begin -->\n([\s\S]*)<!-- settings: end -->/.exec(read('README.md'))?.[1]
    assert.equal(between?.trim(), configTableMarkdown().trim(), 'print configTableMarkdown() and paste it')
  })

  for (const page of [
    'README.md',
    'machines/README.md',
    'src/gossip/README.md',
    'src/inspector/README.md',
    'src/log/README.md',
    'src/simulation/README.md',
    'test/bench/README.md',
  ]) {
    it(`${page}: points only at what is there`, () => {
      const targets = [...read(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => target!)
      const missing = targets
        .filter((target) => !/^https?:/.test(target))
        .filter((target) => !existsSync(join(root, dirname(page), target)))
      assert.deepEqual(missing, [])
    })
  }

  it('names only npm scripts that exist', () => {
    const scripts = new Set(Object.keys(JSON.parse(read('package.json')).scripts))
    const named = [...read('README.md').matchAll(/npm run ([a-z]+)/g)].map(([, name]) => name!)
    assert.deepEqual(
      named.filter((name) => !scripts.has(name)),
      [],
    )
  })
})
