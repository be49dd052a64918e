import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ReeveError } from '../errors.ts'
import type { Finding } from '../log/verify.ts'
import { Exit } from './exit.ts'
import { counted, grouped, roundBytes, table, write } from './output.ts'

export function addVerify(program: Command, ended: (code: number) => void): void {
  program
    .command('verify')
    .description('Check every frame and chain of data folders; of several, also whether their copies agree.')
    .argument('<DATA_DIR...>', 'data folders of nodes that are not running')
    .option('--json', 'one JSON object a finding')
    .action(async (folders: string[], flags: { json?: boolean }) => {
      ended(await verify(folders, flags.json === true))
    })
    .addHelpText(
      'after',
      `
Nothing is changed. The exit code is 5 when records are damaged, missing or contradict each
other, and 2 when a folder holds no log at all. A torn tail is the end of a last write that was never acknowledged: no harm.

Examples:
  $ reeve verify data-a
  $ reeve verify data-a data-b data-c`,
    )
}

async function verify(folders: readonly string[], json: boolean): Promise<number> {
  for (const folder of folders) {
    if (!existsSync(resolve(folder, 'topics'))) {
      throw new ReeveError('CONFIG_INVALID', `${folder}: there is no data of a node in it`)
    }
  }
  const [{ createRealDisk }, { isHarm, verifyDataDirs }] = await Promise.all([
    import('../env/real-disk.ts'),
    import('../log/verify.ts'),
  ])
  const shownAs = new Map(folders.map((folder) => [resolve(folder), folder]))
  const logs: (Finding & { kind: 'log' })[] = []
  const empty = new Set(shownAs.keys())
  let harm = 0
  for (const finding of verifyDataDirs(createRealDisk(), [...shownAs.keys()])) {
    if (isHarm(finding)) harm += 1
    // A log that is damaged from its first frame on is one, too.
    if ('log' in finding && 'dir' in finding) empty.delete(finding.dir)
    if (json) await write(`${JSON.stringify(finding, chainsAsHex)}\n`)
    else if (finding.kind === 'log') logs.push(finding)
    else await write(`${isHarm(finding) ? 'DAMAGE' : 'note'}: ${inWords(finding)}\n`)
  }
  if (!json) {
    logs.sort((a, b) => (a.log === b.log ? 0 : a.log < b.log ? -1 : 1))
    if (logs.length > 0) await write(asTable(logs, shownAs))
    if (harm > 0 || logs.length > 0)
      await write(harm === 0 ? `${counted(logs.length, 'log')}, no damage\n` : `${counted(harm, 'place')} of damage\n`)
  }
  if (harm > 0) return Exit.damaged
  if (empty.size === 0) return Exit.ok
  // Nothing was checked: success would be taken for a sound copy.
  const where = [...empty].map((dir) => `${shownAs.get(dir)}: there is no log in it, that is, below ${dir}/topics`)
  throw new ReeveError('CONFIG_INVALID', where.join('\n'))
}

function asTable(logs: readonly (Finding & { kind: 'log' })[], shownAs: ReadonlyMap<string, string>): string {
  return table(
    ['log', 'folder', 'start', 'end', 'frames', 'size', 'chain'],
    logs.map((log) => [
      log.log,
      shownAs.get(log.dir) ?? log.dir,
      grouped(log.start),
      grouped(log.end),
      grouped(log.frames),
      roundBytes(log.bytes),
      hex(log.chain),
    ]),
  )
}

/** Equal chains at equal ends: equal copies. */
function hex(chain: bigint): string {
  return chain.toString(16).padStart(16, '0')
}

function chainsAsHex(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? hex(value) : value
}

const faults = {
  cutShort: 'it is cut short',
  zeros: 'there are zeros in its place',
  header: 'its header is not one',
  checksum: 'its checksum does not fit',
  offset: 'its offset does not follow',
  chain: 'it does not follow the frame before',
  newer: 'it is of a version that is not known here',
}

function inWords(finding: Exclude<Finding, { kind: 'log' }>): string {
  switch (finding.kind) {
    case 'tornTail':
      return `${finding.path}: the last ${grouped(finding.bytes)} bytes are a write that did not end; the next start cuts them`
    case 'damaged':
      return `${finding.path}: the frame at byte ${finding.position}, offset ${finding.offset}, is damaged: ${faults[finding.fault]}`
    case 'gap':
      return `${finding.path}: offsets ${finding.expected} to ${finding.found} are missing before it`
    case 'lost':
      return `${finding.log} in ${finding.dir}: offsets ${finding.expected} to ${finding.found} are missing, and were not trimmed`
    case 'diverged':
      return `${finding.log}: ${finding.dirs[0]} and ${finding.dirs[1]} differ from offset ${finding.offset} on`
    case 'quarantined':
      return `${finding.path}: was set aside, as damaged or because nobody had what follows it any more`
    case 'foreign':
      return `${finding.path}: is not of a node (${finding.reason})`
  }
}
