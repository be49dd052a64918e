import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { transform } from 'esbuild'
import { corpus } from './corpus.ts'
import { bundlePlanted, plant, root } from './planted-bug.ts'

describe('the corpus of planted bugs', () => {
  it('has at least sixty, each with a name of its own', () => {
    assert.ok(corpus.length >= 60, `${corpus.length}`)
    assert.equal(new Set(corpus.map(({ name }) => name)).size, corpus.length)
  })

  it('fits the code as it is: every edit has exactly one place, and gives a program', async () => {
    const problems: string[] = []
    for (const bug of corpus) {
      for (const file of new Set(bug.edits.map(({ file }) => file))) {
        try {
          const source = await readFile(join(root, file), 'utf8')
          const planted = plant(file, source, bug)
          assert.notEqual(planted, source)
          await transform(planted, { loader: 'ts' })
        } catch (error) {
          problems.push((error as Error).message)
        }
      }
    }
    assert.deepEqual(problems, [])
  })

  it('changes a bundle, and nothing but the bundle', async () => {
    const [bug] = corpus
    assert.ok(bug)
    const [edit] = bug.edits
    assert.ok(edit)
    const before = await readFile(join(root, edit.file), 'utf8')
    const bundle = await bundlePlanted('src/log/journal.ts', bug)
    const [sound, broken] = [
      await readFile(await bundlePlanted('src/log/journal.ts', undefined), 'utf8'),
      await readFile(bundle, 'utf8'),
    ]
    assert.ok(sound.includes('this.#active?.sync()'))
    assert.ok(!broken.includes('this.#active?.sync()'))
    assert.equal(await readFile(join(root, edit.file), 'utf8'), before)
  })
})
