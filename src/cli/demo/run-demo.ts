/** Runs the demo: starts the cluster, shows it, listens to keys, ends it, sums up. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { formatAddress } from '../../address.ts'
import { makeFolder } from '../../env/make-folder.ts'
import { ReeveError } from '../../errors.ts'
import { clientEnv } from '../connection.ts'
import { Exit } from '../exit.ts'
import { onInterrupt } from '../interrupt.ts'
import { grouped, write } from '../output.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { clock, screenOf } from './screen.ts'

export interface DemoFlags {
  readonly nodes: number
  readonly dir?: string
  readonly rate: number
  readonly duration?: number
  readonly json?: boolean
}

const observeEveryMs = 250
const lineEveryMs = 5_000
/** How long the copies may take to become equal after the last record. */
const settleLimitMs = 15_000

/** Resolves with the exit code. */
export async function runDemo(flags: DemoFlags): Promise<number> {
  const live = process.stdout.isTTY === true && !flags.json
  const folder = dataFolder(flags.dir)
  let over = false
  let end: () => void = () => undefined
  const restore = onInterrupt(() => quit())
  const cluster = await startCluster({
    count: flags.nodes,
    folder,
    recordsPerSecond: flags.rate,
    env: await clientEnv(),
    happened: (event) => {
      if (!live && !flags.json) process.stdout.write(`${clock(event.atMs)}  ${event.text}\n`)
    },
  })
  const stopKeys = live ? listenToKeys(cluster, quit) : () => undefined
  const screen = live ? openScreen(cluster, flags) : undefined
  if (!live && !flags.json) await write(introduction(cluster))
  try {
    const untilMs = flags.duration === undefined ? Number.POSITIVE_INFINITY : flags.duration * 1000
    let nextLineMs = lineEveryMs
    let linked = false
    while (!over && cluster.elapsedMs() < untilMs) {
      await cluster.observe()
      const failed = cluster.startFailure()
      if (failed) throw new ReeveError('UNAVAILABLE', `${failed.process.name}: ${failed.process.lastWords()}`)
      screen?.draw()
      const link = cluster.nodes[0]?.link
      if (!live && !flags.json && !linked && link !== undefined) {
        linked = true
        await write(`See inside, in a browser: ${link}\n`)
      }
      if (!live && !flags.json && cluster.elapsedMs() >= nextLineMs) {
        nextLineMs += lineEveryMs
        await write(statusLine(cluster))
      }
      await new Promise<void>((wake) => {
        end = wake
        setTimeout(wake, observeEveryMs)
      })
    }
    return await sumUp(cluster, flags)
  } finally {
    stopKeys()
    screen?.close()
    if (live) process.stdout.write('stopping the nodes …\n')
    await cluster.stop()
    restore()
    if (flags.dir === undefined) rmSync(folder, { recursive: true, force: true })
  }

  function quit(): void {
    over = true
    end()
  }

  async function sumUp(cluster: Cluster, flags: DemoFlags): Promise<number> {
    const settlingMs = performance.now()
    await cluster.stopWorkload()
    await cluster.observe()
    while (cluster.anybody() && !cluster.complete() && performance.now() - settlingMs < settleLimitMs) {
      await new Promise((wake) => setTimeout(wake, 50))
      await cluster.observe()
      screen?.draw()
    }
    screen?.close()
    const complete = cluster.complete()
    const summary = {
      nodes: flags.nodes,
      joinedMs: rounded(cluster.joinedMs),
      convergedMs: rounded(cluster.convergedMs),
      settledMs: complete ? rounded(performance.now() - settlingMs) : undefined,
      records: cluster.scores().records,
      acknowledged: cluster.tally.acknowledged,
      refused: cluster.tally.refused,
      uncertain: cluster.tally.uncertain,
      complete,
    }
    if (flags.json) await write(`${JSON.stringify(summary)}\n`)
    else await write(lastLine(cluster, complete))
    if (flags.duration === undefined) return Exit.ok
    return complete && cluster.convergedMs !== undefined ? Exit.ok : Exit.failure
  }
}

function dataFolder(dir: string | undefined): string {
  try {
    if (dir === undefined) return mkdtempSync(join(tmpdir(), 'reeve-demo-'))
    makeFolder(resolve(dir))
    return resolve(dir)
  } catch (error) {
    throw new ReeveError('CONFIG_INVALID', `--dir: cannot make the folder (${(error as Error).message})`, {
      cause: error,
    })
  }
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms)
}

function lastLine(cluster: Cluster, complete: boolean): string {
  const { tally } = cluster
  const up = cluster.nodes.filter((node) => node.view).length
  const first = `${grouped(tally.acknowledged)} records were acknowledged, `
  const second = complete ? `and each of the ${up} nodes holds every one` : 'but not every node holds them all yet'
  const third = tally.uncertain > 0 ? `; of ${grouped(tally.uncertain)} more nobody could say` : ''
  return `${first}${second}${third}.\n`
}

function statusLine(cluster: Cluster): string {
  const scores = cluster.scores()
  const each = cluster.nodes.map((node) => {
    const score = scores.byNode.get(node.process.name)
    if (!score) return `${node.process.name} down`
    return `${node.process.name} ${grouped(score.total)}${score.behind > 0 ? ` (${grouped(score.behind)} behind)` : ''}`
  })
  return `${clock(cluster.elapsedMs())}  ${each.join(', ')}\n`
}

function introduction(cluster: Cluster): string {
  const nodes = cluster.nodes.map(
    ({ process }) => `  ${process.name}  rpc ${formatAddress(process.rpc)}  gossip ${formatAddress(process.gossip)}\n`,
  )
  return `reeve demo: ${cluster.nodes.length} nodes on this machine; Ctrl-C stops them\n${nodes.join('')}`
}

/** Digits kill and start nodes; q and Ctrl-C end. */
function listenToKeys(cluster: Cluster, quit: () => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => undefined
  const pressed = (data: Buffer) => {
    for (const key of data.toString()) {
      if (key === 'q' || key === '\x03' || key === '\x04') quit()
      else if (/[1-9]/.test(key)) cluster.toggle(Number(key) - 1)
    }
  }
  stdin.setRawMode(true)
  stdin.on('data', pressed)
  stdin.resume()
  return () => {
    stdin.off('data', pressed)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

/** The terminal's second screen, so that the demo leaves no litter behind. */
function openScreen(cluster: Cluster, flags: DemoFlags): { draw(): void; close(): void } {
  const { stdout } = process
  const command = basename(process.argv[1] ?? '').startsWith('run.') ? 'npm run reeve --' : 'reeve'
  let open = true
  const leave = () => {
    if (open) stdout.write('\x1b[?25h\x1b[?1049l')
    open = false
  }
  stdout.write('\x1b[?1049h\x1b[?25l')
  process.once('exit', leave)
  return {
    draw: () => {
      if (!open) return
      const lines = screenOf(cluster, {
        columns: stdout.columns || 100,
        rows: stdout.rows || 30,
        colour: !process.env.NO_COLOR,
        command,
        recordsPerSecond: flags.rate,
      })
      stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`)
    },
    close: () => {
      leave()
      process.off('exit', leave)
    },
  }
}
