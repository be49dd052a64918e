import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, test } from 'node:test'
import { pino } from 'pino'
import { formatKey, formatKeyList } from '../../src/gossip/keys.ts'
import { keyOf } from '../gossip/sealed.ts'
import { hostPort, startMember, type TestMember } from './member.ts'
import { type SerfAgent, type SerfAgentOptions, type SerfMember, startSerfAgent, withoutSerf } from './serf-agent.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-sealing-'))
after(() => rmSync(folder, { recursive: true }))

const [first, second, stranger] = [keyOf(1, 16), keyOf(2), keyOf(3)]
const agents: SerfAgent[] = []
const members: TestMember[] = []

async function agent(name: string, options?: SerfAgentOptions): Promise<SerfAgent> {
  const started = await startSerfAgent(name, options)
  agents.push(started)
  return started
}

function keyFile(name: string, ...keys: Uint8Array[]): string {
  const path = join(folder, `${name}.json`)
  writeFileSync(path, formatKeyList(keys), { mode: 0o600 })
  return path
}

const inFile = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as string[]

/** What a member of ours says in its log. */
const said: string[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => void said.push(line) })

async function member(name: string, source: { key: Uint8Array } | { file: string } | undefined): Promise<TestMember> {
  const encryption = source && { source, acceptPlain: false, sendPlain: false }
  const started = await startMember(name, { log, ...(encryption && { encryption }) })
  members.push(started)
  return started
}

const isAlive = (list: SerfMember[], name: string) => list.some((one) => one.name === name && one.status === 'alive')

/** Both see each other alive. */
async function together(ours: TestMember, theirs: SerfAgent): Promise<void> {
  await ours.until(`${theirs.name} alive`, () => ours.member(theirs.name)?.status === 'alive')
  await theirs.until(`${ours.name} alive`, (list) => isAlive(list, ours.name))
}

/** What the command line says of keys, also when it fails. */
async function keysCommand(theirs: SerfAgent, ...words: string[]): Promise<string> {
  return theirs.run('keys', ...words).catch((error: { stdout: string; stderr: string }) => error.stdout + error.stderr)
}

