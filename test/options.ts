/** Options of the commands that only developers give: `--help` is answered, and what is wrong with them is said in one line. */

import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>

/** Ends the process with 0 after `--help`, and with 2 where `readAll` throws; both print `usage`. */
export function readOptions<T extends Options, R>(options: T, usage: string, readAll: (parsed: Parsed<T>) => R): R {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    return readAll(parseArgs({ options, allowPositionals: true }))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`)
    process.exit(2)
  }
}

/** Throws unless it is a whole number from `least` on; undefined where none was given. */
export function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} ${text}: not a whole number from ${least} on`)
  return value
}
