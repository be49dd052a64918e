import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { defaultModelText } from '../../src/server/acl-model.ts'
import { createAuthorizer, wholeCluster } from '../../src/server/authorizer.ts'
import { openDoor } from '../../src/server/open-door.ts'

const policyText = `# who may do what
p, alice, orders.*, produce
p, alice, orders.*, consume
p, readers, *, consume
p, readers, secrets, consume, deny
p, node-1, *, replicate
p, spiffe://prod/ops, *, admin
g, bob, readers
`

async function refused(text: { modelText?: string; policyText?: string }, line?: number): Promise<void> {
  await assert.rejects(createAuthorizer({ policyText, ...text }), (error) => {
    assert.ok(error instanceof ReeveError, String(error))
    assert.equal(error.code, 'ACL_INVALID')
    if (line !== undefined) assert.equal(error.facts.line, String(line), error.message)
    return true
  })
}

const without = (pattern: string | RegExp, by = '') => defaultModelText.replace(pattern, by)

test('lines allow what they say and nothing else is allowed', async () => {
  const acl = await createAuthorizer({ policyText })
  assert.equal(acl.authorize('alice', 'orders.eu', 'produce'), true)
  assert.equal(acl.authorize('alice', 'orders.', 'consume'), true)
  assert.equal(acl.authorize('alice', 'orders', 'produce'), false)
  assert.equal(acl.authorize('alice', 'payments', 'produce'), false)
  assert.equal(acl.authorize('alice', 'orders.eu', 'admin'), false)
  assert.equal(acl.authorize('mallory', 'orders.eu', 'produce'), false)
  assert.equal(acl.authorize('', '', 'produce'), false)
  assert.equal(acl.authorize('anonymous', 'orders.eu', 'consume'), false)
})

test('a topic without a wildcard means itself only', async () => {
  const acl = await createAuthorizer({ policyText: 'p, dave, orders, produce\n' })
  assert.equal(acl.authorize('dave', 'orders', 'produce'), true)
  assert.equal(acl.authorize('dave', 'orders.eu', 'produce'), false)
  assert.equal(acl.authorize('dave', 'order', 'produce'), false)
})

test('a caller with the name of a role has no part in it, and may do nothing at all', async () => {
  const acl = await createAuthorizer({ policyText })
  assert.equal(acl.authorize('bob', 'orders.eu', 'consume'), true)
  assert.equal(acl.authorize('readers', 'orders.eu', 'consume'), false)
  assert.equal(acl.knows('bob'), true)
  assert.equal(acl.knows('readers'), false)
})

test('roles pass on what they may, and a deny outweighs every allow', async () => {
  const acl = await createAuthorizer({ policyText })
  assert.equal(acl.authorize('bob', 'anything', 'consume'), true)
  assert.equal(acl.authorize('bob', 'secrets', 'consume'), false)
  assert.equal(acl.authorize('bob', 'anything', 'produce'), false)
})

test('the whole cluster is covered by * only, never by the wildcard of some topics', async () => {
  const acl = await createAuthorizer({ policyText: `${policyText}p, carol, o*, admin\n` })
  assert.equal(acl.authorize('node-1', wholeCluster, 'replicate'), true)
  assert.equal(acl.authorize('spiffe://prod/ops', wholeCluster, 'admin'), true)
  assert.equal(acl.authorize('carol', wholeCluster, 'admin'), false)
  assert.equal(acl.authorize('carol', 'orders', 'admin'), true)
})

test('it knows whom the policy names', async () => {
  const acl = await createAuthorizer({ policyText })
  assert.deepEqual(
    ['alice', 'bob', 'anonymous', '__proto__'].map((name) => acl.knows(name)),
    [true, true, false, false],
  )
})

