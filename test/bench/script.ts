/**
 * Programs of the benchmark as JavaScript: what runs beside a node should be as quick as a user's program, and must not
 * measure how sources are translated.
 */

import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { root } from './process.ts'

const folder = join(root, 'node_modules', '.cache', `reeve-bench-${process.pid}`)
const built = new Map<string, Promise<string>>()

/** The path of the script made of a source file; made once a run. */
export function scriptOf(source: string): Promise<string> {
  const known = built.get(source)
  if (known) return known
  const outdir = join(folder, basename(source, '.ts'))
  const script = build({
    entryPoints: [source],
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  }).then(() => join(outdir, basename(source).replace(/ts$/, 'mjs')))
  built.set(source, script)
  return script
}

export function removeScripts(): void {
  rmSync(folder, { recursive: true, force: true })
}
