import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

for (const entry of ['index', 'serf', 'simulation']) {
  test(`${entry} can be required: nothing in it waits while it is loaded`, async () => {
    const { errors, outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL(`../src/${entry}.ts`, import.meta.url))],
      bundle: true,
      write: false,
      packages: 'external',
      platform: 'node',
      // In CommonJS there is no await at the top of a module.
      format: 'cjs',
      target: 'node20',
      logLevel: 'silent',
      logOverride: { 'empty-import-meta': 'silent' },
    })
    assert.deepEqual(errors, [])
    assert.equal(outputFiles.length, 1)
  })
}
