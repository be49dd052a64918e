/**
 * One process a folder. Each holder listens on a socket of its own inside FOLDER/.lock/, and looks at the others' only
 * after its own is visible, so of two that start together at least one sees the other. The kernel closes the socket of
 * a process that died: a socket that refuses is a dead holder's, and its unique name makes removing it safe.
 *
 * Covers every process of one kernel, containers that share the volume included. It does not cover two machines on one
 * network file system.
 */

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { diskError } from './disk-error.ts'
import type { DiskLock } from './env.ts'
import { DiskError } from './env.ts'

/** Longest path a socket address can hold on Linux and macOS, less the terminating zero. */
const socketPathMaxBytes = 103

export async function lockFolder(folder: string, holder: string): Promise<DiskLock> {
  const locks = join(folder, '.lock')
  const name = randomBytes(8).toString('hex')
  let folderFd: number | undefined
  try {
    fs.mkdirSync(locks, { recursive: true })
    folderFd = fs.openSync(locks, 'r')
    const at = socketPaths(locks, folderFd)
    const server = await listen(at(`.${name}`), holder)
    // Listening first, visible second: nobody can take a holder that is about to listen for a dead one.
    fs.renameSync(join(locks, `.${name}`), join(locks, name))
    const release = () => {
      server.close()
      fs.rmSync(join(locks, name), { force: true })
    }
    for (const other of fs.readdirSync(locks)) {
      if (other === name || other.startsWith('.')) continue
      const found = await ask(at(other))
      if (found === undefined) fs.rmSync(join(locks, other), { force: true })
      else {
        release()
        throw new DiskError('EBUSY', folder, `${folder} is in use by ${found}`)
      }
    }
    return { release }
  } catch (error) {
    throw diskError(folder, error)
  } finally {
    if (folderFd !== undefined) fs.closeSync(folderFd)
  }
}

/** A folder may lie deeper than a socket address can say; Linux reaches it through the open folder. */
function socketPaths(locks: string, folderFd: number): (name: string) => string {
  return (name) => {
    const path = join(locks, name)
    return Buffer.byteLength(path) <= socketPathMaxBytes ? path : `/proc/self/fd/${folderFd}/${name}`
  }
}

function listen(path: string, holder: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(holder)
    })
    server.once('error', reject)
    server.listen(path, () => {
      // Accepting may fail later, for instance without free file descriptors; the lock outlives that.
      server.removeListener('error', reject).on('error', () => {})
      server.unref()
      resolve(server)
    })
  })
}

/** The text of a living holder; undefined when nobody listens there any more. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const socket = createConnection(path)
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk
    })
    let connected = false
    socket.on('connect', () => {
      connected = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Only a refusal or a vanished name proves that the holder is gone; anything else counts as held.
      if (error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT') connected = true
    })
    socket.on('close', () => resolve(connected ? text || 'another process' : undefined))
  })
}
