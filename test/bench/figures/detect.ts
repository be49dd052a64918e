import { freePorts } from '../../../src/cli/demo/ports.ts'
import { withoutSerf } from '../../interop/serf-agent.ts'
import { type Bench, type Row, type RowFacts, Rows } from '../figure.ts'
import type { Process } from '../process.ts'
import { type Stage, together } from '../stage.ts'

const count = 5
/** A probe interval of the LAN settings: the kill falls anywhere within one. */
const probeIntervalMs = 1000

export async function detect({ stage, repetitions, note }: Bench): Promise<Row[]> {
  const rows = new Rows()
  const skipped = withoutSerf()
  if (skipped) note(`without the half of serf: ${skipped}`)
  for (let n = 0; n < repetitions; n++) {
    const ours = await stage.agents(count)
    await together(ours)
    await measure('reeve', ours, (name) => ['"msg":"member failed"', `"member":"${name}"`])
    await stage.clear()
    if (skipped) continue
    await measure('serf', await serfAgents(stage), (name) => ['EventMemberFailed', ` ${name} `])
    await stage.clear()
  }
  return rows.list()

  async function measure(kind: string, agents: readonly Process[], failed: (name: string) => string[]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, probeIntervalMs * (1 + Math.random())))
    const [victim, ...others] = [...agents].sort(() => Math.random() - 0.5) as [Process, ...Process[]]
    const killedMs = victim.kill()
    const lines = await Promise.all(others.map((other) => other.said(...failed(victim.name))))
    const times = lines.map(({ atMs }) => atMs - killedMs)
    const facts = (who: string): RowFacts =>
      kind === 'serf'
        ? { side: 'peer' }
        : { side: 'reeve', ...(!skipped && { beside: [`serf: ${who} of the other four`] }) }
    rows.add(`${kind}: first of the other four`, 'ms', Math.min(...times), facts('first'))
    rows.add(`${kind}: last of the other four`, 'ms', Math.max(...times), facts('last'))
  }
}

/** The first one runs before the others join it: they try only once. */
async function serfAgents(stage: Stage): Promise<Process[]> {
  const ports = await freePorts(2 * count)
  const agents: Process[] = []
  for (let index = 0; index < count; index++) {
    const name = `serf-${index + 1}`
    const at = [`-bind=127.0.0.1:${ports[2 * index]}`, `-rpc-addr=127.0.0.1:${ports[2 * index + 1]}`]
    const join = index > 0 ? [`-join=127.0.0.1:${ports[0]}`] : []
    const agent = stage.run(name, ['serf', 'agent', `-node=${name}`, ...at, ...join])
    agents.push(agent)
    await agent.said('Serf agent running!')
  }
  const seen = agents.flatMap((agent) => agents.map((other) => agent.said('EventMemberJoin', ` ${other.name} `)))
  await Promise.all(seen)
  return agents
}
