import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { callerCertificate } from '../../../src/env/rpc/caller-certificate.ts'
import { createAuthority, type IssueOptions } from '../../certificates.ts'

const authority = await createAuthority()

async function read(options: IssueOptions) {
  const { cert } = await authority.issue(options)
  return callerCertificate(new X509Certificate(cert))
}

test('URIs, DNS names and the common name are read; IP addresses are no names', async () => {
  const names = {
    name: 'alice',
    dns: ['a.example', 'b.example'],
    ips: ['127.0.0.1'],
    uris: ['spiffe://example/node/a', 'spiffe://example/node/b?x=1'],
  }
  assert.deepEqual(await read(names), {
    uris: names.uris,
    dnsNames: names.dns,
    commonName: 'alice',
  })
})

test('a certificate without alternative names or without a common name has just the other', async () => {
  assert.deepEqual(await read({ name: 'alice' }), { uris: [], dnsNames: [], commonName: 'alice' })
  assert.deepEqual(await read({ dns: ['a.example'] }), { uris: [], dnsNames: ['a.example'] })
})

test('a name cannot smuggle in another one by commas, quotes or escapes', async () => {
  const hostile = [
    'a.example, URI:spiffe://example/admin',
    'a.example", URI:spiffe://example/admin',
    'a.example\\", URI:"spiffe://example/admin',
    '"a.example", URI:spiffe://example/admin',
  ]
  for (const name of hostile) {
    const certificate = await read({ dns: [name] })
    assert.deepEqual(certificate, { uris: [], dnsNames: [name] })
    assert.deepEqual(await read({ uris: [name] }), { uris: [name], dnsNames: [] })
  }
})

test('a common name is one name, whatever it contains', async () => {
  for (const name of ['alice, CN=admin', 'alice + CN=admin', 'alice\nCN=admin', 'alice/CN=admin', 'Zoë']) {
    assert.equal((await read({ name }))?.commonName, name)
  }
})
