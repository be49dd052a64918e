/**
 * What lies where: DATA_DIR/topics/TOPIC/ORIGIN/EPOCH/00000000000000000000.log, an `.index` beside each, a `.start` that
 * says where the log begins by right (see `start-mark.ts`), a `.restored` that is not yet a segment (see `lost-start.ts`),
 * and `EPOCH.quarantined-N` for what was set aside. Nothing else below `topics` is ours, and what is not ours is named but
 * never touched; the rest of the data folder belongs to others.
 */

import type { Decoded } from '../decoded.ts'
import { type Disk, DiskError } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import { type LogId, parseEpoch, parseNodeName, parseStoredTopicName } from './log-id.ts'

export type LogFolder =
  | { readonly kind: 'log'; readonly id: LogId; readonly path: string }
  | { readonly kind: 'quarantine'; readonly id: LogId; readonly path: string }
  | { readonly kind: 'foreign'; readonly path: string; readonly reason: string }

export interface SegmentFiles {
  /** Base offsets, ascending. */
  readonly bases: number[]
  /** Offsets up to which all went by right, ascending. */
  readonly marks: number[]
  /** What a run that did not end was restoring. */
  readonly unfinished: string[]
  readonly foreign: { readonly path: string; readonly reason: string }[]
}

export function topicsFolder(dataDir: string): string {
  return `${dataDir}/topics`
}

export function logFolder(dataDir: string, id: LogId): string {
  return [topicsFolder(dataDir), id.topic, id.origin, id.epoch].join('/')
}

/**
 * Makes a folder, and every folder above it that was missing, and makes their names last: those that are there as well,
 * for whoever made them may have died before it did.
 */
export async function makeDurableFolder(disk: Disk, path: string): Promise<void> {
  const folders: { holder: string; isNew: boolean }[] = []
  for (let at = path; at.includes('/') && at !== '/'; at = parentOf(at)) {
    folders.push({ holder: parentOf(at) || '/', isNew: !disk.stat(at) })
  }
  disk.makeFolder(path)
  for (const { holder, isNew } of folders.reverse()) {
    try {
      await disk.syncFolder(holder)
    } catch (error) {
      // Folders of the system need not be ours to look into.
      if (isNew || !(error instanceof DiskError) || (error.code !== 'EACCES' && error.code !== 'EPERM')) throw error
    }
  }
}

/**
 * Makes the folder of a new log. Where the file system takes `Orders` and `orders` for one folder, two logs would
 * share their files: the second name is refused.
 */
export function makeLogFolder(disk: Disk, dataDir: string, id: LogId): void {
  disk.makeFolder(logFolder(dataDir, id))
  const exists = (folder: string, name: string) => disk.list(folder).some((entry) => entry.name === name)
  const refuse = (code: ErrorCode, what: string) =>
    new ReeveError(code, `on this disk ${what} is the same folder as another name in different case`)
  const topics = topicsFolder(dataDir)
  if (!exists(topics, id.topic)) throw refuse('TOPIC_NAME_INVALID', `topic ${id.topic}`)
  if (!exists(`${topics}/${id.topic}`, id.origin)) throw refuse('NODE_NAME_INVALID', `node ${id.origin}`)
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

export function* logFolders(disk: Disk, dataDir: string): Generator<LogFolder> {
  // Nodes and their runs are in many topics: one text for each, whatever the disk gives.
  const names = new Map<string, string>()
  const shared = (name: string): string => {
    const known = names.get(name)
    if (known === undefined) names.set(name, name)
    return known ?? name
  }
  for (const topic of foldersIn(disk, topicsFolder(dataDir), parseStoredTopicName)) {
    if (topic.kind !== 'named') {
      yield topic
      continue
    }
    for (const origin of foldersIn(disk, topic.path, parseNodeName)) {
      if (origin.kind !== 'named') {
        yield origin
        continue
      }
      for (const epoch of foldersIn(disk, origin.path, parseEpoch)) {
        const aside = quarantinePattern.exec(epoch.path)?.[1]
        const id = {
          topic: topic.name,
          origin: shared(origin.name),
          epoch: epoch.kind === 'named' ? shared(epoch.name) : (aside ?? ''),
        }
        if (epoch.kind === 'named') yield { kind: 'log', id, path: epoch.path }
        else if (aside !== undefined && parseEpoch(aside).ok) yield { kind: 'quarantine', id, path: epoch.path }
        else yield epoch
      }
    }
  }
}

export function segmentFiles(disk: Disk, folder: string): SegmentFiles {
  const [bases, marks, unfinished]: [number[], number[], string[]] = [[], [], []]
  const foreign: { path: string; reason: string }[] = []
  for (const entry of disk.list(folder)) {
    const match = /^(\d{20})\.(log|index|start|restored)$/.exec(entry.name)
    const base = Number(match?.[1])
    if (!match || entry.kind !== 'file' || !Number.isSafeInteger(base)) {
      foreign.push({ path: `${folder}/${entry.name}`, reason: 'not a segment of a log' })
    } else if (match[2] === 'log') bases.push(base)
    else if (match[2] === 'start') marks.push(base)
    else if (match[2] === 'restored') unfinished.push(`${folder}/${entry.name}`)
  }
  return { bases, marks, unfinished, foreign }
}

/** The next free name to set damaged segments of this log aside in. */
export function quarantineFolder(disk: Disk, folder: string): string {
  for (let n = 1; ; n++) {
    const path = `${folder}.quarantined-${n}`
    if (!disk.stat(path)) return path
  }
}

const quarantinePattern = /\/([0-9a-f-]{36})\.quarantined-\d+$/

type Folder =
  | { readonly kind: 'named'; readonly name: string; readonly path: string }
  | { readonly kind: 'foreign'; readonly path: string; readonly reason: string }

function* foldersIn(disk: Disk, path: string, parse: (name: string) => Decoded<string>): Generator<Folder> {
  for (const entry of disk.list(path)) {
    const at = `${path}/${entry.name}`
    const name = parse(entry.name)
    if (entry.kind !== 'folder') yield { kind: 'foreign', path: at, reason: 'not a folder' }
    else if (!name.ok) yield { kind: 'foreign', path: at, reason: name.problem }
    else yield { kind: 'named', name: name.value, path: at }
  }
}
