// For a Node that does not strip types itself: the command line as JavaScript, made anew when a source changed. Loads
// three times faster than through a loader, which every agent of a demo or a test would pay for.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'
import { buildPage } from './page.mjs'

/** The path of the bundled `src/main.ts`. */
export async function bundledMain() {
  const cache = join(root, 'node_modules', '.cache', 'reeve')
  const bundle = join(cache, fingerprint())
  const main = join(bundle, 'main.js')
  if (existsSync(main)) return main
  const { build } = await import('esbuild')
  const fresh = `${bundle}.${process.pid}`
  await build({
    entryPoints: [join(root, 'src', 'main.ts')],
    outdir: fresh,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    logLevel: 'warning',
  })
  await buildPage(join(fresh, 'page'))
  mkdirSync(cache, { recursive: true })
  try {
    renameSync(fresh, bundle)
  } catch {
    rmSync(fresh, { recursive: true, force: true }) // another process was faster
  }
  for (const name of readdirSync(cache)) {
    // What older sources left; a day is longer than any process of theirs should live.
    const path = join(cache, name)
    if (path !== bundle && name !== 'page' && Date.now() - statSync(path).mtimeMs > 86_400_000)
      rmSync(path, { recursive: true, force: true })
  }
  return main
}

/** For a Node that runs the sources themselves: the page, where they look for it. */
export async function ensurePage() {
  const folder = join(root, 'node_modules', '.cache', 'reeve', 'page')
  const mark = join(folder, 'made-of')
  const now = fingerprint()
  if (existsSync(mark) && readFileSync(mark, 'utf8') === now) return
  const fresh = `${folder}.${process.pid}`
  await buildPage(fresh)
  writeFileSync(join(fresh, 'made-of'), now)
  rmSync(folder, { recursive: true, force: true })
  try {
    renameSync(fresh, folder)
  } catch {
    rmSync(fresh, { recursive: true, force: true }) // another process was faster
  }
}

function fingerprint() {
  const hash = createHash('sha256')
  for (const folder of ['src', 'machines']) {
    for (const name of readdirSync(join(root, folder), { recursive: true }).map(String).sort()) {
      if (!/\.(ts|css|html|svg)$/.test(name)) continue
      const { mtimeMs, size } = statSync(join(root, folder, name))
      hash.update(`${folder}/${name} ${size} ${mtimeMs}\n`)
    }
  }
  return hash.digest('hex').slice(0, 16)
}
