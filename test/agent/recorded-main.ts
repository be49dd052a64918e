/** The command line of production, but for one thing: it tells what its disk does. */

import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { bundlePlanted } from '../planted/planted-bug.ts'

const file = 'src/env/real.ts'
let main: Promise<string> | undefined

/** The path of its bundle, which lasts as long as this process. */
export function recordedMain(): Promise<string> {
  main ??= bundlePlanted('src/main.ts', {
    name: `recorded-${process.pid}`,
    breaks: 'nothing',
    edits: [
      { file, find: 'disk: createRealDisk(),', replace: 'disk: recordToFile(createRealDisk()),' },
      {
        file,
        find: "import type { Env } from './env.ts'",
        replace:
          "import type { Env } from './env.ts'\nimport { recordToFile } from '../../test/agent/record-to-file.ts'",
      },
    ],
  }).then((path) => {
    process.once('exit', () => rmSync(dirname(path), { recursive: true, force: true }))
    return path
  })
  return main
}
