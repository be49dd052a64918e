import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../../src/env/env.ts'
import { Cluster, filesIn } from './cluster.ts'

const settings = { segmentMaxBytes: 64 * 1024, maxBatchBytes: 32 * 1024 }
const value = (n: number) => `${n} ${'x'.repeat(20_000)}`

function files(disk: Disk, epoch: string): string[] {
  return [...filesIn(disk, `/data/topics/orders/a/${epoch}`)].filter((path) => /\.(log|start)$/.test(path))
}

/** Ten records of a node that has ended, on three nodes; `b` has stopped, so that its files can be touched. */
async function stopped(settled: { retentionBytes?: number } = {}) {
  const cluster = new Cluster({ settings: { ...settings, ...settled } })
  const [a] = await cluster.startAll('a', 'b', 'c')
  for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 3 })
  const { epoch } = a!
  const log = (name: string) => cluster.log(name, 'a', epoch)!
  await cluster.world.complete(cluster.node('b').stop())
  cluster.host('b').kill()
  return { cluster, epoch, log, disk: cluster.host('b').start().disk }
}

describe('the beginning of a log that is missing at the start of a node', () => {
  it('comes back from a peer, and until then is neither skipped nor taken for trimmed by anybody', async () => {
    const { cluster, epoch, log, disk } = await stopped()
    const before = files(disk, epoch)
    disk.removeFile(before[0]!)
    disk.removeFile(before[0]!.replace('log', 'index'))
    cluster.world.partition([['b']])
    const b = await cluster.start('b')
    assert.deepEqual([log('b').start, b.status().damagedSegments], [0, 1])
    assert.ok(log('b').held > 0)
    // A newcomer that meets nobody else waits, and does not begin behind what is lost there.
    cluster.host('d')
    cluster.world.heal()
    cluster.world.partition([['b', 'd']])
    const d = await cluster.start('d')
    await cluster.until(() => d.status().replicators.b === 'live')
    await cluster.world.run({ untilMs: cluster.world.now + 120_000 })
    assert.deepEqual([cluster.log('d', 'a', epoch)?.end ?? 0, log('b').start], [0, 0])
    assert.ok(log('b').held > 0)

    cluster.world.heal()
    await cluster.until(() => b.status().damagedSegments === 0)
    assert.deepEqual([log('b').start, log('b').held, files(disk, epoch)], [0, 0, before])
    await cluster.until(() => log('d')?.end === 10)
    await cluster.stopAll()
  })

  it('was trimmed, where its peers say so, and a folder that marked nothing is marked then', async () => {
    const { cluster, epoch, log, disk } = await stopped({ retentionBytes: 100_000 })
    await cluster.until(() => log('a').start > 0 && log('c').start > 0)
    for (const path of files(disk, epoch)) if (path.endsWith('.start')) disk.removeFile(path)
    const file = disk.open('/data/format', 'write')
    file.write(new TextEncoder().encode('reeve 1\n'), 0)
    file.close()
    // As if an older version had trimmed it.
    for (const path of files(disk, epoch).filter((path) => Number(/(\d+)\.log$/.exec(path)?.[1]) < log('a').start)) {
      disk.removeFile(path)
      disk.removeFile(path.replace('log', 'index'))
    }
    const b = await cluster.start('b')
    assert.deepEqual([log('b').start, b.status().damagedSegments], [log('a').start, 0])
    await cluster.until(() => files(disk, epoch).some((path) => path.endsWith('.start')), 300_000)
    await cluster.world.complete(b.stop())
    cluster.host('b').kill()
    await cluster.start('b')
    assert.equal(new TextDecoder().decode(cluster.host('b').env.disk.readFile('/data/format')), 'reeve 2\n')
    await cluster.stopAll()
  })
})
