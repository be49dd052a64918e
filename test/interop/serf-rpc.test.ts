/** Serf's own command line against nodes of ours, beside a real agent of the same cluster. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { realClock } from '../../src/env/real-clock.ts'
import { realStreams } from '../../src/env/real-streams.ts'
import { connectSerf, type SerfClient } from '../../src/serf-rpc/client.ts'
import { type Agent, until } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { runSerf, type SerfAgent, startSerfAgent, withoutSerf } from './serf-agent.ts'

interface Listed {
  readonly members: readonly { readonly name: string }[] | null
}

function connectTo(address: string): Promise<SerfClient> {
  const [host = '', port] = address.split(':')
  const env = { clock: realClock, streams: realStreams }
  return connectSerf({ env, at: { host, port: Number(port) }, timeoutMs: 10_000 })
}

/** Lines in any order, their tags as well: Serf prints maps as they come. */
function sorted(text: string): string[] {
  const tags = (line: string) => line.replace(/\S+=\S+/, (list) => list.split(',').sort().join(','))
  return text.trimEnd().split('\n').map(tags).sort()
}

describe("serf's command line with a node of ours", { skip: withoutSerf() }, () => {
  const stage = new Stage()
  let node: Agent
  let theirs: SerfAgent
  let port: string

  /** What it printed; it must succeed. */
  const serf = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runSerf(port, words)
    assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  const refused = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runSerf(port, words)
    assert.equal(code, 1)
    return stdout + stderr
  }

  before(async () => {
    node = await stage.start('node', { words: ['--serf-rpc-addr', '127.0.0.1:0', '--tags', 'role=log,zone=north'] })
    port = (await node.ready()).serfRpcAddress as string
    const [host = '', gossipPort] = node.gossipAddress.split(':')
    theirs = await startSerfAgent('theirs', { tags: { role: 'web' }, join: { host, port: Number(gossipPort) } })
    await theirs.until('both alive', (list) => list.filter(({ status }) => status === 'alive').length === 2)
  })
  after(async () => {
    await theirs?.kill()
    await stage.end()
  })

  for (const words of [
    [],
    ['-detailed'],
    ['-format=json'],
    ['-status=alive', '-name=n.*'],
    ['-status=failed|left'],
    ['-tag', 'role=.*b'],
    ['-tag', 'zone=', '-format=json'],
    ['-name', 'nod', '-format=json'],
  ]) {
    test(`members ${words.join(' ')}: as the agent has it`, async () => {
      const ours = await serf('members', ...words)
      const expected = await theirs.run('members', ...words)
      if (!words.includes('-format=json')) return assert.deepEqual(sorted(ours), sorted(expected))
      const byName = (text: string) =>
        [...((JSON.parse(text) as Listed).members ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))
      assert.deepEqual(byName(ours), byName(expected))
    })
  }

  test('a pattern that is none is refused with a sentence', async () => {
    assert.match(await refused('members', '-name=('), /Failed to compile regex/)
  })

  test('info has the sections and the keys of the agent', async () => {
    const keys = (text: string) =>
      text
        .split('\n')
        .filter((line) => !/goroutines/.test(line))
        .map((line) => line.replace(/ = .*/, ' ='))
    const untagged = (text: string) => keys(text.slice(0, text.indexOf('tags:')))
    assert.deepEqual(untagged(await serf('info')), untagged(await theirs.run('info')))
    assert.match(await serf('info'), /members = 2/)
  })

  test('tags that are changed reach the others; those of the node itself are refused', async () => {
    await serf('tags', '-set', 'zone=south', '-set', 'rack=7', '-delete', 'role')
    await theirs.until('the new tags', (list) => {
      const tags = list.find(({ name }) => name === 'node')?.tags
      return tags?.zone === 'south' && tags.rack === '7' && tags.role === undefined && tags.epoch === node.epoch
    })
    assert.match(await refused('tags', '-delete', 'epoch'), /the node's own/)
    assert.match(await refused('tags', '-set', `x=${'y'.repeat(500)}`), /Encoded length of tags exceeds limit of 512/)
  })

  test('join contacts whom it is told to', async () => {
    assert.match(await serf('join', `${theirs.at.host}:${theirs.at.port}`), /contacting 1 nodes/)
    assert.match(await refused('join', '127.0.0.1:1'), /Error joining the cluster/)
  })

  test('monitor shows the log of before, and events as they come', async () => {
    const watching = runSerf(port, ['monitor', '-log-level=debug'], /"?member-update/)
    await until(
      'an update is seen',
      async () => {
        await theirs.run('tags', '-set', `now=${process.hrtime.bigint()}`)
        return await Promise.race([watching.then(() => true), theirs.members().then(() => false)])
      },
      (seen) => seen,
    )
    const { stdout } = await watching
    assert.match(stdout, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[INFO\] agent: ready/m)
    assert.match(stdout, /member-update/)
  })

  test('rtt is known once the members have probed each other', async () => {
    await until(
      'an estimate',
      () => runSerf(port, ['rtt', 'theirs']),
      ({ code, stdout }) => code === 0 && /Estimated theirs <-> node rtt: \d+\.\d+ ms/.test(stdout),
    )
    assert.match(await refused('rtt', 'nobody'), /Could not find a coordinate/)
  })

  test('event is told to the agent', async () => {
    assert.match(await serf('event', '-coalesce=false', 'deploy', 'now'), /dispatched/)
    await theirs.logged(/Received event: user-event: deploy/)
    assert.match(await refused('event', 'big', 'x'.repeat(600)), /exceeds configured limit of 512 bytes/)
  })

  test('query brings acks and answers of all, from those that filters match, in time', async () => {
    const clients = await Promise.all([port, theirs.rpcAddress].map(connectTo))
    const failures: unknown[] = []
    for (const [index, client] of clients.entries()) {
      const answer = ({ id }: { id: bigint }) => void client.respond(id, Buffer.from(`load ${index}`)).catch(failed)
      const failed = (error: unknown) => void failures.push(error)
      await client.stream('query:load', answer, () => undefined)
    }
    const lines = sorted(await serf('query', '-timeout=2s', 'load', 'now'))
    assert.deepEqual(lines, [
      "Ack from 'node'",
      "Ack from 'theirs'",
      "Query 'load' dispatched",
      "Response from 'node': load 0",
      "Response from 'theirs': load 1",
      'Total Acks: 2',
      'Total Responses: 2',
    ])
    const some = await serf('query', '-timeout=2s', '-no-ack', '-format=json', '-tag', 'role=we', 'load')
    assert.deepEqual(JSON.parse(some).Responses, { theirs: 'load 1' })
    const fromThem = await theirs.run('query', '-timeout=2s', '-node=node', 'load')
    assert.match(fromThem, /Response from 'node': load 0/)
    assert.match(await refused('query', '_serf_bad'), /Queries cannot contain the '_serf_' prefix/)
    assert.match(await refused('query', 'big', 'x'.repeat(1100)), /query exceeds limit of 1024 bytes/)
    for (const client of clients) client.close()
    assert.deepEqual(failures, [])
  })

  test('reachability finds everybody', async () => {
    assert.match(await serf('reachability'), /Successfully contacted all live nodes/)
  })

  test('force-leave makes a failed member one that left, and prune forgets it', async () => {
    const [host = '', gossipPort] = node.gossipAddress.split(':')
    const gone = await startSerfAgent('gone', { join: { host, port: Number(gossipPort) } })
    const status = () => runSerf(port, ['members', '-name=gone']).then(({ stdout }) => stdout.split(/\s+/)[2])
    await until('it is known', status, (seen) => seen === 'alive')
    await gone.kill()
    await until('it has failed', status, (seen) => seen === 'failed')
    await serf('force-leave', 'gone')
    assert.equal(await status(), 'left')
    await theirs.until('it has left', (list) => list.find(({ name }) => name === 'gone')?.status === 'left')
    await serf('force-leave', '-prune', 'gone')
    await until('it is forgotten', status, (seen) => seen === undefined)
    await serf('force-leave', 'nobody')
  })

  test('leave ends the node in peace', async () => {
    await serf('leave')
    assert.equal((await node.ended()).code, 0)
    await theirs.until('it has left', (list) => list.find(({ name }) => name === 'node')?.status === 'left')
  })
})

describe('keys over the port', { skip: withoutSerf() }, () => {
  const stage = new Stage()
  let theirs: SerfAgent | undefined
  after(async () => {
    await theirs?.kill()
    await stage.end()
  })

  test('are listed, installed, used and removed on all members, whoever asks', async () => {
    const [old, fresh] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string]
    const words = ['--serf-rpc-addr', '127.0.0.1:0', '--gossip-key', old]
    const node = await stage.start('node', { words })
    const port = (await node.ready()).serfRpcAddress as string
    const [host = '', gossipPort] = node.gossipAddress.split(':')
    theirs = await startSerfAgent('theirs', { encrypt: old, join: { host, port: Number(gossipPort) } })
    await theirs.until('both alive', (list) => list.filter(({ status }) => status === 'alive').length === 2)
    const keys = async (...given: string[]) => {
      const { code, stdout } = await runSerf(port, ['keys', ...given])
      assert.equal(code, 0, stdout)
      return stdout
    }
    assert.ok((await keys('-list')).includes(`${old}  [2/2]`))
    assert.match(await keys(`-install=${fresh}`), /Successfully installed key/)
    assert.match(await theirs.run('keys', `-use=${fresh}`), /Successfully changed primary key/)
    assert.match((await runSerf(port, ['keys', `-remove=${fresh}`])).stdout, /2\/2 nodes reported failure/)
    assert.match(await keys(`-remove=${old}`), /Successfully removed key/)
    assert.ok((await theirs.run('keys', '-list')).includes(`${fresh}  [2/2]`))
    assert.match((await runSerf(port, ['info'])).stdout, /encrypted = true/)
  })
})

describe('the key of the port', { skip: withoutSerf() }, () => {
  const stage = new Stage()
  after(() => stage.end())

  test('is asked for', async () => {
    const node = await stage.start('locked', {
      words: ['--serf-rpc-addr', '127.0.0.1:0', '--serf-rpc-auth', 'sesame'],
    })
    const port = (await node.ready()).serfRpcAddress as string
    const members = async (...words: string[]) => {
      const { stdout, stderr } = await runSerf(port, ['members', ...words])
      return stdout + stderr
    }
    assert.match(await members(), /Authentication required/)
    assert.match(await members('-rpc-auth=wrong'), /Invalid authentication token/)
    assert.match(await members('-rpc-auth=sesame'), /^locked /)
    assert.ok(!node.story().includes('sesame'))
  })
})
