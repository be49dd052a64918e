import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Door } from '../../src/inspector/door.ts'
import { Agent, runReeve } from '../agent/agent.ts'

describe('the link to the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-inspector-link-'))
  const agents: Agent[] = []
  const start = async (name: string, ...words: string[]) => {
    const flags = ['--bind-addr', '127.0.0.1:0', '--rpc-port', '0', ...words]
    const agent = new Agent({ name, dataDir: join(folder, name), words: flags })
    agents.push(agent)
    await agent.ready()
    return agent
  }
  after(async () => {
    await Promise.all(agents.map((agent) => agent.kill()))
    rmSync(folder, { recursive: true, force: true })
  })
  const opens = async (link: string) => {
    const reply = await fetch(link, { redirect: 'manual' })
    await reply.arrayBuffer()
    return reply.status === 303 && reply.headers.has('set-cookie')
  }

  it('is printed by a node that has an HTTP port, and given again to whoever asks it', async () => {
    const agent = await start('a', '--http-port', '0')
    const { inspector } = await agent.logged('open this link, once, to watch what happens')
    assert.equal(await opens(inspector as string), true)
    assert.equal(await opens(inspector as string), false)
    const asked = await runReeve('inspect', '--addr', agent.rpcAddress)
    assert.equal(asked.code, 0, asked.stderr)
    assert.equal(await opens(asked.stdout.trim()), true)
  })

  it('is not there where there is no page, and whoever asks is told why', async () => {
    for (const [name, ...words] of [['b'], ['c', '--http-port', '0', '--inspect', 'false']] as const) {
      const agent = await start(name, ...words)
      assert.ok(!agent.lines.some((line) => 'inspector' in line))
      const asked = await runReeve('inspect', '--addr', agent.rpcAddress)
      assert.notEqual(asked.code, 0)
      assert.match(asked.stderr, /serves no page: it needs --http-port/)
    }
  })
})

describe('a session', () => {
  function door() {
    let nowMs = 0
    let count = 0
    const random = { bytes: (size: number) => new Uint8Array(size).fill(++count) }
    const opened = new Door({ clock: { monotonicMs: () => nowMs }, random })
    const headers = (cookie: string) =>
      new Map([
        ['host', 'localhost:5'],
        ['cookie', cookie],
      ])
    const request = (cookie = '') => {
      return { method: 'GET', path: '', query: new Map(), headers: headers(cookie), remote: { host: '', port: 0 } }
    }
    const enter = () => {
      const session = opened.enter(opened.invite())
      return session && opened.cookie(request(), session).split(';')[0]
    }
    return {
      door: opened,
      enter,
      holds: (cookie: string | undefined) => cookie !== undefined && opened.hasSession(request(cookie)),
      pass: (hours: number) => {
        nowMs += hours * 3_600_000
      },
    }
  }

  it('ends when it was not used for half a day', () => {
    const { enter, holds, pass } = door()
    const cookie = enter()
    for (let times = 0; times < 4; times++) {
      pass(11)
      assert.equal(holds(cookie), true)
    }
    pass(13)
    assert.equal(holds(cookie), false)
    pass(-13)
    assert.equal(holds(cookie), false)
  })

  it('is one of so many: the one that was used longest ago goes, and so does the oldest link', () => {
    const { door: opened, enter, holds } = door()
    const first = enter()
    const second = enter()
    for (let more = 0; more < 62; more++) enter()
    assert.equal(holds(first), true)
    enter()
    assert.deepEqual([holds(first), holds(second)], [true, false])
    const links = Array.from({ length: 17 }, () => opened.invite())
    assert.equal(opened.enter(links[0] as string), undefined)
    assert.notEqual(opened.enter(links[1] as string), undefined)
  })
})
