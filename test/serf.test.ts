import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { pino } from 'pino'
import { createMember, type FactOf, type MemberFact, type MemberSettings, type SerfMember } from '../src/serf.ts'

const members: SerfMember[] = []
const silent = pino({ level: 'silent' })

async function member(name: string, settings: MemberSettings = {}): Promise<SerfMember> {
  const started = await createMember({ name, bind: '127.0.0.1:0', profile: 'local', ...settings }, { log: silent })
  members.push(started)
  return started
}

const at = ({ address }: SerfMember) => `${address.host}:${address.port}`
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Resolves with the first fact of the kind that is wanted. */
function fact<K extends MemberFact['kind']>(one: SerfMember, kind: K) {
  return new Promise<FactOf<K>>((resolve) => {
    const stop = one.on(kind, (told) => {
      stop()
      resolve(told)
    })
  })
}

afterEach(() => {
  for (const one of members.splice(0)) one.close()
})

describe('a program', () => {
  test('asks seeds again where nobody was, and nobody where somebody is known', async () => {
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => member(name)))
    await b!.join([at(a!)])
    await d!.join([at(c!)])
    const seeds = [at(a!), at(b!), at(d!)]
    const others = ['c', 'd'].map(
      (name) =>
        new Promise<void>((resolve) => {
          a!.on('joined', ({ member }) => member.name === name && resolve())
        }),
    )
    assert.equal(await b!.meet(seeds), 1)
    await Promise.all(others)
    assert.equal(await b!.meet(seeds), 0)
    await d!.leave()
    assert.equal(await b!.meet(seeds), 0, 'nor where somebody has left')
  })

  test('joins, tells, asks, answers and leaves', async () => {
    const encryptKey = Buffer.alloc(32, 7).toString('base64')
    const a = await member('a', { tags: { role: 'web' }, encryptKey })
    const b = await member('b', { encryptKey })
    const joined = fact(b, 'joined')
    assert.equal(await b.join([at(a)]), 1)
    assert.equal((await joined).member.tags.get('role'), 'web')

    const event = fact(a, 'userEvent')
    await b.sendEvent('deploy', Buffer.from('v2'))
    assert.deepEqual([(await event).event.name, text((await event).event.payload)], ['deploy', 'v2'])

    a.on('query', ({ query }) => query.respond(Buffer.from(`hello ${query.from}`)))
    const query = b.query('greet', undefined, { requestAck: true, filterNodes: ['a'] })
    const answers: string[] = []
    for await (const answer of query) {
      answers.push(answer.kind === 'ack' ? 'ack' : text(answer.payload))
      if (answers.length === 2) break
    }
    assert.deepEqual(answers, ['ack', 'hello b'])

    await a.forceLeave('nobody')
    const left = fact(a, 'left')
    await b.leave()
    assert.equal((await left).member.name, 'b')
  })

  test('finds its cluster again by its snapshot, unless it left; and then if it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reeve-member-'))
    try {
      const snapshotPath = join(folder, 'web.snapshot')
      const a = await member('a')
      const first = await member('b', { snapshotPath })
      const seen = fact(a, 'joined')
      await first.join([at(a)])
      await seen
      await first.leave()
      first.close()

      const names = (one: SerfMember) => one.members().map(({ name }) => name)
      const again = await member('b', { snapshotPath, rejoinAfterLeave: true })
      assert.equal((await fact(again, 'joined')).member.name, 'a')
      await again.leave()
      again.close()
      const third = await member('b', { snapshotPath })
      assert.deepEqual(names(third), ['b'])
      third.close()
      await assert.rejects(member('c', { snapshotPath: folder }), { code: 'DATA_DIR_UNUSABLE' })
    } finally {
      // What a member was about to write when it was closed may still come, and needs this process to go on.
      await rm(folder, { recursive: true, maxRetries: 10 })
    }
  })

  test('is told what is too much, and that nothing goes any more', async () => {
    const a = await member('a')
    await assert.rejects(a.sendEvent('e', new Uint8Array(600)), {
      code: 'REQUEST_MALFORMED',
      message: 'user event exceeds configured limit of 512 bytes before encoding',
    })
    assert.throws(() => a.query('q', new Uint8Array(1100)), { message: 'query exceeds limit of 1024 bytes' })
    assert.throws(() => a.query('_serf_use-key'), { code: 'REQUEST_MALFORMED' })
    const heard = fact(a, 'query')
    const open = a.query('q')
    const { query } = await heard
    a.close()
    for await (const answer of open) assert.fail(`no more answers: ${answer.kind}`)
    assert.throws(() => query.respond(new Uint8Array()), { code: 'NODE_STOPPING' })
    assert.throws(() => a.query('q'), { code: 'NODE_STOPPING' })
    await assert.rejects(a.sendEvent('e'), { code: 'NODE_STOPPING' })
    await assert.rejects(a.forceLeave('b'), { code: 'NODE_STOPPING' })
  })

  test('may have listeners that throw, or stop listening', async () => {
    const a = await member('a')
    let heard = 0
    a.on('userEvent', () => {
      throw new Error('mine')
    })
    const stop = a.on('userEvent', () => {
      heard += 1
    })
    await a.sendEvent('one')
    stop()
    await a.sendEvent('two')
    assert.equal(heard, 1)
  })

  test('reads the answers of a query at its own pace until its time is over', async () => {
    const a = await member('a')
    a.on('query', ({ query }) => query.respond(Buffer.from('me')))
    const query = a.query('q', undefined, { requestAck: true, timeoutMs: 50 })
    for await (const { kind } of a.query('longer', undefined, { timeoutMs: 100 })) assert.equal(kind, 'response')
    const answers: string[] = []
    for await (const { kind } of query) answers.push(kind)
    assert.deepEqual(answers, ['ack', 'response'])
    for await (const answer of query) assert.fail(`read already: ${answer.kind}`)
  })
})

test('settings that mean nothing are named', async () => {
  const invalid = (settings: object, message: RegExp) =>
    assert.rejects(createMember(settings), { code: 'CONFIG_INVALID', message })
  await invalid({ bind: 'nowhere' }, /^bind: needs host:port, not "nowhere"$/)
  await invalid({ encryptKey: 'short' }, /^encryptKey: needs base64/)
  await invalid({ profile: 'moon' }, /^profile: /)
  await invalid({ tags: { role: 1 } }, /^tags.role: /)
  await invalid({ nodeName: 'a' }, /nodeName/)
})
