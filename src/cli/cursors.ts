import { type Command, InvalidArgumentError } from 'commander'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { grouped, table, write } from './output.ts'

interface ListFlags extends ConnectionFlags {
  readonly json?: boolean
}

interface CommitFlags extends ConnectionFlags {
  readonly at: Uint8Array
}

interface ResetFlags extends ConnectionFlags {
  readonly to: 'start' | 'end' | Uint8Array
}

/** As it is printed and given back. */
export function cursorText(cursor: Uint8Array): string {
  return Buffer.from(cursor).toString('base64url')
}

export function addCursors(program: Command): void {
  const command = program
    .command('cursors')
    .description('Show the cursors that are kept for a topic, and what lies before each.')
    .argument('<TOPIC>')
    .option('--json', 'as JSON, with the cursors themselves')
    .action(async (topic: string, flags: ListFlags) => {
      const cursors = await withClient(flags, (client) => client.cursors.list(topic))
      const shown = cursors.map(({ name, cursor, movedMs, lag }) => {
        return { name, lag, moved: new Date(movedMs).toISOString(), cursor: cursorText(cursor) }
      })
      if (flags.json) return write(`${JSON.stringify(shown, null, 2)}\n`)
      await write(
        table(
          ['cursor', 'lag', 'moved'],
          shown.map(({ name, lag, moved }) => [name, grouped(lag), moved]),
        ),
      )
    })
    .addHelpText(
      'after',
      `
The lag is the number of records that were not read yet, as far as the node that answers
has them.

Examples:
  $ reeve cursors orders
  $ reeve cursors orders --json | jq '.[].lag'`,
    )
  withConnectionFlags(command)
}

export function addCursor(program: Command): void {
  const cursor = program
    .command('cursor')
    .description('Move and delete cursors that are kept in the cluster.')
    .addHelpText(
      'after',
      `
Examples:
  $ reeve cursor commit orders mill --at CURSOR
  $ reeve cursor reset orders mill --to start
  $ reeve cursor delete orders mill`,
    )
  const commit = cursor
    .command('commit')
    .description('Move a cursor on; it is made where there is none, and never moved back.')
    .argument('<TOPIC>')
    .argument('<NAME>')
    .requiredOption(
      '--at <CURSOR>',
      'where it stands from now on, if not further: what reeve consume printed',
      cursorOf,
    )
    .action(async (topic: string, name: string, flags: CommitFlags) => {
      const stands = await withClient(flags, (client) => client.cursors.commit(topic, name, flags.at))
      await write(`${cursorText(stands)}\n`)
    })
    .addHelpText(
      'after',
      `
Prints where it stands then.

Example:
  $ reeve cursor commit orders mill --at "$CURSOR"`,
    )
  const reset = cursor
    .command('reset')
    .description('Let a cursor stand exactly where you say, also further back.')
    .argument('<TOPIC>')
    .argument('<NAME>')
    .requiredOption('--to <start|end|CURSOR>', 'end: behind all that the node has by now', placeOf)
    .action(async (topic: string, name: string, flags: ResetFlags) => {
      await withClient(flags, (client) => client.cursors.reset(topic, name, flags.to))
      await write(`${name} is reset\n`)
    })
    .addHelpText(
      'after',
      `
Whoever reads by this name at present goes on, and its next commit counts from here: stop it
before.

Examples:
  $ reeve cursor reset orders mill --to start
  $ reeve cursor reset orders mill --to end`,
    )
  const remove = cursor
    .command('delete')
    .description('Forget a cursor.')
    .argument('<TOPIC>')
    .argument('<NAME>')
    .action(async (topic: string, name: string, flags: ConnectionFlags) => {
      await withClient(flags, (client) => client.cursors.delete(topic, name))
      await write(`${name} is deleted\n`)
    })
    .addHelpText(
      'after',
      `
A reading by this name begins anew then.

Example:
  $ reeve cursor delete orders mill`,
    )
  for (const command of [commit, reset, remove]) withConnectionFlags(command)
}

export function cursorOf(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new InvalidArgumentError('needs a cursor.')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

/** Where a reading begins, or a cursor is set. */
export function placeOf(text: string): 'start' | 'end' | Uint8Array {
  if (text === 'start' || text === 'end') return text
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new InvalidArgumentError('needs start, end or a cursor.')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
