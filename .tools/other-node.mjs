// Fetches a Node.js of another version through npm: `node .tools/other-node.mjs`. Seeds must give the same runs there.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, root } from './install.mjs'

// Whoever installs later empties the folder.
ensureInstalled()

const major = process.versions.node.startsWith('24.') ? 22 : 24
const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const folder = join(root, 'node_modules', '.cache', 'other-node')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
// The package is the program and nothing else: it needs no script to install.
const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${major}`]
const { status } = spawnSync('npm', words, { cwd: folder, stdio: ['ignore', 2, 2], timeout: 110_000 })
process.exit(status ?? 1)
