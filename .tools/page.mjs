// The inspector's page as the files that a browser loads: `index.html`, one script, one style sheet.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from './install.mjs'

const source = join(root, 'src', 'inspector', 'page')

/** Into this folder. */
export async function buildPage(outdir) {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: { page: join(source, 'main.ts'), style: join(source, 'style.css') },
    outdir,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    loader: { '.svg': 'text' },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  const made = Object.keys(metafile.outputs).map((path) => basename(path))
  const named = (start, end) => made.find((name) => name.startsWith(start) && name.endsWith(end))
  const html = readFileSync(join(source, 'index.html'), 'utf8')
    .replace('page.js', named('page-', '.js'))
    .replace('style.css', named('style-', '.css'))
  mkdirSync(outdir, { recursive: true })
  writeFileSync(join(outdir, 'index.html'), html)
}
