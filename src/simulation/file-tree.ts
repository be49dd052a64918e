/**
 * Names of a simulated disk: folders, what they hold now, and what they would hold after a power cut. A creation,
 * rename or removal is durable only once its folder was synced; a crash keeps some of the others, in the order they
 * were made, as a journalling file system does.
 */

import { DiskError } from '../env/env.ts'
import { FileContent } from './file-content.ts'
import type { SeededRandom } from './random.ts'

export type Node = FileContent | Folder

export class Folder {
  readonly entries = new Map<string, Node>()
  readonly durable = new Map<string, Node>()
}

interface EntryChange {
  readonly folder: Folder
  readonly name: string
  /** undefined: removed. */
  readonly node: Node | undefined
}

/** A rename is one operation of two changes. */
type Operation = readonly EntryChange[]

export class FileTree {
  readonly root = new Folder()
  #pending: Operation[] = []

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const name of namesOf(path)) {
      if (!(node instanceof Folder)) return undefined
      node = node.entries.get(name)
    }
    return node
  }

  /** Throws ENOENT, or ENOTDIR where a file is. */
  folder(path: string): Folder {
    const node = this.find(path)
    if (node instanceof Folder) return node
    throw new DiskError(node === undefined ? 'ENOENT' : 'ENOTDIR', path)
  }

  file(path: string): FileContent {
    const node = this.find(path)
    if (node instanceof FileContent) return node
    throw new DiskError(node === undefined ? 'ENOENT' : 'EISDIR', path)
  }

  makeFolder(path: string): void {
    let folder = this.root
    for (const name of namesOf(path)) {
      let node = folder.entries.get(name)
      if (node === undefined) {
        node = new Folder()
        this.#apply([{ folder, name, node }])
      }
      if (!(node instanceof Folder)) throw new DiskError('ENOTDIR', path)
      folder = node
    }
  }

  createFile(path: string): FileContent {
    const file = new FileContent()
    this.#apply([{ ...this.#place(path), node: file }])
    return file
  }

  remove(path: string): void {
    this.file(path)
    this.#apply([{ ...this.#place(path), node: undefined }])
  }

  rename(from: string, to: string): void {
    const node = this.find(from)
    if (node === undefined) throw new DiskError('ENOENT', from)
    const target = this.find(to)
    if (target === node) return
    if (target instanceof Folder) throw new DiskError('EISDIR', to)
    this.#apply([
      { ...this.#place(from), node: undefined },
      { ...this.#place(to), node },
    ])
  }

  /** Returns what makes the changes up to now durable, once the device has answered. */
  beginSync(folder: Folder): () => void {
    const covered = this.#pending.filter((operation) => operation.some((change) => change.folder === folder))
    return () => {
      for (const operation of covered) if (this.#pending.includes(operation)) makeDurable(operation)
      this.#pending = this.#pending.filter((operation) => !covered.includes(operation))
    }
  }

  /** Changes no sync covered yet. */
  get pending(): number {
    return this.#pending.length
  }

  /** All that was changed is durable. */
  syncAll(): void {
    for (const operation of this.#pending) makeDurable(operation)
    this.#pending = []
    for (const file of this.files()) file.endSync(file.beginSync())
  }

  /** The file of this name, made with its folders where it is missing; the names are durable, whatever else is pending. */
  install(path: string): FileContent {
    const names = namesOf(path)
    const last = names.pop()
    let folder = this.root
    for (const name of names) {
      const inner = folder.entries.get(name) ?? new Folder()
      if (!(inner instanceof Folder)) throw new DiskError('ENOTDIR', path)
      folder.entries.set(name, inner)
      folder.durable.set(name, inner)
      folder = inner
    }
    const file = last === undefined ? undefined : (folder.entries.get(last) ?? new FileContent())
    if (last === undefined || !(file instanceof FileContent)) throw new DiskError('EISDIR', path)
    folder.entries.set(last, file)
    folder.durable.set(last, file)
    return file
  }

  /** The same names and bytes, all of them durable; later changes of either do not touch the other. */
  copy(): FileTree {
    const tree = new FileTree()
    copyFolder(this.root, tree.root)
    return tree
  }

  /** The same in all respects, what is pending too: what might have become of it can be tried out on the other. */
  fork(): FileTree {
    const fork = new FileTree()
    const twins = new Map<Node, Node>([[this.root, fork.root]])
    const twinOf = (node: Node): Node => {
      const known = twins.get(node)
      if (known !== undefined) return known
      const twin = node instanceof Folder ? new Folder() : node.fork()
      twins.set(node, twin)
      if (node instanceof Folder) forkFolder(node, twin as Folder, twinOf)
      return twin
    }
    forkFolder(this.root, fork.root, twinOf)
    fork.#pending = this.#pending.map((operation) =>
      operation.map(({ folder, name, node }) => ({
        folder: twinOf(folder) as Folder,
        name,
        node: node && twinOf(node),
      })),
    )
    return fork
  }

  crash(random: SeededRandom): void {
    const kept = random.integer(0, this.#pending.length)
    for (const operation of this.#pending.slice(0, kept)) makeDurable(operation)
    this.#pending = []
    crashFolder(this.root, random)
  }

  /** Every file, in no particular but always the same order. */
  *files(folder = this.root): Generator<FileContent> {
    for (const node of folder.entries.values()) {
      if (node instanceof Folder) yield* this.files(node)
      else yield node
    }
  }

  /** Every file below a folder and its path, in the same order. */
  *filesBelow(path: string): Generator<readonly [path: string, file: FileContent]> {
    const folder = this.find(path)
    if (!(folder instanceof Folder)) return
    for (const [name, node] of folder.entries) {
      const inner = `${path === '/' ? '' : path}/${name}`
      if (node instanceof Folder) yield* this.filesBelow(inner)
      else yield [inner, node]
    }
  }

  #place(path: string): { folder: Folder; name: string } {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw new DiskError('EBUSY', path)
    return { folder: this.folder(`/${names.join('/')}`), name }
  }

  #apply(operation: Operation): void {
    for (const { folder, name, node } of operation) put(folder.entries, name, node)
    this.#pending.push(operation)
  }
}

function copyFolder(from: Folder, to: Folder): void {
  for (const [name, node] of from.entries) {
    const copy = node instanceof Folder ? new Folder() : node.copy()
    if (node instanceof Folder) copyFolder(node, copy as Folder)
    to.entries.set(name, copy)
    to.durable.set(name, copy)
  }
}

function forkFolder(from: Folder, to: Folder, twinOf: (node: Node) => Node): void {
  for (const [name, node] of from.entries) to.entries.set(name, twinOf(node))
  for (const [name, node] of from.durable) to.durable.set(name, twinOf(node))
}

function makeDurable(operation: Operation): void {
  for (const { folder, name, node } of operation) put(folder.durable, name, node)
}

function crashFolder(folder: Folder, random: SeededRandom): void {
  folder.entries.clear()
  for (const [name, node] of folder.durable) {
    folder.entries.set(name, node)
    if (node instanceof Folder) crashFolder(node, random)
    else node.crash(random)
  }
}

function put(entries: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

/** `/a//b/./c/../d` → a, b, d. */
function namesOf(path: string): string[] {
  if (!path.startsWith('/')) throw new DiskError('EINVAL', path, `not an absolute path: ${path}`)
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}
