/**
 * A disk that does what another one does and tells each step that changes anything. What becomes visible to anybody by a
 * step (an answer to a sync) is told before it does. Owns nothing.
 */

import type { Disk, DiskFile } from '../../env/env.ts'
import type { DiskStep } from './disk-step.ts'

export function recordingDisk(disk: Disk, record: (step: DiskStep) => void): Disk {
  let files = 0
  let calls = 0
  const answered = async (call: number, answer: Promise<void>): Promise<void> => {
    let failed = true
    try {
      await answer
      failed = false
    } finally {
      record({ kind: 'answered', call, failed })
    }
  }
  return {
    open(path, mode) {
      const made = mode === 'write' && disk.stat(path) === undefined
      const opened = disk.open(path, mode)
      const file = files++
      record({ kind: 'open', file, path, made })
      return recordingFile(opened, file)
    },
    readFile: (path) => disk.readFile(path),
    replaceFile(path, content, options) {
      const call = calls++
      record({ kind: 'replace', path, bytes: new Uint8Array(content), call })
      return answered(call, disk.replaceFile(path, content, options))
    },
    list: (path) => disk.list(path),
    stat: (path) => disk.stat(path),
    space: (path) => disk.space(path),
    makeFolder(path) {
      disk.makeFolder(path)
      record({ kind: 'folder', path })
    },
    syncFolder(path) {
      const call = calls++
      record({ kind: 'syncFolder', path, call })
      return answered(call, disk.syncFolder(path))
    },
    removeFile(path) {
      disk.removeFile(path)
      record({ kind: 'remove', path })
    },
    rename(from, to) {
      disk.rename(from, to)
      record({ kind: 'rename', from, to })
    },
    lockFolder: (path, holder) => disk.lockFolder(path, holder),
  }

  function recordingFile(opened: DiskFile, file: number): DiskFile {
    return {
      path: opened.path,
      get cold() {
        return opened.cold
      },
      size: () => opened.size(),
      read: (target, position) => opened.read(target, position),
      fetch: (position, bytes) => opened.fetch(position, bytes),
      write(source, at) {
        try {
          opened.write(source, at)
        } catch (error) {
          // Of a write that fails, a part may be there.
          const there = new Uint8Array(source.length)
          const count = opened.read(there, at)
          if (count > 0) record({ kind: 'write', file, at, bytes: there.subarray(0, count) })
          throw error
        }
        record({ kind: 'write', file, at, bytes: new Uint8Array(source) })
      },
      truncate(size) {
        opened.truncate(size)
        record({ kind: 'truncate', file, size })
      },
      sync() {
        const call = calls++
        record({ kind: 'sync', file, call })
        return answered(call, opened.sync())
      },
      close: () => opened.close(),
    }
  }
}
