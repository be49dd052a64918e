import { type Command, InvalidArgumentError } from 'commander'
import type { TopicSettings } from '../client/servers.ts'
import { parseByteCount, parseDurationMs } from '../config/kinds.ts'
import { ReeveError } from '../errors.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { settingsText, write } from './output.ts'

/** Undefined: not given; `default`: back to each node's configuration. */
type Given = number | 'default' | undefined

interface SettingFlags extends ConnectionFlags {
  readonly retention: Given
  readonly retentionBytes: Given
  readonly retentionRecords: Given
  readonly segmentBytes: Given
  readonly maxRecordBytes: Given
  readonly json?: boolean
}

export function addTopic(program: Command): void {
  const topic = program
    .command('topic')
    .description('Create topics, change their settings, delete them.')
    .addHelpText(
      'after',
      `
Examples:
  $ reeve topic set orders --retention 7d --retention-bytes 10GiB
  $ reeve topic delete orders`,
    )
  withSettings(topic.command('create').description('Declare a topic that does not exist yet.'))
    .action((name: string, flags: SettingFlags) => change(name, flags, true))
    .addHelpText(
      'after',
      `
Topics need not be created: the first record does as well, with each node's own settings.

Examples:
  $ reeve topic create orders
  $ reeve topic create clicks --retention 12h --max-record-bytes 64KiB`,
    )
  withSettings(topic.command('set').description('Change settings of a topic; those that are not named stay.'))
    .action((name: string, flags: SettingFlags) => change(name, flags, false))
    .addHelpText(
      'after',
      `
They hold in the whole cluster, for all nodes that come later, too. "off" is no limit,
"default" what each node's configuration says. What may go goes within about a minute, in
whole segment files.

Examples:
  $ reeve topic set orders --retention 7d --retention-bytes 10GiB
  $ reeve topic set orders --retention off --segment-bytes default`,
    )
  const remove = topic
    .command('delete')
    .description('End a topic: its settings, and all records written before this, on every node.')
    .argument('<TOPIC>')
    .action(async (name: string, flags: ConnectionFlags) => {
      await withClient(flags, (client) => client.deleteTopic(name))
      await write(`${name} is deleted\n`)
    })
    .addHelpText(
      'after',
      `
Nodes that are away learn it when they come back. What is written from now on begins a new
life of the topic.

Examples:
  $ reeve topic delete orders`,
    )
  withConnectionFlags(remove)
}

function withSettings(command: Command): Command {
  command
    .argument('<TOPIC>')
    .option('--retention <TIME>', 'records older than this may go: 90s, 12h, 7d, 2w', setting(time, '12h or 7d'))
    .option('--retention-bytes <BYTES>', 'keep about so much on each node: 512MiB, 10GiB', setting(bytes, '10GiB'))
    .option('--retention-records <N>', 'keep about so many records on each node', setting(count, '1000000'))
    .option('--segment-bytes <BYTES>', 'a log goes on in a new file after this', setting(bytes, '64MiB', false))
    .option('--max-record-bytes <BYTES>', 'largest record accepted', setting(bytes, '64KiB', false))
    .option('--json', 'print the settings as JSON')
  return withConnectionFlags(command)
}

async function change(name: string, flags: SettingFlags, createOnly: boolean): Promise<void> {
  const given = {
    retentionMs: flags.retention,
    retentionBytes: flags.retentionBytes,
    retentionRecords: flags.retentionRecords,
    segmentMaxBytes: flags.segmentBytes,
    maxRecordBytes: flags.maxRecordBytes,
  }
  if (!createOnly && Object.values(given).every((value) => value === undefined)) {
    throw new ReeveError('CONFIG_INVALID', 'name at least one setting, such as --retention 7d')
  }
  const settings = await withClient(flags, async (client) => {
    const before = createOnly ? {} : await settingsBefore(() => client.topics(name))
    const after = Object.entries<Given>({ ...before, ...defined(given) }).filter(([, value]) => value !== 'default')
    return client.setTopic(name, Object.fromEntries(after), { createOnly })
  })
  await write(flags.json ? `${JSON.stringify(settings)}\n` : `${name}: ${settingsText(settings)}\n`)
}

/** A topic that nobody knows yet has none. */
async function settingsBefore(ask: () => Promise<{ settings: TopicSettings | undefined }[]>): Promise<TopicSettings> {
  try {
    return (await ask())[0]?.settings ?? {}
  } catch (error) {
    if (error instanceof ReeveError && error.code === 'TOPIC_UNKNOWN') return {}
    throw error
  }
}

function defined(given: Record<string, Given>): Record<string, Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

const time = (text: string) => parseDurationMs(text)
const bytes = (text: string) => parseByteCount(text)
const count = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)

/** Bounds are for the server to say; here only what cannot be meant. */
function setting(parse: (text: string) => number | undefined, example: string, mayBeOff = true) {
  return (text: string): Given => {
    if (text === 'default') return text
    if (text === 'off' && mayBeOff) return 0
    const value = parse(text)
    if (value !== undefined) return value
    throw new InvalidArgumentError(`needs something like ${example}, ${mayBeOff ? '"off" ' : ''}or "default".`)
  }
}
