/** The command line as a whole: commands, help, usage errors. Each command lives in a file of its own, loaded late. */

import { Command, CommanderError } from 'commander'
import { addAgent } from './agent.ts'
import { addCert } from './cert.ts'
import { addConsume } from './consume.ts'
import { addCursor, addCursors } from './cursors.ts'
import { addDemo } from './demo.ts'
import { Exit, exitCodeHelp, reportError } from './exit.ts'
import { addInspect } from './inspect.ts'
import { addKeygen } from './keygen.ts'
import { addLeave } from './leave.ts'
import { addMembers } from './members.ts'
import { endQuietlyOnClosedPipe } from './output.ts'
import { addProduce } from './produce.ts'
import { addEvent } from './serf/event.ts'
import { addForceLeave } from './serf/force-leave.ts'
import { addKeys } from './serf/keys.ts'
import { addMonitor } from './serf/monitor.ts'
import { addQuery } from './serf/query.ts'
import { addRtt } from './serf/rtt.ts'
import { addSim } from './sim.ts'
import { addTop } from './top/top.ts'
import { addTopic } from './topic.ts'
import { addTopics } from './topics.ts'
import { addVerify } from './verify.ts'
import { version } from './version.ts'

/** Runs the command line and resolves with its exit code. */
export async function run(words: readonly string[]): Promise<number> {
  endQuietlyOnClosedPipe()
  let exitCode: number = Exit.ok
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? Exit.ok : Exit.usage
    return reportError(thrown, words.includes('--json'))
  }
}

/** `ended` is told the exit code of a command that did its work without an error. */
export function createProgram(ended: (code: number) => void): Command {
  const program = new Command('reeve')
    .description('An event log whose nodes find each other: start one, point it at any other, read anywhere.')
    .version(version(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ helpWidth: Math.max(80, Math.min(process.stdout.columns ?? 100, 120)) })
    .configureOutput({ outputError: (text, print) => print(oneLine(text)) })
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Start here:
  $ reeve demo                                       three nodes on this machine, to watch and to kill
  $ reeve agent --node-name a                        one node, on loopback
  $ reeve agent --node-name b --bind-addr 127.0.0.1:7947 --rpc-port 8401 \\
      --data-dir data-b --start-join-addrs 127.0.0.1:7946
  $ date | reeve produce clock
  $ reeve consume clock --addr 127.0.0.1:8401 --follow

${exitCodeHelp}`,
    )
  const commands = [
    addAgent,
    addDemo,
    addMembers,
    addTopics,
    addTopic,
    addProduce,
    addConsume,
    addCursors,
    addCursor,
    addInspect,
    addTop,
    addLeave,
    addVerify,
    addCert,
    addKeygen,
    addSim,
    addEvent,
    addQuery,
    addMonitor,
    addRtt,
    addKeys,
    addForceLeave,
  ]
  for (const add of commands) add(program, ended)
  return program
}

/** commander's message and its suggestion, as one line in our voice. */
export function oneLine(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace('(Did you mean', '(did you mean')
    .replace(' is invalid. ', ' is invalid: ')
    .replace(/\.$/, '')
  return `reeve: ${line}${/^unknown command.*'$/.test(line) ? ' (see --help)' : ''}\n`
}
