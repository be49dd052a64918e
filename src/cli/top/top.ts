import type { Command } from 'commander'
import { type ConnectionFlags, clientEnv, tlsOf, wholeNumber, withConnectionFlags } from '../connection.ts'
import { onInterrupt } from '../interrupt.ts'
import { write } from '../output.ts'
import { pictureOf } from './picture.ts'
import { ClusterWatch } from './watch.ts'

interface TopFlags extends ConnectionFlags {
  readonly once?: boolean
  readonly everyMs: number
}

/** How long the nodes may take to tell where they stand before the one picture is drawn without them. */
const patienceMs = 3000

export function addTop(program: Command): void {
  const command = program
    .command('top')
    .description('Show what all nodes of the cluster are doing, in the terminal.')
    .option('--once', 'one picture, then end; so it is where the output is no terminal')
    .option('--every-ms <MS>', 'time from one picture to the next', wholeNumber(100, 60_000), 1000)
    .action(async (flags: TopFlags) => {
      const watch = await ClusterWatch.open({
        addresses: flags.addr,
        tls: tlsOf(flags),
        serverName: flags.tlsServerName,
        timeoutMs: flags.timeoutMs,
        env: await clientEnv(),
      })
      try {
        const live = process.stdout.isTTY === true && flags.once !== true
        if (live) await follow(watch, flags.everyMs)
        else await drawOnce(watch)
      } finally {
        watch.close()
      }
    })
    .addHelpText(
      'after',
      `
Asks each node for what it tells of itself, as the inspector's page does; the right "inspect"
allows it, and nodes started with --inspect false tell nothing. Signs: ● well, ◐ on its way,
○ at rest, ✕ wrong. q or Ctrl-C ends it.

Examples:
  $ reeve top
  $ reeve top --once --addr 10.0.0.7:8400`,
    )
  withConnectionFlags(command)
}

async function drawOnce(watch: ClusterWatch): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!watch.isCurrent && performance.now() < endMs) await pause(50)
  const columns = process.stdout.isTTY === true ? process.stdout.columns : 200
  await write(`${pictureOf(watch.seen, { columns, rows: undefined, colour: false })}\n`)
}

/** On a screen of its own, so that what was there before comes back. */
async function follow(watch: ClusterWatch, everyMs: number): Promise<void> {
  let over = false
  let wake: () => void = () => undefined
  const quit = (): void => {
    over = true
    wake()
  }
  const restore = onInterrupt(quit)
  const onKey = (key: Buffer): void => {
    if (key.toString() === 'q' || key[0] === 3) quit()
  }
  const { stdin, stdout } = process
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKey).resume()
  stdout.on('resize', draw)
  stdout.write('\x1b[?1049h\x1b[?25l')
  try {
    while (!over) {
      draw()
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, watch.isWhole ? everyMs : 100)
      })
    }
  } finally {
    stdout.off('resize', draw)
    stdout.write('\x1b[?25h\x1b[?1049l')
    if (stdin.isTTY) stdin.off('data', onKey).setRawMode(false).pause()
    restore()
  }

  function draw(): void {
    const { columns, rows } = stdout
    const picture = pictureOf(watch.seen, { columns, rows, colour: process.env.NO_COLOR === undefined })
    stdout.write(`\x1b[H${picture.split('\n').join('\x1b[K\n')}\x1b[J`)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
