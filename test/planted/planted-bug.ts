/**
 * Small deliberate bugs, each an edit of the sources that is made while they are bundled, so that production code knows
 * nothing of them: proof that the simulation finds what it is there to find.
 */

import { readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { NodeSettings } from '../../src/config.ts'
import type { FaultStep } from '../../src/simulation/faults.ts'

export interface Edit {
  /** From the root of the project, with slashes. */
  readonly file: string
  /** Occurs in the file exactly once. */
  readonly find: string
  readonly replace: string
}

export interface PlantedBug {
  /** Unique; with dashes. */
  readonly name: string
  /** What a user would lose by it. */
  readonly breaks: string
  readonly edits: readonly Edit[]
  readonly world?: BugWorld
}

/** Where a bug shows. What is left out is as in most runs: four nodes, half a minute, some of all faults by the seed. */
export interface BugWorld {
  /** All of these classes of faults, parted by commas, and no others: few seeds draw just these. */
  readonly faults?: string
  /** Some of all but these, parted by commas. */
  readonly without?: string
  /** Members without logs, to whom these episodes happen, parted by commas: nothing else of a world is used then. */
  readonly members?: string
  /** What happens, instead of what the seed draws: starts of nodes and all. In order of time. */
  readonly steps?: readonly FaultStep[]
  /** So long a lull before all is healed. */
  readonly lullMs?: number
  /** Mean pause between two faults. */
  readonly gapMs?: number
  readonly nodes?: number
  readonly minutes?: number
  /** Clients that set and delete a topic. Default: one with every fourth seed. */
  readonly topicKeepers?: number
  /** Of all nodes. */
  readonly settings?: NodeSettings
  readonly recordMaxBytes?: number
}

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Whoever starts knows the first host, which knows nobody. */
export function oneSeed(nodes: number): FaultStep[] {
  return Array.from({ length: nodes }, (_, index): FaultStep => {
    const settings = { startJoinAddrs: index === 0 ? [] : ['10.0.0.1:7946'] }
    return { atMs: 0, kind: 'settings', host: `node-${index + 1}`, settings }
  })
}

/** A bug of one edit. `world`: classes of faults are enough. */
export function bug(
  name: string,
  breaks: string,
  file: string,
  find: string,
  replace: string,
  world: string | BugWorld = {},
): PlantedBug {
  return {
    name,
    breaks,
    edits: [{ file, find, replace }],
    world: typeof world === 'string' ? { faults: world } : world,
  }
}

/** The source with the edits of this file made. Throws where one does not fit: the code it was made for has changed. */
export function plant(file: string, source: string, { name, edits }: PlantedBug): string {
  let planted = source
  for (const edit of edits) {
    if (edit.file !== file) continue
    const parts = planted.split(edit.find)
    if (parts.length !== 2) throw new Error(`${name}: its place occurs ${parts.length - 1} times in ${file}`)
    planted = parts.join(edit.replace)
  }
  return planted
}

/** Bundles an entry with the bug planted, or as it is, into a folder within the project. Returns the file's path. */
export async function bundlePlanted(entry: string, planted: PlantedBug | undefined): Promise<string> {
  const outdir = join(root, 'node_modules', '.cache', 'reeve-planted', planted?.name ?? 'none')
  const files = new Set(planted?.edits.map(({ file }) => file))
  const made = new Set<string>()
  await build({
    entryPoints: [join(root, entry)],
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    plugins: [
      {
        name: 'planted',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const file = relative(root, path).split(sep).join('/')
            if (!planted || !files.has(file)) return undefined
            made.add(file)
            return { contents: plant(file, await readFile(path, 'utf8'), planted), loader: 'ts' }
          })
        },
      },
    ],
  })
  for (const file of files) if (!made.has(file)) throw new Error(`${planted?.name}: ${entry} does not use ${file}`)
  return join(outdir, `${(entry.split('/').at(-1) as string).replace(/\.ts$/, '')}.js`)
}
