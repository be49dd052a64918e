import type { Clock, Disk } from '../env/env.ts'

/** The same disk; `synced` is told how long each fsync of a file took that did not fail, in ms. */
export function timedDisk(disk: Disk, clock: Clock, synced: (ms: number) => void): Disk {
  return {
    readFile: (path) => disk.readFile(path),
    replaceFile: (path, content, options) => disk.replaceFile(path, content, options),
    list: (path) => disk.list(path),
    stat: (path) => disk.stat(path),
    space: (path) => disk.space(path),
    makeFolder: (path) => disk.makeFolder(path),
    syncFolder: (path) => disk.syncFolder(path),
    removeFile: (path) => disk.removeFile(path),
    rename: (from, to) => disk.rename(from, to),
    lockFolder: (path, holder) => disk.lockFolder(path, holder),
    open(path, mode) {
      const file = disk.open(path, mode)
      if (mode === 'read') return file
      // Put on the file itself: what wraps it would be on the way of every write, too.
      const sync = file.sync
      file.sync = async () => {
        const beganMs = clock.monotonicMs()
        await sync.call(file)
        synced(clock.monotonicMs() - beganMs)
      }
      return file
    },
  }
}
