/**
 * Four nodes on hosts of their own, all written to without a pause; again and again the network between them breaks, in
 * any shape, or a process is stopped for a while (SIGSTOP) as a machine that swaps would be.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import type { Agent } from '../agent/agent.ts'
import { Network, withoutNetworks } from '../agent/network.ts'
import { SeenCluster } from '../agent/seen-cluster.ts'
import { Stage } from '../agent/stage.ts'
import { Writer } from '../agent/writer.ts'
import { countOf, judge, pause } from './judge.ts'

const names = ['a', 'b', 'c', 'd'] as const
const topic = 'churn'

export async function partitions(times: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const reason = withoutNetworks()
  if (reason) throw new Error(reason)
  const network = new Network(names)
  const stage = new Stage()
  try {
    return await campaign(stage, network, times, random, say)
  } finally {
    await stage.end()
    network.end()
  }
}

async function campaign(
  stage: Stage,
  network: Network,
  times: number,
  random: SeededRandom,
  say: (text: string) => void,
): Promise<string> {
  const agents = new Map<string, Agent>()
  const seen = await SeenCluster.of({ stage, names, seed: random.integer(0, 2 ** 31), furtherTopics: [topic] })
  for (const name of names) {
    const bind = `${network.addressOf(name)}:7946`
    const agent = seen.launch(name, {
      bind,
      join: names.filter((other) => other !== name).map((other) => `${network.addressOf(other)}:7946`),
      words: ['--rpc-host', '0.0.0.0', '--advertise-addr', bind, '--insecure'],
      under: network.under(name),
      callHost: network.callHostOf(name),
    })
    agents.set(name, agent)
  }
  const all = [...agents.values()]
  await Promise.all(all.map((agent) => agent.ready()))
  await stage.together(all)
  seen.open()
  const { history } = seen
  const writers = all.flatMap((agent) => [
    new Writer(stage, agent, topic, { history }),
    new Writer(stage, agent, topic, { history, label: `${agent.name} twice`, copies: 2 }),
  ])
  const kinds = new Map<string, number>()
  for (let count = 1; count <= times; count++) {
    const { kind, heal } = breakSomething(network, agents, random)
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    // Sometimes too short to be noticed, sometimes long enough for all to take each other for dead.
    await pause(random.chance(0.5) ? random.between(50, 3000) : random.between(3000, 12_000))
    heal()
    await pause(random.between(0, 2000))
    seen.look()
    if (count % 5 === 0) {
      await stage.together(all)
      say(`${count} times, ${countOf(writers)} records acknowledged`)
    }
  }
  await stage.together(all)
  const { acknowledged, doubtful, answers } = await judge(stage, agents, writers, topic, seen)
  const list = [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')
  return `${times} times (${list}): all of ${acknowledged} acknowledged records are at every node, once; ${doubtful} had too few copies in time; the judges have nothing to say against ${answers} answers to clients`
}

/** Breaks the network, or stops a process; `heal` mends it. */
function breakSomething(
  network: Network,
  agents: ReadonlyMap<string, Agent>,
  random: SeededRandom,
): { kind: string; heal: () => void } {
  const kind = random.pick(['cut off', 'two sides', 'bridge', 'one way', 'all alone', 'stopped'])
  const [first, ...others] = random.shuffle([...names]) as [string, ...string[]]
  if (kind === 'stopped') {
    const agent = agents.get(first) as Agent
    agent.signal('SIGSTOP')
    return { kind, heal: () => agent.signal('SIGCONT') }
  }
  if (kind === 'cut off' || kind === 'all alone') {
    const gone = kind === 'cut off' ? [first] : names
    for (const name of gone) network.cutOff(name)
    return {
      kind,
      heal: () => {
        for (const name of gone) network.heal(name)
      },
    }
  }
  const ways: [string, string][] = []
  if (kind === 'one way') for (const other of others) ways.push([first, other])
  else {
    // Of a bridge, one host belongs to both sides.
    const [second = '', third = '', fourth = ''] = others
    const sides =
      kind === 'bridge'
        ? [[first], [second, third]]
        : [
            [first, second],
            [third, fourth],
          ]
    for (const one of sides[0] ?? []) for (const other of sides[1] ?? []) ways.push([one, other], [other, one])
  }
  for (const [from, to] of ways) network.block(from, to)
  return {
    kind,
    heal: () => {
      for (const [from, to] of ways) network.unblock(from, to)
    },
  }
}
