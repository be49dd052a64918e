import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { reeve } from './capture.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-cert-'))
const dir = join(folder, 'certs')
const file = (name: string) => readFileSync(join(dir, name), 'utf8')

before(async () => {
  assert.equal((await reeve('cert', 'ca', '--dir', dir)).code, 0)
  assert.equal(
    (await reeve('cert', 'server', '--dir', dir, '--name', 'node-1', '--host', 'n1.example', '--host', '::1')).code,
    0,
  )
  assert.equal((await reeve('cert', 'peer', '--dir', dir, '--name', 'node-2', '--cluster', 'prod')).code, 0)
  assert.equal((await reeve('cert', 'client', '--dir', dir, '--name', 'alice')).code, 0)
})
after(() => rmSync(folder, { recursive: true }))

/** A handshake in which each side believes only the authority; resolves with both sides' view of the other. */
async function handshake(server: string, client: string | undefined, serverName: string) {
  const listener = createServer({
    cert: file(`${server}.pem`),
    key: file(`${server}-key.pem`),
    ca: file('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>
  const refused = once(listener, 'tlsClientError').then(([error]) => Promise.reject(error))
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as { port: number }).port,
    ca: file('ca.pem'),
    servername: serverName,
    ...(client && { cert: file(`${client}.pem`), key: file(`${client}-key.pem`) }),
  })
  socket.on('error', () => undefined)
  try {
    const broken = once(socket, 'close').then(() => Promise.reject(new Error('closed')))
    const [inside] = await Promise.race([accepted, refused, broken])
    return { client: inside.getPeerX509Certificate()?.subjectAltName, authorized: inside.authorized }
  } finally {
    socket.destroy()
    listener.close()
  }
}

test('server, peer and client certificates work in a mutual TLS handshake', async () => {
  assert.deepEqual(await handshake('node-1-server', 'node-2-peer', 'node-1'), {
    client: 'DNS:node-2, DNS:localhost, IP Address:127.0.0.1, URI:spiffe://prod/node/node-2',
    authorized: true,
  })
  const alice = await handshake('node-1-server', 'alice-client', 'n1.example')
  assert.equal(alice.client, 'URI:spiffe://reeve/client/alice')
})

test('a server certificate serves a node as that of a peer too', async () => {
  assert.equal((await handshake('node-1-server', 'node-1-server', 'localhost')).authorized, true)
})

test('the wrong name, no certificate, and a client posing as a server are refused', async () => {
  await assert.rejects(handshake('node-1-server', 'alice-client', 'other.example'))
  await assert.rejects(handshake('node-1-server', undefined, 'node-1'))
  await assert.rejects(handshake('alice-client', 'node-2-peer', 'alice'))
})

test('certificates say how long, of whom and for whom', () => {
  const authority = new X509Certificate(file('ca.pem'))
  const server = new X509Certificate(file('node-1-server.pem'))
  assert.equal(authority.ca, true)
  assert.equal(server.ca, false)
  assert.equal(server.checkIssued(authority), true)
  assert.equal(server.verify(authority.publicKey), true)
  assert.match(
    server.subjectAltName!,
    /DNS:n1\.example, .*IP Address:0:0:0:0:0:0:0:1, URI:spiffe:\/\/reeve\/node\/node-1/,
  )
  const days = (certificate: X509Certificate) => (Date.parse(certificate.validTo) - Date.now()) / 86_400_000
  assert.ok(days(server) > 364 && days(server) < 366)
  assert.ok(days(authority) > 3649 && days(authority) < 3651)
})

test('keys are for their owner only', () => {
  for (const name of ['ca', 'node-1-server', 'node-2-peer', 'alice-client']) {
    assert.equal(statSync(join(dir, `${name}-key.pem`)).mode & 0o777, 0o600)
  }
})

test('nothing is overwritten unless asked for', async () => {
  const old = file('ca.pem')
  const refused = await reeve('cert', 'ca', '--dir', dir)
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /^reeve: .*ca\.pem and .*ca-key\.pem exist; --force replaces\n$/)
  assert.equal(file('ca.pem'), old)
  const other = await reeve('cert', 'client', '--dir', dir, '--name', 'alice', '--force')
  assert.equal(other.code, 0)
})

test('names that are none, and a missing authority, are one clear line', async () => {
  const cases: [string[], RegExp][] = [
    [['client', '--name', '../x'], /node name/],
    [['server', '--name', 'a', '--cluster', 'Prod'], /lower-case/],
    [['server', '--name', 'a', '--host', 'a b'], /host name or an IP/],
    [['peer', '--name', 'a', '--dir', join(folder, 'none')], /first run `reeve cert ca`/],
  ]
  for (const [words, expected] of cases) {
    const { code, stderr } = await reeve('cert', ...words)
    assert.equal(code, 2)
    assert.match(stderr, expected)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
  }
})
