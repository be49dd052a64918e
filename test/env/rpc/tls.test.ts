import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { RpcDialOptions, ServerCall, TlsMaterial } from '../../../src/env/env.ts'
import type { ReeveError } from '../../../src/errors.ts'
import { createAuthority } from '../../certificates.ts'
import { bytesOf, echo, openRaw, overBoth, rpc, type Served, serve, signal } from './fixture.ts'

const authority = await createAuthority()
const stranger = await createAuthority('Another CA')
const serverSide = await authority.issue({ name: 'server', dns: ['node.example'], ips: ['127.0.0.1'] })
const clientSide = await authority.issue({ name: 'alice', dns: ['alice.example'], uris: ['spiffe://example/alice'] })

async function ask(
  t: TestContext,
  { port }: Served,
  tls: TlsMaterial | undefined,
  options: Partial<RpcDialOptions> = {},
): Promise<ReeveError | undefined> {
  const channel = rpc.dial({ to: { host: '127.0.0.1', port }, ...(tls === undefined ? {} : { tls }), ...options })
  t.after(() => channel.close())
  const closed = signal<ReeveError | undefined>()
  const call = channel.call('/reeve.v1.LogService/Produce', {}, { message() {}, closed: closed.resolve })
  call.send(bytesOf('x'))
  call.end()
  return closed.promise
}

const plainTls = { cert: serverSide.cert, key: serverSide.key }

overBoth('TLS without a CA proves the server; the caller stays anonymous', async (t, lean) => {
  const callers: ServerCall['caller'][] = []
  const served = await serve(
    t,
    {
      produce: (call) => {
        callers.push(call.caller)
        return echo(call)
      },
    },
    { tls: plainTls },
  )
  assert.equal(await ask(t, served, { ca: authority.cert }, lean), undefined)
  assert.equal(await ask(t, served, clientSide, lean), undefined)
  assert.deepEqual(
    callers.map(({ certificate }) => certificate),
    [undefined, undefined],
  )
})

overBoth('the server must carry the name that is asked for', async (t, lean) => {
  const served = await serve(t, { produce: echo }, { tls: plainTls })
  const tls = { ca: authority.cert }
  assert.equal(await ask(t, served, tls, { ...lean, serverName: 'node.example' }), undefined)
  assert.equal((await ask(t, served, tls, { ...lean, serverName: 'other.example' }))?.code, 'UNAVAILABLE')
  assert.equal((await ask(t, served, { ca: stranger.cert }, lean))?.code, 'UNAVAILABLE')
  assert.equal((await ask(t, served, undefined, lean))?.code, 'UNAVAILABLE')
})

overBoth('mutual TLS names the caller in both lanes', async (t, lean) => {
  const callers: ServerCall['caller'][] = []
  const remember = (call: ServerCall) => {
    callers.push(call.caller)
    return echo(call)
  }
  const served = await serve(
    t,
    { produce: remember, getServers: remember },
    { tls: { ...plainTls, ca: authority.cert } },
  )
  assert.equal(await ask(t, served, clientSide, lean), undefined)
  const session = connectHttp2(`https://127.0.0.1:${served.port}`, {
    ca: Buffer.from(clientSide.ca),
    cert: Buffer.from(clientSide.cert),
    key: Buffer.from(clientSide.key),
  })
  t.after(() => session.destroy())
  const { stream, answer } = openRaw(session, 'GetServers')
  stream.end(new Uint8Array(5))
  assert.equal((await answer).status, '0')
  const expected = { uris: ['spiffe://example/alice'], dnsNames: ['alice.example'], commonName: 'alice' }
  assert.deepEqual(
    callers.map(({ certificate }) => certificate),
    [expected, expected],
  )
  assert.equal(callers[0]?.remote.host, '127.0.0.1')
})

overBoth('without a certificate of the CA there is no call, and the rejection is reported', async (t, lean) => {
  const served = await serve(t, { produce: echo }, { tls: { ...plainTls, ca: authority.cert } })
  const foreign = await stranger.issue({ name: 'alice' })
  const expired = await authority.issue({ name: 'alice', expired: true })
  for (const tls of [
    { ca: authority.cert },
    { ca: authority.cert, cert: foreign.cert, key: foreign.key },
    { ca: authority.cert, cert: expired.cert, key: expired.key },
  ]) {
    const before = served.events.length
    assert.notEqual(await ask(t, served, tls, lean), undefined)
    assert.equal(served.events[before]?.kind, 'tlsRejected')
    assert.match(served.events[before]?.message ?? '', /./)
  }
  const plain = connectHttp2(`http://127.0.0.1:${served.port}`)
  plain.on('error', () => {})
  await once(plain, 'close')
  assert.equal(served.events.at(-1)?.kind, 'tlsRejected')
  assert.equal(await ask(t, served, clientSide, lean), undefined)
})

