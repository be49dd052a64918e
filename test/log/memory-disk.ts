import { type Disk, type DiskEntry, DiskError, type DiskFile, type DiskLock, type DiskStat } from '../../src/env/env.ts'

interface Content {
  now: Uint8Array
  durable: Uint8Array
}

export type DiskCall =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'syncFolder'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'close'

/**
 * A disk in memory that a scenario holds by the hand: syncs wait while held, chosen calls fail, and a crash takes what
 * was not synced, names included.
 */
export class MemoryDisk implements Disk {
  #files = new Map<string, Content>()
  /** Folder → names in it. */
  #names = new Map<string, Set<string>>([['', new Set()]])
  /** What a crash leaves: folder → name → file, or nothing for a folder. */
  #durableNames = new Map<string, Map<string, Content | undefined>>()
  #locked = new Set<string>()
  #failures: { call: DiskCall; part: string; code: string; times: number; writtenBytes: number; after: number }[] = []
  #held: (() => void)[] | undefined
  #syncWaiters: (() => void)[] = []
  #leftBehind = 0
  /** Completed or under way, of files. */
  syncs = 0
  openFiles = 0
  readonly calls: string[] = []

  // --- what a scenario does to it

  /** The next `times` such calls on paths that contain `part` fail; a failing write leaves `writtenBytes` behind. */
  fail(call: DiskCall, code: string, options: { part?: string; times?: number; writtenBytes?: number } = {}): void {
    const { part = '', times = 1, writtenBytes = 0 } = options
    this.#failures.push({ call, part, code, times, writtenBytes, after: 0 })
  }

  /** Only the `nth` such call from now on fails. */
  failNth(call: DiskCall, nth: number): void {
    this.#failures.push({ call, part: '', code: 'EIO', times: 1, writtenBytes: 0, after: nth - 1 })
  }

  heal(): void {
    this.#failures = []
  }

  /** From now on syncs wait for `releaseSyncs`. */
  holdSyncs(): void {
    this.#held ??= []
  }

  /** Lets the waiting ones go, and no longer holds new ones unless told to. */
  releaseSyncs(options: { keepHolding?: boolean } = {}): void {
    const held = this.#held ?? []
    this.#held = options.keepHolding ? [] : undefined
    for (const go of held) go()
  }

  /** Resolves when a sync of a file is held. */
  syncHeld(): Promise<void> {
    return this.#held?.length ? Promise.resolve() : new Promise((resolve) => this.#syncWaiters.push(resolve))
  }

  /** Power cut: of what was appended since the last sync, up to `kept` bytes of each file made it. Frees the locks. */
  crash(kept = 0): void {
    this.#locked.clear()
    this.#held = undefined
    const files = new Map<string, Content>()
    const names = new Map<string, Set<string>>([['', new Set()]])
    const visit = (folder: string) => {
      for (const [name, content] of this.#durableNames.get(folder) ?? []) {
        const path = `${folder}/${name}`
        names.get(folder)?.add(name)
        if (content) {
          const appended = content.now.subarray(content.durable.length, content.durable.length + kept)
          const left = Uint8Array.from([...content.durable, ...appended])
          files.set(path, { now: left, durable: left })
        } else {
          names.set(path, new Set())
          visit(path)
        }
      }
    }
    visit('')
    this.#files = files
    this.#names = names
    this.#durableNames = new Map()
    for (const folder of names.keys()) this.#keepNames(folder)
  }

  /** The process died, the machine did not: all writes stay, nobody waits for a sync any more. */
  abandon(): void {
    this.#locked.clear()
    this.#held = undefined
  }

  /** Every file below `folder` by its path from there. */
  snapshot(folder: string): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    for (const [path, { now }] of [...this.#files].sort()) {
      if (path.startsWith(`${folder}/`)) found.set(path.slice(folder.length + 1), now.slice())
    }
    return found
  }

  put(path: string, bytes: Uint8Array): void {
    this.makeFolder(parent(path))
    this.#names.get(parent(path))?.add(base(path))
    const copy = bytes.slice()
    this.#files.set(path, { now: copy, durable: copy })
    for (let at = path; at !== ''; at = parent(at)) this.#keepNames(parent(at))
  }

  // --- Disk

