// Runs the command line from source in this very process: `node .tools/run.mjs [--file F] ARGS`.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundledMain, ensurePage } from './bundle.mjs'
import { ensureInstalled, root } from './install.mjs'

ensureInstalled()
const named = process.argv[2] === '--file'
let file = resolve(root, named ? process.argv[3] : 'src/main.ts')
if (named) process.argv.splice(2, 2)
if (!process.features.typescript) {
  if (named) (await import('tsx/esm/api')).register()
  else file = await bundledMain()
} else if (!named) await ensurePage()
await import(pathToFileURL(file).href)
