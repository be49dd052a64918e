/** What nodes hold, compared: over the wire, and as files. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../src/index.ts'
import { type Agent, until } from './agent.ts'
import type { Acknowledged } from './writer.ts'

/** Log key without the topic to its end. */
async function endsOf(client: Client, topic: string): Promise<Record<string, number>> {
  const logs = (await client.topics()).filter(({ name }) => name === topic).flatMap((each) => each.logs)
  return Object.fromEntries(logs.map(({ origin, epoch, end }) => [`${origin}/${epoch}`, end]).sort())
}

/** Waits until all hold the same of a topic. Their writers must have ended: the longest copy of a log is the log. */
export async function converge(topic: string, nodes: readonly { agent: Agent; client: Client }[]): Promise<void> {
  await until(
    `all nodes hold the same of ${topic}`,
    () => Promise.all(nodes.map(({ client }) => endsOf(client, topic))),
    ([first, ...others]) =>
      Object.keys(first ?? {}).length > 0 && others.every((each) => JSON.stringify(each) === JSON.stringify(first)),
    nodes.map(({ agent }) => agent),
  )
}

/** Everything of a topic by record id; each log gap-free from 0 and in order. */
export async function readAll(client: Client, topic: string): Promise<Map<string, string>> {
  const records = new Map<string, string>()
  const nextOf = new Map<string, number>()
  for await (const { origin, epoch, offset, value } of client.consumer({ topic })) {
    const log = `${origin}/${epoch}`
    assert.equal(offset, nextOf.get(log) ?? 0, `${log} goes on in order`)
    nextOf.set(log, offset + 1)
    records.set(`${log}/${offset}`, new TextDecoder().decode(value))
  }
  return records
}

/** Every acknowledged record is there under its id, no value twice, and nothing that nobody sent. */
export function assertHolds(
  records: ReadonlyMap<string, string>,
  acknowledged: readonly Acknowledged[],
  doubtful: ReadonlySet<string>,
): void {
  for (const { origin, epoch, offset, value } of acknowledged) {
    assert.equal(records.get(`${origin}/${epoch}/${offset}`), value)
  }
  const values = [...records.values()]
  assert.equal(new Set(values).size, values.length, 'a record is there twice')
  const sent = new Set([...acknowledged.map(({ value }) => value), ...doubtful])
  for (const value of values) assert.ok(sent.has(value), `nobody sent ${value}`)
}

/** SHA-256 of every segment in use below a data folder, by its path in it; not of what was set aside as damaged. */
export function segmentsIn(dataDir: string): Map<string, string> {
  const topics = join(dataDir, 'topics')
  const paths = readdirSync(topics, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.log') && !path.includes('.quarantined-'),
  )
  return new Map(
    paths.sort().map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(topics, path)))
        .digest('hex'),
    ]),
  )
}