test('remembered decisions do not outlive their policy, and stay right beyond what is remembered', async () => {
  const acl = await createAuthorizer({ policyText })
  for (let n = 0; n < 5000; n++) assert.equal(acl.authorize('alice', `orders.${n}`, 'produce'), true)
  for (let n = 0; n < 5000; n += 100) assert.equal(acl.authorize('alice', `orders.${n}`, 'produce'), true)
  await acl.replace('p, alice, payments, produce\n')
  assert.equal(acl.authorize('alice', 'orders.1', 'produce'), false)
  assert.equal(acl.authorize('alice', 'payments', 'produce'), true)
})

test('a policy that is wrong keeps the last good one', async () => {
  const acl = await createAuthorizer({ policyText })
  for (const bad of ['', 'p, alice, *, produce', 'p, alice\n', 'garbage\n']) {
    await assert.rejects(acl.replace(bad), { code: 'ACL_INVALID' })
    assert.equal(acl.authorize('alice', 'orders.eu', 'produce'), true)
    assert.equal(acl.authorize('alice', 'payments', 'produce'), false)
  }
})

test('fields may be quoted', async () => {
  const acl = await createAuthorizer({ policyText: 'p, "Smith, John ""JJ""", orders, produce\n' })
  assert.equal(acl.authorize('Smith, John "JJ"', 'orders', 'produce'), true)
})

test('Windows line ends and a byte order mark are no reason to refuse', async () => {
  const acl = await createAuthorizer({ policyText: '\uFEFFp, alice, orders, produce\r\n' })
  assert.equal(acl.authorize('alice', 'orders', 'produce'), true)
})

test('a policy that says nothing is refused', async () => {
  await refused({ policyText: '' })
  await refused({ policyText: '\n\n# only a comment\n' })
  await refused({ policyText: 'g, alice, readers\n' })
})

test('a policy line that is wrong is named by its number', async () => {
  const good = 'p, alice, orders, produce\n'
  await refused({ policyText: `${good}\n# comment\np, alice, orders\n` }, 4)
  await refused({ policyText: `${good}p, alice, orders, produce, allow, more\n` }, 2)
  await refused({ policyText: `${good}p, alice, orders, write\n` }, 2)
  await refused({ policyText: `${good}p, alice, orders, produce, alow\n` }, 2)
  await refused({ policyText: `${good}p, , orders, produce\n` }, 2)
  await refused({ policyText: `${good}p, alice, , produce\n` }, 2)
  await refused({ policyText: `${good}p, alice, or*ers, produce\n` }, 2)
  await refused({ policyText: `${good}p2, alice, orders, produce\n` }, 2)
  await refused({ policyText: `${good}alice, orders, produce\n` }, 2)
  await refused({ policyText: `${good}g, alice\n` }, 2)
  await refused({ policyText: `${good}g, alice, a, b\n` }, 2)
  await refused({ policyText: `${good}g, alice, \n` }, 2)
  await refused({ policyText: `${good}p, "alice, orders, produce\n` }, 2)
  await refused({ policyText: `${good}p, al\0ice, orders, produce\n` }, 2)
  await refused({ policyText: `${good}${'\0'.repeat(100)}` }, 2)
})

test('a half-written last line is refused wherever it was cut', async () => {
  const last = policyText.trimEnd().lastIndexOf('\n') + 1
  for (let cut = last + 1; cut < policyText.length; cut++) {
    await refused({ policyText: policyText.slice(0, cut) }, policyText.split('\n').length - 1)
  }
})

test('a model that is wrong is refused, with the line where there is one', async () => {
  await refused({ modelText: '' })
  await refused({ modelText: defaultModelText.trimEnd() }, 14)
  await refused({ modelText: without(/\[request_definition\]\nr = .*\n/) })
  await refused({ modelText: without(/\[policy_definition\]\np = .*\n/) })
  await refused({ modelText: without(/\[policy_effect\]\ne = .*\n/) })
  await refused({ modelText: without(/\[matchers\]\nm = .*\n/) })
  await refused({ modelText: without('sub, obj, act\n', 'sub, act\n') }, 2)
  await refused({ modelText: without('sub, obj, act, eft', 'sub, obj, act, dom') }, 5)
  await refused({ modelText: without('g = _, _', 'g = _') }, 8)
  await refused({ modelText: `${defaultModelText}[extra]\nx = 1\n` }, 15)
  await refused({ modelText: `${defaultModelText}m2 = r.sub == p.sub\n` }, 15)
  await refused({ modelText: `${defaultModelText}nonsense\n` }, 15)
  await refused({ modelText: `x = 1\n${defaultModelText}` }, 1)
  await refused({ modelText: `${defaultModelText}[matchers]\nm = r.sub == p.sub\n` }, 15)
})

