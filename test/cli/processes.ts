/** The command line as real processes. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..', '..')
const typescript = (process.features as { typescript?: unknown }).typescript ? [] : ['--import', 'tsx']

export interface Exit {
  /** Exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
}

export interface RunningAgent {
  readonly child: ChildProcess
  readonly rpcAddress: string
  readonly gossipAddress: string
  readonly exited: Promise<Exit>
}

export function spawnReeve(words: readonly string[], stdio: 'pipe' | 'ipc' = 'pipe') {
  const child = spawn(process.execPath, [...typescript, join(root, 'src', 'main.ts'), ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', stdio === 'ipc' ? 'ipc' : 'ignore'],
  })
  const caught = { stdout: '', stderr: '' }
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    caught.stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    caught.stderr += text
  })
  // Not `close`, which a channel that was disconnected from this side keeps from coming.
  const over = [once(child, 'exit'), once(child.stdout!, 'end'), once(child.stderr!, 'end')] as const
  const exited = Promise.all(over).then(([[code, signal]]): Exit => ({ code: code ?? signal, ...caught }))
  return { child, exited }
}

/** Starts a node on ports that the system picks, and waits until it says that it is ready. */
export async function startAgent(words: readonly string[], stdio: 'pipe' | 'ipc' = 'pipe'): Promise<RunningAgent> {
  const ports = ['--bind-addr', '127.0.0.1:0', '--rpc-port', '0', '--log-format', 'json']
  const { child, exited } = spawnReeve(['agent', ...ports, ...words], stdio)
  const ready = new Promise<{ rpcAddress: string; gossipAddress: string }>((resolve) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line))
    })
  })
  const failed = exited.then(({ stderr }) => Promise.reject(new Error(`the agent ended: ${stderr}`)))
  const { rpcAddress, gossipAddress } = await Promise.race([ready, failed])
  failed.catch(() => undefined)
  return { child, rpcAddress, gossipAddress, exited }
}
