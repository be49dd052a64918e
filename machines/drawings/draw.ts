// Draws what has changed since it was last drawn: `npm run draw`, or all of it anew: `npm run draw -- --all`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { draw, pictures, redraw } from './drawings.ts'

for (const [file, chart] of pictures()) {
  const path = new URL(file, import.meta.url)
  const before = existsSync(path) && !process.argv.includes('--all') ? readFileSync(path, 'utf8') : undefined
  const isCurrent = before !== undefined && (await redraw(chart, before)) === before
  if (!isCurrent) writeFileSync(path, await draw(chart))
  process.stdout.write(`${file} ${isCurrent ? 'is up to date' : 'drawn'}\n`)
}