test('a matcher that cannot be evaluated is refused', async () => {
  const matcher = (text: string) => without(/m = .*/, `m = ${text}`)
  await refused({ modelText: matcher('r.sub == p.sub &&') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub && noSuchFunction(r.obj, p.obj) && r.act == p.act') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub & r.obj == p.obj') }, 14)
  await refused({ modelText: matcher('eval(p.sub)') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub && r.obj == p.obj && r.act == p.act && r.nothing.more') }, 14)
})

test('a model that would allow by default is refused', async () => {
  const effect = (text: string) => without(/e = .*/, `e = ${text}`)
  await refused({ modelText: effect('!some(where (p.eft == deny))') }, 11)
  await refused({ modelText: effect('true') }, 11)
  const matcher = (text: string) => without(/m = .*/, `m = ${text}`)
  await refused({ modelText: matcher('true') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub || true') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub && r.act == p.act') }, 14)
  await refused({ modelText: matcher('r.obj == p.obj && r.act == p.act') }, 14)
  await refused({ modelText: matcher('r.sub == p.sub && r.obj == p.obj') }, 14)
})

test('an own model decides: without roles, with priorities', async () => {
  const modelText = `[request_definition]
r = sub, obj, act
[policy_definition]
p = priority, sub, obj, act, eft
[policy_effect]
e = priority(p.eft) || deny
[matchers]
m = keyMatch(r.sub, p.sub) && \\
    topicMatch(r.obj, p.obj) && r.act == p.act
`
  const acl = await createAuthorizer({
    modelText,
    policyText: 'p, 10, spiffe://prod/*, *, consume, allow\np, 1, spiffe://prod/guest, *, consume, deny\n',
  })
  assert.equal(acl.authorize('spiffe://prod/a', 'orders', 'consume'), true)
  assert.equal(acl.authorize('spiffe://prod/guest', 'orders', 'consume'), false)
  assert.equal(acl.authorize('spiffe://test/a', 'orders', 'consume'), false)
})

test('a policy line that the matcher chokes on is named by its number', async () => {
  const modelText = without('topicMatch(r.obj, p.obj)', 'regexMatch(r.obj, p.obj)')
  await refused({ modelText, policyText: 'p, alice, orders, produce\np, alice, (, produce\n' }, 2)
})

test('a policy without end is refused', async () => {
  await refused({ policyText: 'p, alice, orders, produce\n'.repeat(2001) }, 2001)
  await refused({ policyText: `${' '.repeat(1024 * 1024)}p, alice, orders, produce\n` })
})

test('without an ACL the door is open, and only that authorizer opens it', () => {
  assert.equal(openDoor.authorize('anybody', 'anything', 'admin'), true)
  assert.equal(openDoor.knows('anybody'), true)
})

test('a line about a subject that nobody can ever be is refused with its number', async () => {
  const good = 'p, alice, orders, produce\n'
  for (const line of [
    'p, *, orders, produce',
    'p, spiffe://, orders, produce',
    'p, SPIFFE://prod/ops, *, admin',
    'p, Anonymous, orders, consume',
    'p, replicate, *, node-1',
    'g, *, readers',
  ]) {
    await refused({ policyText: `${good}${line}\n` }, 2)
  }
  const sound = 'p, anonymous, *, consume\np, John Smith, *, inspect\np, *, *, consume\ng, alice, *\n'
  await createAuthorizer({ policyText: sound })
})
