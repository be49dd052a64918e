/** The table of all planted bugs and of how they were caught. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Caught } from '../campaign/planted.ts'
import { corpus } from './corpus.ts'
import { type BugWorld, root } from './planted-bug.ts'

const path = join(root, 'test', 'planted', 'caught.md')

const head = `# Planted bugs, and how they were caught

Each is planted alone into whole clusters that are simulated by one seed after the other, until a promise is broken; the same run
without the bug then keeps every promise. *Seeds*: how many it took, the one that showed it included. *World*: where it differs from four nodes for
half a minute, under some of all faults by the seed. What nobody has seen yet says so. Made by \`npm run campaign -- planted --report\`.

| bug | what a user would lose | seeds | seen by | found | world |
| --- | --- | --- | --- | --- | --- |
`

/** Rows of bugs that were not tried now stay as they are. */
export async function writeCaught(outcomes: readonly Caught[]): Promise<void> {
  const rows = await caughtRows()
  for (const { bug, judge, seeds, found } of outcomes) {
    const cells = [
      bug.breaks,
      String(seeds),
      judge ?? '**nobody**',
      judge ? shortened(found) : '',
      worldText(bug.world ?? {}),
    ]
    rows.set(bug.name, `| ${[`\`${bug.name}\``, ...cells].join(' | ')} |`)
  }
  const known = corpus.flatMap(({ name }) => rows.get(name) ?? [])
  await writeFile(path, `${head}${known.join('\n')}\n`)
}

/** By name of the bug. */
export async function caughtRows(): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return new Map([...text.matchAll(/^\| `([^`]+)` \|.*$/gm)].map(([row, name]) => [name as string, row]))
}

/** Epochs say nothing to people, and bars would end the cell. */
function shortened(found: string): string {
  const plain = found.replaceAll(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '$1…')
  return plain.replaceAll(/\s+/g, ' ').replaceAll('|', '/').slice(0, 160)
}

function worldText({ faults, steps, members, settings, ...others }: BugWorld): string {
  if (members !== undefined) return `members alone: ${members.replaceAll(',', ', ')}`
  const parts = Object.entries({ ...others, ...settings }).map(([key, value]) => `${key} ${value}`)
  const story = steps?.filter(({ kind }) => kind !== 'settings').map(({ kind }) => kind)
  return [
    ...(faults === undefined ? [] : [faults.replaceAll(',', ', ')]),
    ...(story === undefined ? [] : [`its own story: ${counted(story).join(', ')}`]),
    ...parts,
  ].join('; ')
}

/** `start`, `start`, `rot` are `2 start`, `rot`. */
function counted(words: readonly string[]): string[] {
  const runs: { readonly word: string; count: number }[] = []
  for (const word of words) {
    const last = runs.at(-1)
    if (last?.word === word) last.count++
    else runs.push({ word, count: 1 })
  }
  return runs.map(({ word, count }) => (count === 1 ? word : `${count} ${word}`))
}
