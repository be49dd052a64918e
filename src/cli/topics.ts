import type { Command } from 'commander'
import { ReeveError } from '../errors.ts'
import { type ConnectionFlags, withClient, withConnectionFlags } from './connection.ts'
import { grouped, roundBytes, roundTime, settingsText, table, write } from './output.ts'

export function addTopics(program: Command): void {
  const command = program
    .command('topics')
    .description('List topics, their settings and their logs, as one node holds them.')
    .argument('[TOPIC]', 'only this one')
    .option('--json', 'one JSON array')
    .action(async (name: string | undefined, flags: ConnectionFlags & { json?: boolean }) => {
      const topics = await withClient(flags, (client) => client.topics(name))
      if (name !== undefined && topics.length === 0) {
        throw new ReeveError('TOPIC_UNKNOWN', `that node holds no topic ${name}`)
      }
      if (flags.json) return write(`${JSON.stringify(topics, null, 2)}\n`)
      const nowMs = Date.now()
      const rows = topics.flatMap((topic) =>
        topic.logs.map((log) => [
          topic.name,
          log.origin,
          log.epoch,
          grouped(log.start),
          grouped(log.end),
          roundBytes(log.bytes),
          log.oldestMs === undefined ? '' : roundTime(nowMs - log.oldestMs),
        ]),
      )
      await write(table(['topic', 'origin', 'epoch', 'start', 'end', 'size', 'age'], rows))
      for (const { name, settings } of topics) {
        if (settings) await write(`${name}: ${settingsText(settings)}\n`)
      }
    })
    .addHelpText(
      'after',
      `
A log is what one run of one node wrote to one topic; the same log has the same end on
every node that has caught up. What lies before its start was trimmed by retention or a
deletion; age is that of its oldest record. Below them the settings of topics that have any.

Examples:
  $ reeve topics
  $ reeve topics clock --json`,
    )
  withConnectionFlags(command)
}
