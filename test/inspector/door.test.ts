import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ReeveNode } from '../../src/node.ts'
import { address, enter, get, linkPath, openStage } from './watching.ts'

const stage = openStage()
let node: ReeveNode

before(async () => {
  node = await stage.start('a')
})
after(() => stage.close())

describe('the door to the page', () => {
  it('opens with a link that works once, and leaves no token in the address', async () => {
    const path = linkPath(node)
    const entered = await get(node, path)
    assert.equal(entered.status, 303)
    assert.equal(entered.headers.location, '/inspector/')
    const [cookie = ''] = entered.headers['set-cookie'] ?? []
    assert.match(cookie, /^reeve-inspector-\d+=[\w-]{32}; Path=\/inspector; HttpOnly; SameSite=Strict; Max-Age=\d+$/)
    const headers = { cookie: cookie.split(';', 1)[0] as string }
    assert.match((await get(node, '/inspector/', headers)).text, /doctype html/)
    assert.equal((await get(node, '/inspector/snapshot', headers)).status, 200)
    const again = await get(node, path)
    assert.equal(again.status, 401)
    assert.equal(again.headers['set-cookie'], undefined)
    // Whoever has a session already is let in by an old link.
    assert.equal((await get(node, path, headers)).status, 303)
  })

  it('is closed without a session, and to a guessed or foreign one', async () => {
    const [, port] = address(node)
    for (const cookie of ['', `reeve-inspector-${port}=`, `reeve-inspector-${port}=${'x'.repeat(32)}`, 'a=b; ; =']) {
      for (const path of ['/inspector/', '/inspector/events', '/inspector/snapshot', '/inspector/trace']) {
        assert.equal((await get(node, path, { cookie })).status, 401, `${path} ${cookie}`)
      }
    }
    assert.equal((await get(node, '/inspector/?token=')).status, 401)
    assert.equal((await get(node, `/inspector/?token=${'x'.repeat(32)}`)).status, 401)
    const other = await stage.start('other')
    const { cookie = '' } = await enter(other)
    const renamed = cookie.replace(/^reeve-inspector-\d+/, `reeve-inspector-${port}`)
    assert.equal((await get(node, '/inspector/snapshot', { cookie: renamed })).status, 401)
  })

  it('refuses pages of other origins, whatever they carry', async () => {
    const { cookie = '' } = await enter(node)
    const [host, port] = address(node)
    const hostile = [
      { origin: 'http://evil.example' },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `https://${host}:${port}` },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    ]
    for (const headers of hostile) {
      for (const path of [
        '/inspector/snapshot',
        '/inspector/trace',
        '/inspector/page-0123ABCD.js',
        '/inspector/events',
      ]) {
        const reply = await get(node, path, { cookie, ...headers })
        assert.equal(reply.status, 403, JSON.stringify(headers))
        assert.equal(reply.headers['access-control-allow-origin'], undefined)
      }
    }
    const own = { cookie, origin: `http://${host}:${port}`, 'sec-fetch-site': 'same-origin' }
    assert.equal((await get(node, '/inspector/snapshot', own)).status, 200)
    // A link on another page may lead here: the landing shows nothing to that page.
    const linked = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    assert.equal((await get(node, linkPath(node), linked)).status, 303)
  })

  it('refuses host names that may have been rebound to this machine', async () => {
    const { cookie = '' } = await enter(node)
    const [, port] = address(node)
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
      assert.equal((await get(node, '/inspector/snapshot', { cookie, host })).status, 421, host)
      const origin = `http://${host}`
      assert.equal((await get(node, '/inspector/', { cookie, host, origin })).status, 421, host)
    }
    assert.equal((await get(node, '/inspector/snapshot', { cookie, host: `localhost:${port}` })).status, 200)
  })

  it('only shows: nothing can be sent to it', async () => {
    const headers = await enter(node)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const reply = await get(node, '/inspector/snapshot', headers, method)
      assert.equal(reply.status, 405)
      assert.equal(reply.headers.allow, 'GET, HEAD')
    }
  })

  it('serves the page so that nothing foreign or inline runs in it', async () => {
    const headers = await enter(node)
    const index = await get(node, '/inspector/', headers)
    assert.equal(index.headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(index.headers['cache-control'], 'no-cache')
    const policy = index.headers['content-security-policy'] as string
    assert.match(policy, /default-src 'none'; script-src 'self';/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.equal(index.headers['x-content-type-options'], 'nosniff')
    const script = await get(node, '/inspector/page-0123ABCD.js')
    assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8')
    assert.match(script.headers['cache-control'] as string, /immutable/)
    const style = await get(node, '/inspector/style.css')
    const etag = style.headers.etag as string
    assert.equal((await get(node, '/inspector/style.css', { 'if-none-match': etag })).status, 304)
    assert.equal((await get(node, '/inspector')).headers.location, '/inspector/')
    for (const path of [
      '/inspector/nothing.js',
      '/inspector/../package.json',
      '/inspector/%2e%2e/x',
      '/inspector/a/b',
    ]) {
      assert.equal((await get(node, path, headers)).status, 404, path)
    }
    assert.notEqual((await get(node, '/inspectors')).status, 200)
  })

  it('is not there when the inspector is off', async () => {
    const blind = await stage.start('blind', { inspect: false })
    assert.equal(blind.inspectorLink(), undefined)
    assert.equal((await get(blind, '/inspector/')).status, 404)
  })
})
