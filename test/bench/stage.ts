/**
 * The processes, clients and folders of a measurement. Owns all of them: whatever happens, `clear` ends every process and
 * removes every file.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { type Client, connect, createRealEnv } from '../../src/index.ts'
import { createAuthority } from '../certificates.ts'
import { Process } from './process.ts'
import { removeScripts, scriptOf } from './script.ts'

/** Where a server listens; with `caFile` it speaks TLS. */
export interface Target {
  readonly address: string
  readonly caFile?: string
}

export interface AgentOptions {
  readonly name: string
  readonly dataDir: string
  /** Gossip address of a member. */
  readonly join?: string
  readonly port: number
  readonly flags?: readonly string[]
  /** Of Node.js itself. */
  readonly nodeFlags?: readonly string[]
}

export class Stage {
  readonly root: string
  readonly #folder: string
  readonly #processes: Process[] = []
  readonly #open: { close(): void }[] = []
  readonly #env = createRealEnv()
  #folders = 0
  #ended = false

  /** Everything is written below a new folder in `root`. */
  constructor(root: string) {
    this.root = root
    this.#folder = mkdtempSync(join(root, 'reeve-bench-'))
  }

  /** Nothing can be started any more. */
  get over(): boolean {
    return this.#ended
  }

  /** A new folder on the disk that the nodes write to. */
  folder(): string {
    const path = join(this.#folder, String(this.#folders++))
    mkdirSync(path)
    return path
  }

  run(name: string, command: readonly string[], endsBy: NodeJS.Signals = 'SIGKILL'): Process {
    if (this.#ended) throw new Error('it is over')
    const started = new Process(name, command, endsBy)
    this.#processes.push(started)
    return started
  }

  reeve(name: string, words: readonly string[], endsBy?: NodeJS.Signals, nodeFlags: readonly string[] = []): Process {
    const node = [process.execPath, ...process.execArgv, ...nodeFlags]
    return this.run(name, [...node, join('.tools', 'run.mjs'), ...words], endsBy)
  }

  /** A process that runs what `loads/NAME.ts` exports, as often as it is asked. */
  async load(name: string): Promise<Process> {
    const script = await scriptOf(join(import.meta.dirname, 'loads', 'load.ts'))
    return this.run(`load ${name}`, [process.execPath, script, name])
  }

  /** Waits for what earlier runs left to be written, so that no run pays for the one before it. */
  async settle(): Promise<void> {
    await this.run('sync', ['sync', '-f', this.#folder]).exited
  }

  /** Nodes that join the first of them, with the default settings but for a seed that may start after them. */
  async agents(
    count: number,
    flagsOf: (name: string) => readonly string[] = () => [],
    nodeFlags: readonly string[] = [],
  ): Promise<Process[]> {
    const ports = await freePorts(count)
    return ports.map((port, index) =>
      this.agent({
        name: `node-${index + 1}`,
        dataDir: this.folder(),
        port,
        flags: flagsOf(`node-${index + 1}`),
        nodeFlags,
        ...(index > 0 && { join: `127.0.0.1:${ports[0]}` }),
      }),
    )
  }

  agent({ name, dataDir, port, join, flags = [], nodeFlags = [] }: AgentOptions): Process {
    const words = [
      'agent',
      ...['--node-name', name, '--data-dir', dataDir, '--log-format', 'json'],
      ...['--bind-addr', `127.0.0.1:${port}`, '--rpc-port', '0'],
      ...['--join-retry-ms', '100', '--join-retry-max-ms', '400'],
      ...(join === undefined ? [] : ['--start-join-addrs', join]),
      ...flags,
    ]
    return this.reeve(name, words, undefined, nodeFlags)
  }

  /** Where it serves clients, once it is ready. */
  async target(agent: Process, caFile?: string): Promise<Target> {
    const { rpcAddress } = JSON.parse((await agent.said('"msg":"ready"')).text) as { rpcAddress: string }
    return { address: rpcAddress, ...(caFile !== undefined && { caFile }) }
  }

  /** A client of that node alone, once it is ready. */
  async clientOf(agent: Process, caFile?: string): Promise<Client> {
    return this.clientAt((await this.target(agent)).address, caFile)
  }

  clientAt(address: string, caFile?: string): Client {
    const tls = caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }
    const client = connect({ addresses: [address], discovery: false, env: this.#env, ...tls })
    this.#open.push(client)
    return client
  }

  /** Flags that make nodes of these names speak TLS, and the file of who signed their certificates. */
  async tls(names: readonly string[]): Promise<{ flagsOf: Map<string, string[]>; caFile: string }> {
    const folder = this.folder()
    const authority = await createAuthority()
    const write = (name: string, pem: Uint8Array) => {
      const path = join(folder, name)
      writeFileSync(path, pem, { mode: 0o600 })
      return path
    }
    const caFile = write('ca.pem', authority.cert)
    const flagsOf = new Map<string, string[]>()
    for (const name of names) {
      const { cert, key } = await authority.issue({ name, dns: ['localhost', name], ips: ['127.0.0.1'] })
      flagsOf.set(name, [
        ...['--server-tls-cert-file', write(`${name}.pem`, cert), '--server-tls-key-file', write(`${name}.key`, key)],
        ...['--peer-tls-ca-file', caFile],
      ])
    }
    return { flagsOf, caFile }
  }

  /** Ends and removes all there is. */
  async clear(): Promise<void> {
    for (const each of this.#open.splice(0)) each.close()
    await Promise.all(this.#processes.splice(0).map((each) => each.end()))
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder)
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.clear()
    rmSync(this.#folder, { recursive: true, force: true })
    removeScripts()
  }
}

/** Each says that it saw each of the others join. */
export async function together(agents: readonly Process[]): Promise<number> {
  const seen = agents.flatMap((agent) =>
    agents
      .filter((other) => other !== agent)
      .map((other) => agent.said('"msg":"member joined"', `"member":"${other.name}"`)),
  )
  return Math.max(...(await Promise.all(seen)).map(({ atMs }) => atMs))
}
