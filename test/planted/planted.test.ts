import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { transform } from 'esbuild'
import { caughtRows } from './caught.ts'
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

  it('is in the table as a whole, and at least sixty were seen by somebody', async () => {
    const rows = await caughtRows()
    const untold = corpus.filter(({ name }) => !rows.has(name)).map(({ name }) => name)
    assert.deepEqual(untold, [], 'npm run campaign -- planted --report PART …')
    assert.deepEqual(
      [...rows.keys()].filter((name) => !corpus.some((bug) => bug.name === name)),
      [],
    )
    assert.ok([...rows.values()].filter((row) => !row.includes('**nobody**')).length >= 60)
  })

  it('changes a bundle, and nothing but the bundle', async () => {
    const [bug] = corpus
    assert.ok(bug)
    const [edit] = bug.edits
    assert.ok(edit)
    const before = await readFile(join(root, edit.file), 'utf8')
    const bundle = await bundlePlanted('src/log/open-journal.ts', bug)
    const [sound, broken] = [
      await readFile(await bundlePlanted('src/log/open-journal.ts', undefined), 'utf8'),
      await readFile(bundle, 'utf8'),
    ]
    assert.ok(sound.includes('this.#active.sync()'))
    assert.ok(!broken.includes('this.#active.sync()'))
    assert.equal(await readFile(join(root, edit.file), 'utf8'), before)
  })
})
