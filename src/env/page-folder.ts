/** Finds the inspector's page, as the build leaves it: a folder of files beside the program. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PageFiles } from '../inspector/page-files.ts'

/**
 * In the package, beside a bundle made from a checkout, and where a checkout keeps what it builds on demand; the first
 * that has an `index.html` counts.
 */
const places = ['../../page/', './page/', '../../node_modules/.cache/reeve/page/']

/** Undefined: this build has none. */
export function readPage(): PageFiles | undefined {
  for (const place of places) {
    const folder = fileURLToPath(new URL(place, import.meta.url))
    if (!existsSync(`${folder}index.html`)) continue
    const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
    return new PageFiles(files.map(({ name }) => ({ name, content: readFileSync(`${folder}${name}`) })))
  }
  return undefined
}
