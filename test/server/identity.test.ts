import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallerCertificate } from '../../src/env/env.ts'
import { identify } from '../../src/server/identity.ts'

const remote = { host: '127.0.0.1', port: 1 }
const of = (certificate: Partial<CallerCertificate>) =>
  identify({ remote, certificate: { uris: [], dnsNames: [], ...certificate } })
const subjectOf = (certificate: Partial<CallerCertificate>) => {
  const identity = of(certificate)
  return identity.ok ? identity.subject : undefined
}

test('without a certificate a caller is anonymous', () => {
  assert.deepEqual(identify({ remote }), { ok: true, subject: 'anonymous' })
})

test('the SPIFFE URI comes before the DNS name, the DNS name before the common name', () => {
  const all = { uris: ['spiffe://prod/billing'], dnsNames: ['billing.internal'], commonName: 'Billing' }
  assert.equal(subjectOf(all), 'spiffe://prod/billing')
  assert.equal(subjectOf({ ...all, uris: ['https://example.org'] }), 'billing.internal')
  assert.equal(subjectOf({ ...all, uris: [], dnsNames: [] }), 'Billing')
})

test('of several of one kind the first counts', () => {
  assert.equal(subjectOf({ uris: ['urn:x', 'spiffe://prod/a', 'spiffe://prod/b'] }), 'spiffe://prod/a')
  assert.equal(subjectOf({ dnsNames: ['a.example', 'b.example'] }), 'a.example')
})

test('DNS names have one spelling', () => {
  assert.equal(subjectOf({ dnsNames: ['Billing.Internal'] }), 'billing.internal')
})

test('an improper name is refused and never replaced by a weaker one', () => {
  const weaker = { dnsNames: ['billing.internal'], commonName: 'Billing' }
  for (const uri of [
    'spiffe://',
    'spiffe:///path',
    'SPIFFE://prod/a',
    'spiffe://Prod/a',
    'spiffe://prod/',
    'spiffe://prod//a',
    'spiffe://prod/../a',
    'spiffe://prod/a?b',
    'spiffe://prod/a\n',
    `spiffe://prod/${'a'.repeat(2048)}`,
  ]) {
    assert.equal(of({ ...weaker, uris: [uri] }).ok, false, uri)
  }
  for (const name of ['', '*.example', 'a b', 'a..b', '-a', `${'a'.repeat(64)}.example`, 'a\0b', 'anonymous', '.']) {
    assert.equal(of({ dnsNames: [name], commonName: 'Billing' }).ok, false, name)
  }
  for (const commonName of ['', ' a', 'a\u0000', 'a\u2028b', 'a'.repeat(65), 'Anonymous', 'spiffe://prod/a']) {
    assert.equal(of({ commonName }).ok, false, commonName)
  }
})

test('a certificate without any name is refused, not anonymous', () => {
  assert.equal(of({}).ok, false)
  assert.equal(of({ uris: ['https://example.org'] }).ok, false)
})
