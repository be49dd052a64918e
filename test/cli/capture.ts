/** Runs the command line in this process and catches the text it prints. (Bytes are the test runner's own reports.) */

import { run } from '../../src/cli/program.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function reeve(...words: string[]): Promise<Outcome> {
  const caught = { stdout: '', stderr: '' }
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write }
  for (const name of ['stdout', 'stderr'] as const) {
    const original = originals[name].bind(process[name]) as (data: string | Uint8Array) => boolean
    process[name].write = ((data: string | Uint8Array) => {
      if (typeof data !== 'string') return original(data)
      caught[name] += data
      return true
    }) as typeof process.stdout.write
  }
  try {
    const code = await run(words)
    return { code, ...caught }
  } finally {
    process.stdout.write = originals.stdout
    process.stderr.write = originals.stderr
  }
}
