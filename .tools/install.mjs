// A clone may run any npm script first: this installs what the lock file names, once, and again when the lock changes.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Makes node_modules match package-lock.json; ends the process when npm fails. */
export function ensureInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const modules = join(root, 'node_modules')
  // A linked folder belongs to another working tree: whoever owns it fills it.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) return
  const stamp = join(modules, '.reeve-installed')
  const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === lock
  if (installed()) return
  alone(() => installed() || install(lock, stamp))
}

function install(lock, stamp) {
  process.stderr.write('Installing dependencies (once) …\n')
  const npm = process.env.npm_execpath
  const [command, before] = npm ? [process.execPath, [npm]] : ['npm', []]
  const result = spawnSync(command, [...before, 'ci', '--prefer-offline', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (result.status !== 0) process.exit(result.status ?? 1)
  writeFileSync(stamp, lock)
}

/** Two commands that begin at once in a fresh clone would pull the folder away from under each other: one waits. */
function alone(work) {
  const path = join(tmpdir(), `reeve-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.pid`)
  while (!claimed(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250)
  try {
    work()
  } finally {
    rmSync(path, { force: true })
  }
}

function claimed(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    // Whoever died meanwhile does not go on.
    const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
    if (holder > 0 && !isAlive(holder)) rmSync(path, { force: true })
    return false
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The flags that let this Node run TypeScript: none where it strips types itself. */
export const typescriptFlags = process.features.typescript ? [] : ['--import', 'tsx']
