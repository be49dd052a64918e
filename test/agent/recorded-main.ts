/** The command line of production, but for one thing: it tells what its disk does. */

import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { bundlePlanted, type Edit, type PlantedBug } from '../planted/planted-bug.ts'

const file = 'src/env/real.ts'
const recording: readonly Edit[] = [
  { file, find: 'disk: createRealDisk(),', replace: 'disk: recordToFile(createRealDisk()),' },
  {
    file,
    find: "import type { Env } from './env.ts'",
    replace: "import type { Env } from './env.ts'\nimport { recordToFile } from '../../test/agent/record-to-file.ts'",
  },
]
const mains = new Map<PlantedBug | undefined, Promise<string>>()

/** The path of its bundle, which lasts as long as this process. `bug`: what else is not as in production. */
export function recordedMain(bug?: PlantedBug): Promise<string> {
  const known = mains.get(bug)
  if (known !== undefined) return known
  const name = `recorded-${process.pid}-${mains.size}`
  const edits = [...recording, ...(bug?.edits ?? [])]
  const main = bundlePlanted('src/main.ts', { name, breaks: bug?.breaks ?? 'nothing', edits }).then((path) => {
    process.once('exit', () => rmSync(dirname(path), { recursive: true, force: true }))
    return path
  })
  mains.set(bug, main)
  return main
}
