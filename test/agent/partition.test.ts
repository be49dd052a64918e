import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { GrpcCode, type ReeveError } from '../../src/index.ts'
import { type Agent, until } from './agent.ts'
import { ask } from './calls.ts'
import { assertHolds, converge, readAll } from './copies.ts'
import { Network, withoutNetworks } from './network.ts'
import { Stage } from './stage.ts'
import { Writer } from './writer.ts'

const names = ['a', 'b', 'c']

describe('real agents on hosts that can be cut off', { skip: withoutNetworks() }, () => {
  const stage = new Stage()
  const agents: Agent[] = []
  let network: Network
  let writers: Writer[] = []

  const agent = (name: string) => agents.find((each) => each.name === name) as Agent
  const nodes = () => agents.map((each) => ({ agent: each, client: stage.client([each]) }))

  const gossipOf = (name: string) => `${network.addressOf(name)}:7946`

  function launch(name: string): Agent {
    const bind = gossipOf(name)
    // On all its addresses: the other nodes call one, this test another.
    const words = ['--rpc-host', '0.0.0.0', '--advertise-addr', bind, '--insecure']
    const join = names.filter((other) => other !== name).map(gossipOf)
    return stage.launch(name, {
      ...{ bind, join, words },
      ...{ under: network.under(name), callHost: network.callHostOf(name) },
    })
  }

  /** Each of these sees each of those failed, and no longer tries to copy from it. */
  async function lost(observers: readonly string[], subjects: readonly string[]): Promise<void> {
    for (const observer of observers) {
      const client = stage.client([agent(observer)])
      await until(
        `${observer} takes ${subjects} for failed`,
        async () => (await client.servers()).filter(({ name }) => subjects.includes(name) && name !== observer),
        (servers) => servers.every(({ status, replicator }) => status === 'failed' && replicator === 'parked'),
        agents,
      )
    }
  }

  const written = () =>
    Promise.all(writers.map((writer) => writer.until(writer.acknowledged.length + 50, agent(writer.name).epoch)))

  async function everythingEverywhere(topic: string): Promise<void> {
    await stage.together(agents)
    await Promise.all(writers.map((writer) => writer.stop()))
    await converge(topic, nodes())
    const acknowledged = writers.flatMap((writer) => writer.acknowledged)
    const doubtful = new Set(writers.flatMap((writer) => [...writer.doubtful]))
    assert.equal(doubtful.size, 0, 'a partition between nodes is none between a client and its node')
    for (const { client } of nodes()) assertHolds(await readAll(client, topic), acknowledged, doubtful)
  }

  before(async () => {
    network = new Network(names)
    for (const name of names) agents.push(launch(name))
    await Promise.all(agents.map((each) => each.ready()))
    await stage.together(agents)
  })
  after(async () => {
    await stage.end()
    network?.end()
  })

  test('with one cut off, both sides take writes, know what they lost, and have everything when it heals', async () => {
    writers = agents.map((each) => new Writer(stage, each, 'one-off'))
    await written()
    network.cutOff('a')
    await lost(['a'], ['b', 'c'])
    await lost(['b', 'c'], ['a'])
    await written()
    const { servers } = await ask(agent('b'), LogService.method.getServers, {})
    assert.equal(servers.find(({ name }) => name === 'c')?.replicator, 'live', 'the larger side goes on as a cluster')

    // Two copies are there to be had on one side only.
    const request = { topic: 'marks', copies: 2, batch: { records: [{ value: Buffer.from('mark') }] } }
    await ask(agent('b'), LogService.method.produce, request)
    await assert.rejects(
      ask(agent('a'), LogService.method.produce, request, { timeoutMs: 1000 }),
      (error: ReeveError) => error.grpc === GrpcCode.DEADLINE_EXCEEDED,
    )
    assert.deepEqual([...(await readAll(stage.client([agent('a')]), 'marks')).keys()], [`a/${agent('a').epoch}/0`])

    network.heal('a')
    await everythingEverywhere('one-off')
    await converge('marks', nodes())
    const marks = [...(await readAll(stage.client([agent('c')]), 'marks')).keys()].sort()
    assert.deepEqual(marks, [`a/${agent('a').epoch}/0`, `b/${agent('b').epoch}/0`])
  })

  test('with everybody alone, everybody takes writes, and all have everything when it heals', async () => {
    writers = agents.map((each) => new Writer(stage, each, 'all-off'))
    await written()
    for (const name of names) network.cutOff(name)
    await lost(names, names)
    await written()
    for (const name of names) network.heal(name)
    await everythingEverywhere('all-off')
  })

  test('a node that was killed while cut off comes back with what it wrote alone', async () => {
    network.cutOff('c')
    await lost(['a', 'b'], ['c'])
    const { epoch } = agent('c')
    await stage
      .client([agent('c')])
      .producer({ topic: 'alone' })
      .send({ value: 'nobody heard' })
    await agent('c').kill()
    network.heal('c')
    agents[2] = launch('c')
    await agents[2].ready()
    await stage.together(agents)
    await converge('alone', nodes())
    const records = await readAll(stage.client([agent('a')]), 'alone')
    assert.deepEqual([...records], [[`c/${epoch}/0`, 'nobody heard']])
  })
})
