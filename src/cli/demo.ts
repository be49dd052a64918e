import type { Command } from 'commander'
import { wholeNumber } from './connection.ts'
import type { DemoFlags } from './demo/run-demo.ts'

export function addDemo(program: Command, ended: (code: number) => void): void {
  program
    .command('demo')
    .description('Run a small cluster on this machine, to watch and to kill.')
    .option('--nodes <N>', 'how many nodes, each a process of its own', wholeNumber(1, 30), 3)
    .option('--rate <N>', 'records a second written to each node', wholeNumber(0, 10_000), 10)
    .option('--dir <DIR>', 'keep logs and data here (default: a temporary folder)')
    .option('--duration <SECONDS>', 'end by itself; exit code 0 if every node then holds every record', wholeNumber(1))
    .option('--json', 'no picture; a summary in JSON at the end')
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('./demo/run-demo.ts')
      ended(await runDemo(flags))
    })
    .addHelpText(
      'after',
      `
Keys: a digit kills that node (kill -9) or starts it again; q ends the demo.

Examples:
  $ reeve demo
  $ reeve demo --nodes 5 --rate 100
  $ reeve demo --duration 20 --json`,
    )
}