  open(path: string, mode: 'read' | 'write'): DiskFile {
    this.#check('open', path)
    if (!this.#files.has(path)) {
      if (mode === 'read' || !this.#names.has(parent(path))) throw new DiskError('ENOENT', path)
      this.#files.set(path, { now: new Uint8Array(0), durable: new Uint8Array(0) })
      this.#names.get(parent(path))?.add(base(path))
    }
    const content = this.#files.get(path) as Content
    let open = true
    this.openFiles++
    const must = (call: DiskCall) => {
      if (!open) throw new DiskError('EBADF', path)
      return this.#check(call, path)
    }
    const write = (source: Uint8Array, position: number) => {
      const next = new Uint8Array(Math.max(content.now.length, position + source.length))
      next.set(content.now)
      next.set(source, position)
      content.now = next
    }
    return {
      path,
      cold: false,
      fetch: () => Promise.resolve(),
      size: () => content.now.length,
      read: (target, position) => {
        must('read')
        const bytes = content.now.subarray(position, position + target.length)
        target.set(bytes)
        return bytes.length
      },
      write: (source, position) => {
        if (mode !== 'write') throw new DiskError('EBADF', path)
        try {
          must('write')
        } catch (error) {
          write(source.subarray(0, this.#leftBehind), position)
          throw error
        }
        write(source, position)
      },
      truncate: (bytes) => {
        must('truncate')
        const next = new Uint8Array(bytes)
        next.set(content.now.subarray(0, bytes))
        content.now = next
      },
      sync: async () => {
        this.syncs++
        const seen = content.now
        await this.#turn()
        must('sync')
        content.durable = seen
      },
      close: () => {
        if (!open) return
        open = false
        this.openFiles--
        this.#check('close', path)
      },
    }
  }

  readFile(path: string): Uint8Array {
    this.#check('read', path)
    const content = this.#files.get(path)
    if (!content) throw new DiskError('ENOENT', path)
    return content.now.slice()
  }

  async replaceFile(path: string, content: Uint8Array): Promise<void> {
    this.put(path, content)
  }

  list(path: string): DiskEntry[] {
    const kind = (name: string) => (this.#files.has(`${path}/${name}`) ? ('file' as const) : ('folder' as const))
    return [...(this.#names.get(path) ?? [])].sort().map((name) => ({ name, kind: kind(name) }))
  }

  stat(path: string): DiskStat | undefined {
    const content = this.#files.get(path)
    if (content) return { bytes: content.now.length, modifiedMs: 0, kind: 'file' }
    return this.#names.has(path) ? { bytes: 0, modifiedMs: 0, kind: 'folder' } : undefined
  }

  makeFolder(path: string): void {
    this.#check('makeFolder', path)
    if (this.#names.has(path)) return
    if (this.#files.has(path)) throw new DiskError('EEXIST', path)
    this.makeFolder(parent(path))
    this.#names.get(parent(path))?.add(base(path))
    this.#names.set(path, new Set())
  }

  async syncFolder(path: string): Promise<void> {
    const at = path === '/' ? '' : path
    await this.#turn()
    this.#check('syncFolder', at)
    if (!this.#names.has(at)) throw new DiskError('ENOENT', path)
    this.#keepNames(at)
  }

  removeFile(path: string): void {
    this.#check('remove', path)
    if (!this.#files.delete(path)) throw new DiskError('ENOENT', path)
    this.#names.get(parent(path))?.delete(base(path))
  }

  rename(from: string, to: string): void {
    this.#check('rename', from)
    const content = this.#files.get(from)
    if (!content) throw new DiskError('ENOENT', from)
    this.#files.delete(from)
    this.#names.get(parent(from))?.delete(base(from))
    this.#files.set(to, content)
    this.#names.get(parent(to))?.add(base(to))
  }

  async space(): Promise<undefined> {}

  async lockFolder(path: string, holder: string): Promise<DiskLock> {
    if (this.#locked.has(path)) throw new DiskError('EBUSY', path, `${path} is in use by ${holder}`)
    this.#locked.add(path)
    return { release: () => void this.#locked.delete(path) }
  }

  #keepNames(folder: string): void {
    const names = [...(this.#names.get(folder) ?? [])]
    this.#durableNames.set(folder, new Map(names.map((name) => [name, this.#files.get(`${folder}/${name}`)])))
  }

  #turn(): Promise<void> {
    if (!this.#held) return Promise.resolve()
    return new Promise((resolve) => {
      this.#held?.push(resolve)
      for (const wake of this.#syncWaiters.splice(0)) wake()
    })
  }

  #check(call: DiskCall, path: string): void {
    this.calls.push(`${call} ${path}`)
    const failure = this.#failures.find((one) => one.call === call && path.includes(one.part))
    if (!failure || failure.after-- > 0) return
    this.#leftBehind = failure.writtenBytes
    failure.times--
    if (failure.times === 0) this.#failures.splice(this.#failures.indexOf(failure), 1)
    throw new DiskError(failure.code, path)
  }
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function base(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
