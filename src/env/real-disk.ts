import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { diskError } from './disk-error.ts'
import type { Disk, DiskEntry, DiskFile, DiskSpace, DiskStat } from './env.ts'
import { lockFolder } from './folder-lock.ts'
import { makeFolder } from './make-folder.ts'

/** The machine's file system. Blocking calls touch the page cache only; what waits for the device goes through libuv's pool. */
export function createRealDisk(): Disk {
  return {
    open: (path, mode) => openFile(path, mode),
    readFile: (path) => guard(path, () => fs.readFileSync(path)),
    replaceFile,
    list: (path) => guard(path, () => listFolder(path)),
    stat: (path) => guard(path, () => statOf(path)),
    space: spaceOf,
    makeFolder: (path) => guard(path, () => makeFolder(path)),
    syncFolder,
    removeFile: (path) => guard(path, () => fs.unlinkSync(path)),
    rename: (from, to) => guard(from, () => fs.renameSync(from, to)),
    lockFolder,
  }
}

/**
 * A read that takes so long came from the device: 256 KiB from the page cache take 0.02 ms. Whoever is taken for cold by
 * mistake, for the processor was busy, is fetched once in vain.
 */
const coldMs = 2

/** Where fetched bytes go. */
const nowhere = new Uint8Array(1024 * 1024)

function openFile(path: string, mode: 'read' | 'write'): DiskFile {
  // O_RDWR | O_CREAT without truncation has no letter of its own in Node.
  const flags = mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR | fs.constants.O_CREAT
  const fd = guard(path, () => fs.openSync(path, flags, 0o644))
  let open = true
  let cold = false
  return {
    path,
    get cold() {
      return cold
    },
    fetch: (position, bytes) =>
      new Promise((resolve) => {
        const beganMs = performance.now()
        // The file may be closed meanwhile, and its number be another's: what comes is not looked at.
        fs.read(fd, nowhere, 0, Math.min(bytes, nowhere.length), position, () => {
          cold = performance.now() - beganMs > coldMs
          resolve()
        })
      }),
    size: () => guard(path, () => fs.fstatSync(fd).size),
    read: (target, position) => {
      const beganMs = performance.now()
      const count = guard(path, () => readFully(fd, target, position))
      if (performance.now() - beganMs > coldMs) cold = true
      return count
    },
    write: (source, position) => guard(path, () => writeFully(fd, source, position)),
    truncate: (bytes) => guard(path, () => fs.ftruncateSync(fd, bytes)),
    sync: () =>
      new Promise((resolve, reject) =>
        fs.fdatasync(fd, (error) => (error ? reject(diskError(path, error)) : resolve())),
      ),
    close: () => {
      if (!open) return
      open = false
      guard(path, () => fs.closeSync(fd))
    },
  }
}

function readFully(fd: number, target: Uint8Array, position: number): number {
  let done = 0
  while (done < target.length) {
    const count = fs.readSync(fd, target, done, target.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** write(2) may write less than asked, for instance up to the end of the free space. */
function writeFully(fd: number, source: Uint8Array, position: number): void {
  let done = 0
  while (done < source.length) done += fs.writeSync(fd, source, done, source.length - done, position + done)
}

function listFolder(path: string): DiskEntry[] {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(path, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return entries
    .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function statOf(path: string): DiskStat | undefined {
  const stat = fs.statSync(path, { throwIfNoEntry: false })
  if (!stat) return undefined
  // Windows makes them up.
  const mode = process.platform === 'win32' ? {} : { mode: stat.mode & 0o777 }
  return { bytes: stat.size, modifiedMs: stat.mtimeMs, kind: kindOf(stat), ...mode }
}

async function spaceOf(path: string): Promise<DiskSpace | undefined> {
  try {
    const { bsize, blocks, bavail } = await fs.promises.statfs(path)
    // Some file systems have no size of their own, and say 0.
    return blocks === 0 ? undefined : { totalBytes: bsize * blocks, freeBytes: bsize * bavail }
  } catch (error) {
    throw diskError(path, error)
  }
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): 'file' | 'folder' | 'other' {
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other'
}

async function replaceFile(path: string, content: Uint8Array, options: { mode?: number } = {}): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    const file = await fs.promises.open(temporary, 'w', options.mode ?? 0o644)
    try {
      await file.writeFile(content)
      await file.datasync()
    } finally {
      await file.close()
    }
    await fs.promises.rename(temporary, path)
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => {})
    throw diskError(path, error)
  }
  await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await fs.promises.open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    // Windows can neither open nor sync a folder; there, names are made durable by the file system itself.
    const code = (error as NodeJS.ErrnoException).code
    if (process.platform === 'win32' && (code === 'EPERM' || code === 'EISDIR')) return
    throw diskError(path, error)
  }
}

function guard<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw diskError(path, error)
  }
}
