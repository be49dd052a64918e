// Builds the package: JavaScript and declarations into dist/.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, root } from './install.mjs'
import { buildPage } from './page.mjs'

ensureInstalled()
rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const built = spawnSync(process.execPath, [tsc, '-p', join(root, '.tools', 'tsconfig.build.json')], {
  stdio: 'inherit',
})
if (built.status !== 0) process.exit(built.status ?? 1)
chmodSync(join(root, 'dist', 'src', 'main.js'), 0o755)
await buildPage(join(root, 'dist', 'page'))