overBoth('replaced material counts for new connections, those that exist stay', async (t, lean) => {
  const served = await serve(t, { produce: echo, produceStream: echo }, { tls: { ...plainTls, ca: authority.cert } })
  const channel = rpc.dial({ ...lean, to: served.server.address, tls: clientSide })
  t.after(() => channel.close())
  const answers: string[] = []
  let next = signal()
  const call = channel.call(
    '/reeve.v1.LogService/ProduceStream',
    {},
    {
      message: (bytes) => {
        answers.push(Buffer.from(bytes).toString())
        next.resolve()
      },
      closed() {},
    },
  )
  call.send(bytesOf('before'))
  await next.promise

  const replacement = await stranger.issue({ name: 'server', ips: ['127.0.0.1'] })
  served.server.replaceTls({ cert: replacement.cert, key: replacement.key, ca: stranger.cert })
  next = signal()
  call.send(bytesOf('after'))
  await next.promise
  assert.deepEqual(answers, ['before', 'after'])
  assert.notEqual(await ask(t, served, clientSide, lean), undefined)
  assert.equal(await ask(t, served, await stranger.issue({ name: 'bob' }), lean), undefined)
})

overBoth(
  'unusable material is TLS_INVALID at the start, at a replacement and at a dial; the old stays',
  async (t, lean) => {
    const served = await serve(t, { produce: echo }, { tls: { ...plainTls, ca: authority.cert } })
    const other = await authority.issue({ name: 'other' })
    const { cert, key } = plainTls
    const ca = authority.cert
    const unusable: [string, TlsMaterial][] = [
      ['key of another certificate', { ca, cert, key: other.key }],
      ['no key', { ca, cert }],
      ['no certificate', { ca, key }],
      ['empty certificate', { ca, cert: new Uint8Array(0), key }],
      ['half-written certificate', { ca, cert: cert.subarray(0, cert.length / 2), key }],
      ['half-written key', { ca, cert, key: key.subarray(0, key.length / 2) }],
      ['damaged certificate', { ca, cert: Buffer.from(Buffer.from(cert).toString().replace('MII', 'AAA')), key }],
      ['empty CA', { ca: new Uint8Array(0), cert, key }],
      ['half-written CA bundle', { ca: Buffer.concat([ca, Buffer.from('\n'), ca.subarray(0, 100)]), cert, key }],
      ['CA that is no PEM', { ca: bytesOf('hello'), cert, key }],
    ]
    for (const [what, tls] of unusable) {
      const invalid = { code: 'TLS_INVALID' }
      assert.throws(() => served.server.replaceTls(tls), invalid, what)
      assert.throws(() => rpc.dial({ ...lean, to: served.server.address, tls }), invalid, what)
      await assert.rejects(
        rpc.serve({ at: { host: '127.0.0.1', port: 0 }, tls, routes: [], maxMessageBytes: 1000 }),
        invalid,
        what,
      )
    }
    assert.equal(await ask(t, served, clientSide, lean), undefined)
  },
)

test('a replacement can neither turn mutual TLS on or off nor bring TLS to a plain server', async (t) => {
  const mutual = await serve(t, {}, { tls: { ...plainTls, ca: authority.cert } })
  const oneSided = await serve(t, {}, { tls: plainTls })
  const plain = await serve(t, {})
  const invalid = { code: 'TLS_INVALID' }
  assert.throws(() => mutual.server.replaceTls(plainTls), invalid)
  assert.throws(() => oneSided.server.replaceTls({ ...plainTls, ca: authority.cert }), invalid)
  assert.throws(() => plain.server.replaceTls(plainTls), invalid)
})

test('a TLS client that speaks no HTTP/2 is turned away', async (t) => {
  const served = await serve(t, { produce: echo }, { tls: plainTls })
  const socket = connectTls({ port: served.port, host: '127.0.0.1', ca: Buffer.from(authority.cert) })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket.resume(), 'close')
  assert.equal(await ask(t, served, { ca: authority.cert }), undefined)
})
