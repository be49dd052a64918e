import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { type ErrorCode, GrpcCode, ReeveError, type TlsMaterial } from '../../src/index.ts'
import { type Agent, until } from './agent.ts'
import { ask, watch } from './calls.ts'
import { Certificates, shownSerial } from './credentials.ts'
import { pullAs } from './pull-as.ts'
import { Stage } from './stage.ts'

const policy = `# nodes
g, spiffe://reeve/node/a, node
g, spiffe://reeve/node/b, node
p, node, *, replicate, allow
# people
p, spiffe://reeve/client/anna, orders, produce, allow
p, spiffe://reeve/client/anna, orders*, consume, allow
p, spiffe://reeve/client/bob, *, consume, allow
p, spiffe://reeve/client/bob, secret*, consume, deny
p, spiffe://reeve/client/root, *, produce, allow
p, spiffe://reeve/client/root, *, admin, allow
`
const annaMayProduce = 'p, spiffe://reeve/client/anna, orders, produce, allow\n'
const readAgain = 'certificates and access rules read again'
const refusedReload = 'reload refused; what was in force stays'

describe('agents with mutual TLS and access rules', () => {
  const stage = new Stage()
  const policyFile = stage.path('policy.csv')
  let certificates: Certificates
  let strangers: Certificates
  let a: Agent
  let b: Agent

  const as = (name: string) => certificates.tls(`${name}-client`)
  const clientOf = (agent: Agent, name: string) => stage.client([agent], { tls: as(name) })
  const start = (name: string, certificate = name) => {
    const words = [...certificates.flags(certificate), '--acl-policy-file', policyFile]
    return stage.start(name, { words, join: name === 'a' ? [] : [a] })
  }
  /** The code of the refusal; undefined: it was done. */
  async function outcomeOf(doing: Promise<unknown>): Promise<ErrorCode | undefined> {
    try {
      await doing
      return undefined
    } catch (error) {
      if (error instanceof ReeveError) return error.code
      throw error
    }
  }
  const produce = (name: string, topic: string, agent = a) =>
    outcomeOf(
      ask(
        agent,
        LogService.method.produce,
        { topic, batch: { records: [{ value: Buffer.from(name) }] } },
        { tls: as(name) },
      ),
    )
  const consume = (name: string, topic: string, agent = a) =>
    outcomeOf(ask(agent, LogService.method.consume, { topic }, { tls: as(name) }))
  const rewrite = async (agent: Agent, text: string, expected: string) => {
    const from = agent.lines.length
    writeFileSync(policyFile, text)
    agent.signal('SIGHUP')
    await agent.logged(expected, from)
  }

  before(async () => {
    writeFileSync(policyFile, policy)
    certificates = await Certificates.create(stage.path('certs'))
    strangers = await Certificates.create(stage.path('strangers'))
    for (const name of ['a', 'b', 'c', 'd']) await certificates.make('server', '--name', name)
    for (const name of ['anna', 'bob', 'root']) await certificates.make('client', '--name', name)
    await strangers.make('client', '--name', 'root')
    a = await start('a')
    b = await start('b')
  })
  after(() => stage.end())

  test('nodes copy from each other over mutual TLS', async () => {
    await stage.together([a, b], (agent) => clientOf(agent, 'root'))
    const { origin, epoch } = await clientOf(a, 'anna')
      .producer({ topic: 'orders', copies: 2 })
      .send({ value: 'apples' })
    assert.deepEqual([origin, epoch], ['a', a.epoch])
    const values: string[] = []
    for await (const { value } of clientOf(b, 'anna').consumer({ topic: 'orders' }))
      values.push(`${Buffer.from(value)}`)
    assert.deepEqual(values, ['apples'])
  })

  test('whoever shows no certificate, or one of another authority, is not even heard', async () => {
    const cases: [string, TlsMaterial | undefined][] = [
      ['plain text', undefined],
      ['no certificate', { ca: certificates.ca }],
      ['a certificate of strangers', { ...strangers.tls('root-client'), ca: certificates.ca }],
    ]
    for (const [what, tls] of cases) {
      await assert.rejects(
        ask(a, LogService.method.getServers, {}, { tls }),
        (error: ReeveError) => error.grpc === GrpcCode.UNAVAILABLE,
        what,
      )
    }
    assert.equal(await outcomeOf(ask(a, LogService.method.getServers, {}, { tls: as('anna') })), undefined)
  })

  test('a client believes no server of another authority', async () => {
    await assert.rejects(
      ask(a, LogService.method.getServers, {}, { tls: { ...as('anna'), ca: strangers.ca } }),
      (error: ReeveError) => error.grpc === GrpcCode.UNAVAILABLE,
    )
  })

  test('everybody may do what a line allows, and nothing else', async () => {
    const denied = 'PERMISSION_DENIED'
    for (const topic of ['orders.eu', 'secret', 'secret.plans']) assert.equal(await produce('root', topic), undefined)
    assert.equal(await produce('anna', 'orders'), undefined)
    assert.equal(await produce('anna', 'orders.eu'), denied, 'orders is no prefix without its star')
    assert.equal(await produce('anna', 'order'), denied)
    assert.equal(await produce('bob', 'orders'), denied)
    assert.equal(await consume('anna', 'orders'), undefined)
    assert.equal(await consume('anna', 'orders.eu'), undefined)
    assert.equal(await consume('anna', 'secret'), denied)
    assert.equal(await consume('bob', 'orders.eu'), undefined)
    assert.equal(await consume('bob', 'secret'), denied)
    assert.equal(await consume('bob', 'secret.plans'), denied)
    assert.equal(await consume('root', 'orders'), denied, 'who administers does not thereby read')
    assert.equal(await outcomeOf(ask(a, LogService.method.leave, {}, { tls: as('anna') })), denied)
    const seen = await clientOf(a, 'anna').topics()
    assert.deepEqual(
      seen.map(({ name }) => name),
      ['orders', 'orders.eu'],
      'topics she may not touch are not even named',
    )
  })

  test('replication takes the right to it, and the name one replicates under', async () => {
    assert.equal(await pullAs('b', a, certificates.tls('b-server')), undefined)
    assert.equal((await pullAs('a', a, certificates.tls('b-server')))?.code, 'PEER_MISMATCH')
    assert.equal((await pullAs('anna', a, as('anna')))?.code, 'PERMISSION_DENIED')
    assert.equal((await pullAs('c', a, certificates.tls('c-server')))?.code, 'PERMISSION_DENIED')
  })

  test('a node under a name that its certificate lacks is a member, but gets and gives no records', async () => {
    await rewrite(a, `${policy}g, spiffe://reeve/node/d, node\n`, readAgain)
    assert.equal(await pullAs('d', a, certificates.tls('d-server')), undefined)
    assert.equal((await pullAs('impostor', a, certificates.tls('d-server')))?.code, 'PEER_MISMATCH')
    const impostor = await start('impostor', 'd')
    const stuck = (server: { name: string; replicator: string } | undefined) => server?.replicator === 'backoff'
    for (const [from, to] of [
      [impostor, 'a'],
      [impostor, 'b'],
      [a, 'impostor'],
      [b, 'impostor'],
    ] as const) {
      const client = clientOf(from, 'root')
      await until(
        `${from.name} cannot replicate from ${to}`,
        async () => (await client.servers()).find(({ name }) => name === to),
        stuck,
        stage.agents,
      )
    }
    await produce('root', 'impostors', impostor)
    assert.deepEqual(
      (await clientOf(impostor, 'root').topics()).map(({ name }) => name),
      ['impostors'],
    )
    assert.ok(!(await clientOf(a, 'root').topics()).some(({ name }) => name === 'impostors'))
    await impostor.stop()
    await rewrite(a, policy, readAgain)
  })

  test('a right that is revoked is refused from then on, also to those who are connected', async () => {
    const producer = clientOf(a, 'anna').producer({ topic: 'orders' })
    await producer.send({ value: 'while she may' })
    await rewrite(a, policy.replace(annaMayProduce, ''), readAgain)
    await assert.rejects(producer.send({ value: 'too late' }), { code: 'PERMISSION_DENIED' })
    assert.equal(await produce('anna', 'orders'), 'PERMISSION_DENIED')
    assert.equal(await consume('anna', 'orders'), undefined)
  })

  test('a policy that is half written, empty or wrong changes nothing', async () => {
    for (const text of [policy.slice(0, -1), '', 'p, spiffe://reeve/client/anna, *, everything\n']) {
      await rewrite(a, text, refusedReload)
      assert.equal(await produce('anna', 'orders'), 'PERMISSION_DENIED')
      assert.equal(await consume('anna', 'orders'), undefined)
      assert.equal(await consume('bob', 'secret'), 'PERMISSION_DENIED')
    }
    // Repaired; this time nobody tells it to look.
    writeFileSync(policyFile, policy)
    await until(
      'anna may write again',
      () => produce('anna', 'orders'),
      (refusal) => refusal === undefined,
      [a],
    )
  })

  test('new certificates are shown once their files change; connections of before live on', async () => {
    const reading = watch(a, LogService.method.consumeStream, { topic: 'orders.eu', follow: true }, as('anna'))
    await reading.seen(({ batches }) => batches.length > 0)
    const before = await shownSerial(a, as('anna'))
    await certificates.make('server', '--name', 'a', '--force')
    a.signal('SIGHUP')
    await until(
      'a shows its new certificate',
      () => shownSerial(a, as('anna')),
      (serial) => serial !== before,
      [a],
    )
    const count = reading.messages.length
    assert.equal(await produce('root', 'orders.eu'), undefined)
    await reading.seen((message) => reading.messages.indexOf(message) >= count && message.batches.length > 0)
    reading.cancel()
  })

  test('a half-written certificate leaves the last good one in force', async () => {
    const before = await shownSerial(a, as('anna'))
    const { cert } = certificates.files('a-server')
    const whole = readFileSync(cert)
    const from = a.lines.length
    writeFileSync(cert, whole.subarray(0, whole.length / 2))
    a.signal('SIGHUP')
    await a.logged(refusedReload, from)
    assert.equal(await shownSerial(a, as('anna')), before)
    writeFileSync(cert, whole)
    await stage.together([a, b], (agent) => clientOf(agent, 'root'))
  })

  test('who may administer may let a node leave', async () => {
    assert.equal(await outcomeOf(ask(b, LogService.method.leave, {}, { tls: as('root') })), undefined)
    assert.equal((await b.ended()).code, 0)
  })
})
