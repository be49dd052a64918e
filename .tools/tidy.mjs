// House rules that no linter knows: file sizes, names, unfinished work, paths and hosts of machines, sleeping tests.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { root } from './install.mjs'

const linesMax = 400
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
const files = tracked
  .split('\n')
  .filter((name) => /\.(ts|mjs|md|json|ya?ml|proto)$/.test(name) || name.startsWith('.ci/'))
const source = (name) => /^(src|machines|test)\/.*\.ts$/.test(name) && !name.startsWith('src/gen/')

const rules = [
  { of: source, says: 'unfinished', pattern: /\b(TODO|FIXME|XXX)\b|not implemented/ },
  {
    of: (name) => name.startsWith('test/'),
    says: 'a test that is left out',
    pattern: /\b(test|it|describe)\.(only|todo)\(/,
  },
  {
    of: (name) => name.startsWith('test/') && source(name),
    says: 'a sleep',
    pattern: /await (sleep|delay)\(|timers\/promises/,
  },
  { of: (name) => source(name), says: 'a name that says nothing', pattern: /\bclass \w*(Manager|Helper|Util|Impl)\b/ },
  {
    of: (name) => name !== '.tools/tidy.mjs' && !name.startsWith('test/vectors/'),
    says: 'a path of one machine',
    pattern: /(^|[^\w.])\/(home|root|work|Users)\/\w/m,
  },
  { of: (name) => name === 'package-lock.json', says: 'a registry host', pattern: /"resolved": "https?:/ },
]

const problems = []
for (const name of files) {
  let text
  try {
    text = readFileSync(`${root}/${name}`, 'utf8')
  } catch {
    continue // deleted, not yet committed
  }
  if (source(name)) {
    const lines = text.split('\n').length - 1
    if (lines > linesMax) problems.push(`${name}: ${lines} lines; ${linesMax} is the ceiling`)
  }
  for (const { of, says, pattern } of rules) {
    const match = of(name) ? pattern.exec(text) : null
    if (match) problems.push(`${name}:${text.slice(0, match.index).split('\n').length}: ${says}: ${match[0].trim()}`)
  }
}
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exit(problems.length > 0 ? 1 : 0)