describe('encryption with real serf agents', { skip: withoutSerf() }, () => {
  afterEach(async () => {
    for (const { gossip } of members.splice(0)) gossip.close()
    await Promise.all(agents.splice(0).map((started) => started.kill()))
    const text = said.splice(0).join('')
    for (const key of [first, second, stranger]) assert.equal(text.includes(formatKey(key)), false, 'no key in a log')
  })

  test('an agent joins us and we join an agent; news travel both ways', async () => {
    const ours = await member('ours', { key: first })
    const theirs = await agent('theirs', { encrypt: formatKey(first), join: ours.at })
    await together(ours, theirs)
    const other = await member('other', { key: first })
    assert.equal(await other.gossip.join([hostPort(theirs.at)]), 1)
    await together(other, theirs)
    await other.gossip.setTags(new Map([['role', 'new']]))
    await theirs.until('our tag', (list) => list.some(({ name, tags }) => name === 'other' && tags.role === 'new'))
    await theirs.run('tags', '-set', 'colour=red')
    await other.until('their tag', () => other.member('theirs')?.tags.get('colour') === 'red')
    await other.gossip.leave()
    await theirs.until('left', (list) => list.some(({ name, status }) => name === 'other' && status === 'left'))
  })

  test('without a key or with another one nobody gets in, in either direction, and everybody says why', async () => {
    const theirs = await agent('theirs', { encrypt: formatKey(first) })
    const wrong = await member('wrong', { key: stranger })
    const bare = await member('bare', undefined)
    const ours = await member('ours', { key: first })
    const at = hostPort(theirs.at)
    await assert.rejects(wrong.gossip.join([at]), { code: 'UNAVAILABLE', message: /no installed keys could decrypt/ })
    await assert.rejects(bare.gossip.join([at]), { message: /encryption is not configured/ })
    await theirs.logged(/No installed keys could decrypt the message/)
    await theirs.logged(/Encryption is configured but remote state is not encrypted/)

    for (const [name, encrypt] of [
      ['stray', formatKey(stranger)],
      ['open', undefined],
    ] as const) {
      const outside = await agent(name, encrypt === undefined ? {} : { encrypt })
      await assert.rejects(outside.run('join', hostPort(ours.at)))
    }
    for (const problem of [/no installed keys could decrypt/, /encryption is configured but remote state is not/]) {
      assert.ok(
        said.some((line) => line.includes('"reason":"foreign"') && problem.test(line)),
        `${problem}`,
      )
    }
    assert.deepEqual(ours.alive(), ['ours'])
    assert.deepEqual(
      (await theirs.members()).map(({ name }) => name),
      ['theirs'],
    )
  })

  test('the real command line changes the key of both kinds of member, each keeps it in its file', async () => {
    const files = { ours: keyFile('ours', first), theirs: keyFile('theirs', first) }
    const ours = await member('ours', { file: files.ours })
    const theirs = await agent('theirs', { keyringFile: files.theirs, join: ours.at })
    await together(ours, theirs)
    const [old, fresh] = [formatKey(first), formatKey(second)]
    assert.match(await keysCommand(theirs, `-install=${fresh}`), /Successfully installed/)
    assert.deepEqual(inFile(files.ours), [old, fresh])
    assert.match(await keysCommand(theirs, `-use=${fresh}`), /Successfully changed primary/)
    assert.match(await keysCommand(theirs, `-remove=${fresh}`), /Removing the primary key is not allowed/)
    assert.match(await keysCommand(theirs, `-remove=${old}`), /Successfully removed/)
    const list = await keysCommand(theirs, '-list')
    assert.ok(/ \[2\/2\]/.test(list) && list.includes(fresh) && !list.includes(old), list)
    assert.deepEqual(inFile(files.ours), [fresh])
    assert.deepEqual(inFile(files.theirs), [fresh])
    assert.equal(statSync(files.ours).mode & 0o777, 0o600)
    assert.equal(readFileSync(files.ours, 'utf8').trim(), readFileSync(files.theirs, 'utf8').trim(), 'in the same form')

    // Both files bring their members back into the same cluster.
    ours.gossip.close()
    await theirs.until('ours failed', (found) =>
      found.some(({ name, status }) => name === 'ours' && status === 'failed'),
    )
    const again = await member('ours', { file: files.ours })
    await again.gossip.join([hostPort(theirs.at)])
    await together(again, theirs)
  })

  test('we change the key of both kinds of member, and nothing is done while somebody would be left behind', async () => {
    const files = { ours: keyFile('asking', first), theirs: keyFile('asked', first) }
    const ours = await member('ours', { file: files.ours })
    const theirs = await agent('theirs', { keyringFile: files.theirs, join: ours.at })
    await together(ours, theirs)
    const { keys } = ours.gossip
    const [old, fresh] = [formatKey(first), formatKey(second)]
    const early = await keys.use(fresh)
    assert.deepEqual([early.nodes, early.errors, [...early.messages.keys()].sort()], [2, 2, ['ours', 'theirs']])
    for (const change of ['install', 'use'] as const) {
      const { nodes, responses, errors } = await keys[change](fresh)
      assert.deepEqual({ nodes, responses, errors }, { nodes: 2, responses: 2, errors: 0 })
    }
    assert.equal((await keys.remove(old)).errors, 0)
    const listed = await keys.list()
    assert.deepEqual(listed.keys, new Map([[fresh, 2]]))
    assert.deepEqual(listed.primaryKeys, new Map([[fresh, 2]]))
    assert.deepEqual([inFile(files.ours), inFile(files.theirs)], [[fresh], [fresh]])
    await assert.rejects(keys.install('no key'), { code: 'REQUEST_MALFORMED' })
    assert.equal(theirs.log.includes('EventMemberFailed: ours'), false)
  })
})
