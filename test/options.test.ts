import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const root = join(import.meta.dirname, '..')

function run(command: string, ...words: string[]) {
  const file = join('test', command, `${command}.ts`)
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join('.tools', 'run.mjs'), '--file', file, ...words],
    {
      ...{ cwd: root, encoding: 'utf8' },
    },
  )
  return { status, stdout, stderr }
}

describe('the commands of developers', () => {
  for (const command of ['bench', 'campaign', 'fuzz']) {
    it(`${command} --help explains itself`, () => {
      const { status, stdout, stderr } = run(command, '--help')
      assert.equal(status, 0, stderr)
      assert.match(stdout, new RegExp(`^usage: npm run ${command} -- `))
    })

    it(`${command}: what is wrong with its options is said in one line, above how it is used`, () => {
      const { status, stderr } = run(command, '--wrong')
      assert.equal(status, 2)
      assert.match(stderr, new RegExp(`^Unknown option '--wrong'.*\nusage: npm run ${command} -- `))
    })
  }

  it('numbers that are none, names that nobody has', () => {
    assert.match(run('campaign', 'kills', '--times', 'x').stderr, /^--times x: not a whole number from 1 on\nusage/)
    assert.match(run('campaign', 'kills', '--nodes', '3').stderr, /^kills takes --times, not --nodes\nusage/)
    assert.match(run('campaign', 'nothing').stderr, /^there is no campaign nothing\nusage/)
    assert.match(run('fuzz', 'nothing').stderr, /^there is no codec nothing\nusage/)
    assert.match(run('fuzz', 'all', '--seconds=-1').stderr, /^--seconds -1: not a whole number from 0 on\nusage/)
    assert.match(run('bench', '--only', 'nothing').stderr, /^--only nothing: there are .*\nusage/)
  })
})
