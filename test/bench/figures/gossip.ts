import { readFileSync } from 'node:fs'
import { withoutSerf } from '../../interop/serf-agent.ts'
import { type Bench, type Row, Rows } from '../figure.ts'
import { type ClusterKind, type Gossiper, startGossipers } from './gossip-clusters.ts'

const settleMs = 3000
/** Each member begins one exchange of its state meanwhile; fifty wait twice as long as twenty for it. */
const idleMs = { quick: 30_000, full: 60_000 }
/** Linux' unit of CPU time in /proc. */
const ticksPerSecond = 100

export async function gossip(bench: Bench): Promise<Row[]> {
  return inTurns(bench, async (all, kind, add) => {
    await join(all, add)
    if (kind !== 'mixed') await life(all, add, bench.quick ? idleMs.quick : idleMs.full)
  })
}

/** Nothing but the joins, which differ most from one to the next. */
export async function burst(bench: Bench): Promise<Row[]> {
  return inTurns(bench, async (all, _kind, add) => {
    const before = usage(all)
    await join(all, add)
    await pause(settleMs)
    const after = usage(all)
    add('packets a member', 'packets', (after.packets - before.packets) / all.length)
    add('sent a member', 'KiB', (after.bytes - before.bytes) / all.length / 1024)
    add('CPU a member', 'ms', ((after.cpuTicks - before.cpuTicks) / ticksPerSecond / all.length) * 1000)
  })
}

/** A quarter of the cluster, one after the other: who is asked first is chance, so one kill says little. */
export async function kills(bench: Bench): Promise<Row[]> {
  return inTurns(bench, async (all, kind, add) => {
    if (kind === 'mixed') return
    await join(all, () => {})
    let rest = all
    const times: { first: number; last: number }[] = []
    for (let killed = 0; killed < Math.floor(all.length / 4); killed++) {
      await pause(settleMs)
      const victim = rest.at(-1) as Gossiper
      rest = rest.slice(0, -1)
      const failedMs = await since(() => {
        victim.process.kill()
        return Promise.all(rest.map((one) => one.saw('failed', victim.name)))
      })
      times.push({ first: Math.min(...failedMs), last: Math.max(...failedMs) })
    }
    const mean = (of: 'first' | 'last') => times.reduce((sum, time) => sum + time[of], 0) / times.length
    add('kill -9 to first failed, mean of a quarter', 'ms', mean('first'))
    add('kill -9 to last failed, mean of a quarter', 'ms', mean('last'))
  })
}

type Act = (all: Gossiper[], kind: ClusterKind, add: Add) => Promise<void>

/** Each size and kind of cluster, alone on its stage. */
async function inTurns({ stage, repetitions, quick, note }: Bench, act: Act): Promise<Row[]> {
  const rows = new Rows()
  const skipped = withoutSerf()
  if (skipped) note(`without the half of serf: ${skipped}`)
  for (let n = 0; n < repetitions; n++) {
    for (const count of quick ? [5, 20] : [5, 20, 50]) {
      for (const kind of skipped ? (['reeve'] as const) : (['serf', 'reeve', 'mixed'] as const)) {
        const beside = kind !== 'serf' && !skipped
        const all = await startGossipers(kind, count, stage)
        await act(all, kind, (what, unit, sample) => {
          const name = (who: string) => `${who} ${count}: ${what}`
          rows.add(name(kind), unit, sample, {
            side: kind === 'serf' ? 'peer' : 'reeve',
            ...(beside && { beside: [name('serf')] }),
          })
        })
        await stage.clear()
      }
    }
  }
  return rows.list()
}

type Add = (what: string, unit: Row['unit'], sample: number) => void

/** All at once. */
async function join(all: Gossiper[], add: Add): Promise<void> {
  const [first, ...others] = all as [Gossiper, ...Gossiper[]]
  let told: Promise<unknown> = Promise.resolve()
  const joinedMs = await since(() => {
    told = Promise.all(others.map((other) => other.tell({ kind: 'join', at: first.at })))
    return Promise.all(
      all.flatMap((one) => all.filter((other) => other !== one).map(({ name }) => one.saw('joined', name))),
    )
  })
  add('all joined at once, last sight', 'ms', Math.max(...joinedMs))
  // Who was told by gossip may not have its answer yet, and is not to be ended before.
  await told
}

/** One tells an event; nothing happens for a while; one leaves. */
async function life(all: Gossiper[], add: Add, idleMs: number): Promise<void> {
  await pause(settleMs)
  const eventMs = await since(() => {
    void (all[1] as Gossiper).tell({ kind: 'event', name: 'bench' })
    return Promise.all(all.map((one) => one.got('bench')))
  })
  add('user event at the last', 'ms', Math.max(...eventMs))

  await pause(settleMs)
  const before = usage(all)
  await pause(idleMs)
  const after = usage(all)
  const seconds = (after.atMs - before.atMs) / 1000
  add('idle, packets a member', '/s', (after.packets - before.packets) / all.length / seconds)
  add('idle, bytes a member', 'B/s', (after.bytes - before.bytes) / all.length / seconds)
  add('idle, CPU a member', '%', ((after.cpuTicks - before.cpuTicks) / ticksPerSecond / all.length / seconds) * 100)
  add('memory a member', 'MiB', after.residentBytes / all.length / 2 ** 20)

  await pause(settleMs)
  const leaver = all.at(-1) as Gossiper
  const leftMs = await since(() => {
    void leaver.tell({ kind: 'leave' })
    return Promise.all(all.slice(0, -1).map((one) => one.saw('left', leaver.name)))
  })
  add('leave to last left', 'ms', Math.max(...leftMs))
}

async function since(action: () => Promise<number[]>): Promise<number[]> {
  const startMs = performance.now()
  return (await action()).map((atMs) => atMs - startMs)
}

/** Of these processes, and of the loopback of the whole machine: nothing else should be busy. */
function usage(all: readonly Gossiper[]) {
  const stats = all.map(
    ({ process }) => readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [],
  )
  const pages = all.map(({ process }) => Number(readFileSync(`/proc/${process.pid}/statm`, 'utf8').split(' ')[1]))
  const udp = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
  const sentAt = (udp[0] as string).split(' ').indexOf('OutDatagrams')
  const loopback = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((line) => line.trim().startsWith('lo:')) as string
  return {
    atMs: performance.now(),
    packets: Number((udp[1] as string).split(' ')[sentAt]),
    bytes: Number(loopback.trim().split(/\s+/)[9]),
    cpuTicks: stats.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0),
    residentBytes: pages.reduce((sum, count) => sum + count * 4096, 0),
  }
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}
