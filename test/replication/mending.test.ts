import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import type { Disk } from '../../src/env/env.ts'
import { ReeveError } from '../../src/errors.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { framesIn } from '../../src/log/frame.ts'
import type { Journal } from '../../src/log/journal.ts'
import { decodePullResponse, pullPath } from '../../src/replication/pull-messages.ts'
import type { Host } from '../../src/simulation/host.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { Cluster, filesIn, wipe } from './cluster.ts'

const settings = { segmentMaxBytes: 64 * 1024, maxBatchBytes: 32 * 1024 }
const value = (n: number) => `${n} ${'x'.repeat(20_000)}`

/** Segment files of one log, oldest first. */
function segments(disk: Disk, origin: string, epoch: string): string[] {
  return [...filesIn(disk, `/data/topics/orders/${origin}/${epoch}`)].filter((path) => path.endsWith('.log'))
}

function flip(disk: Disk, path: string, at: number): void {
  const file = disk.open(path, 'write')
  const byte = new Uint8Array(1)
  file.read(byte, at)
  file.write(Uint8Array.of((byte[0] as number) ^ 0x10), at)
  file.close()
}

/** Everything of a log that this node serves; what it refuses as damaged counts for nothing. */
function readable(cluster: Cluster, name: string, origin: string, epoch: string): number {
  const log = cluster.log(name, origin, epoch)
  let bytes = 0
  for (let at = log?.start ?? 0; log && at < log.end; at++) {
    try {
      bytes += log.read(at, 1).length
    } catch (error) {
      assert.ok(error instanceof ReeveError && error.code === 'DATA_CORRUPT', String(error))
    }
  }
  return bytes
}

function sameFiles(cluster: Cluster, one: string, other: string, origin: string, epoch: string): void {
  const contents = [one, other].map((name) => {
    const { disk } = cluster.host(name).env
    return segments(disk, origin, epoch).map((path) => [path, Buffer.from(disk.readFile(path)).toString('hex')])
  })
  assert.deepEqual(contents[0], contents[1])
}

/** Counts the bytes of frames that reach a host. */
function countFrames(host: Host): () => number {
  let bytes = 0
  const { rpc } = host.env
  const dial = rpc.dial.bind(rpc)
  rpc.dial = (options) => {
    const channel = dial(options)
    return {
      close: () => channel.close(),
      call: (path, callOptions, listener) =>
        channel.call(path, callOptions, {
          ...listener,
          message(message) {
            const kind = path === pullPath ? decodePullResponse(message) : undefined
            if (kind?.case === 'frames') bytes += kind.value.frames.length
            listener.message(message)
          },
        }),
    }
  }
  return () => bytes
}

describe('damage in a cluster that runs', () => {
  it('is mended wherever it is: in a copy, in what a node wrote before, and in what it writes now', async () => {
    const cluster = new Cluster({ settings })
    const [before] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    await cluster.world.complete(before!.stop())
    cluster.host('a').kill()
    const now = await cluster.start('a')
    await cluster.until(() => cluster.node('a').status().members.length === 2)
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    for (const [node, { epoch }, nth] of [
      ['b', before!, 1],
      ['a', before!, 2],
      ['a', now, 0],
      ['a', now, -1],
    ] as const) {
      const { disk } = cluster.host(node).env
      const path = segments(disk, 'a', epoch).at(nth)!
      flip(disk, path, 30_000 % disk.stat(path)!.bytes)
      const whole = cluster.log(node, 'a', epoch)!.bytes
      assert.ok(readable(cluster, node, 'a', epoch) < whole)
      assert.equal(cluster.node(node).status().damagedSegments, 1)
      await cluster.until(() => cluster.node(node).status().damagedSegments === 0)
      assert.equal(readable(cluster, node, 'a', epoch), whole)
      sameFiles(cluster, 'a', 'b', 'a', epoch)
    }
    await cluster.produce('a', 'and on', { copies: 2 })
    await cluster.stopAll()
  })

  it('stays, and is refused, while nobody has it, and is mended when somebody appears who has', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 5; n++) await cluster.produce('a', value(n), { copies: 2 })
    cluster.host('b').powerOff()
    await cluster.until(() => cluster.node('a').status().replicators.b === 'parked')
    const { disk } = cluster.host('a').env
    flip(disk, segments(disk, 'a', a!.epoch)[0]!, 100)
    const log = cluster.log('a', 'a', a!.epoch)!
    const refused = (error: unknown) => error instanceof ReeveError && error.code === 'DATA_CORRUPT'
    assert.throws(() => log.read(0, 1), refused)
    await cluster.world.run({ untilMs: cluster.world.now + 120_000 })
    assert.throws(() => log.read(0, 1), refused)
    assert.equal(a!.status().damagedSegments, 1)
    await cluster.start('b')
    await cluster.until(() => a!.status().damagedSegments === 0)
    assert.ok(log.read(0, 1).length > 0)
    await cluster.stopAll()
  })

  it('is found by the scrub where nobody reads, also behind an index that says all is well', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    await cluster.world.complete(cluster.node('b').stop())
    cluster.host('b').kill()
    const { disk } = cluster.host('b').start()
    flip(disk, segments(disk, 'a', a!.epoch)[1]!, 40_000)
    await cluster.start('b')
    await cluster.until(() => [...filesIn(disk, '/data/topics/orders/a')].some((path) => path.includes('quarantined')))
    await cluster.until(() => cluster.node('b').status().damagedSegments === 0)
    sameFiles(cluster, 'a', 'b', 'a', a!.epoch)
    await cluster.stopAll()
  })

  it('in the copy of the only holder holds up who copies from it until it is mended there, and no longer', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b', 'c')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 3 })
    cluster.host('a').powerOff()
    cluster.host('c').powerOff()
    const { disk } = cluster.host('b').env
    flip(disk, segments(disk, 'a', a!.epoch)[1]!, 40_000)
    await cluster.start('d')
    const first = Number(/(\d+)\.log$/.exec(segments(disk, 'a', a!.epoch)[1]!)?.[1])
    await cluster.until(() => cluster.node('b').status().damagedSegments === 1)
    await cluster.until(() => (cluster.log('d', 'a', a!.epoch)?.end ?? 0) >= first)
    assert.ok(cluster.log('d', 'a', a!.epoch)!.end < 10)
    await cluster.start('c')
    await cluster.until(() => cluster.log('d', 'a', a!.epoch)?.end === 10)
    await cluster.until(() => cluster.node('b').status().damagedSegments === 0)
    await cluster.stopAll()
  })

  it('is healed too where whole files are missing from a node that runs, the newest included', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    const { disk } = cluster.host('b').env
    wipe(disk, '/data/topics/orders')
    for (let n = 10; n < 12; n++) await cluster.produce('a', value(n), { copies: 2 })
    await cluster.until(() => cluster.log('b', 'a', a!.epoch)?.end === 12)
    // The next pass of the scrub begins an hour after the first one.
    await cluster.until(() => segments(disk, 'a', a!.epoch).length === 4, 2 * 3_600_000)
    await cluster.until(() => cluster.node('b').status().damagedSegments === 0)
    sameFiles(cluster, 'a', 'b', 'a', a!.epoch)
    await cluster.stopAll()
  })
})

describe('a log whose origin is gone', () => {
  it('reaches each of the others once, through whoever holds it, however many hold it', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b', 'c')
    for (let n = 0; n < 20; n++) await cluster.produce('a', value(n), { copies: 3 })
    const size = cluster.log('a', 'a', a!.epoch)!.bytes
    cluster.host('a').powerOff()
    // Two that hold it, two that do not.
    const counts = ['d', 'e'].map((name) => {
      const host = cluster.host(name)
      if (!host.alive) host.start()
      return countFrames(host)
    })
    for (const name of ['d', 'e']) await cluster.start(name)
    await cluster.until(() => ['d', 'e'].every((name) => cluster.log(name, 'a', a!.epoch)?.end === 20))
    await cluster.world.run({ untilMs: cluster.world.now + 10_000 })
    for (const count of counts) {
      const bytes = count()
      // The catalog travels, too.
      assert.ok(bytes >= size && bytes < size * 1.05, `${bytes} bytes of frames for a log of ${size}`)
    }
    await cluster.stopAll()
  })

  it('gives a node that lost part of its disk back what it lost: a topic, some segments, its own earlier runs', async () => {
    const cluster = new Cluster({ settings })
    const [a, b] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    for (let n = 0; n < 10; n++) await cluster.produce('b', value(n), { copies: 2 })
    for (let n = 0; n < 3; n++) await cluster.produce('a', value(n), { copies: 2, topic: 'payments' })
    await cluster.world.complete(cluster.node('a').stop())
    cluster.host('a').kill()
    const { disk } = cluster.host('a').start()
    wipe(disk, '/data/topics/payments')
    disk.removeFile(segments(disk, 'a', a!.epoch)[1]!)
    disk.removeFile(segments(disk, 'b', b!.epoch).at(-1)!)
    await cluster.start('a')
    await cluster.until(
      () =>
        cluster.log('a', 'a', a!.epoch)?.end === 10 &&
        cluster.log('a', 'b', b!.epoch)?.end === 10 &&
        cluster.log('a', 'a', a!.epoch, 'payments')?.end === 3,
    )
    sameFiles(cluster, 'a', 'b', 'a', a!.epoch)
    sameFiles(cluster, 'a', 'b', 'b', b!.epoch)
    await cluster.stopAll()
  })
})

describe('whatever rots, wherever, while all nodes write', () => {
  for (const seed of [1, 2, 3]) {
    it(`is whole again in the end, and nothing wrong was ever served (seed ${seed})`, async () => {
      const cluster = new Cluster({ seed, settings })
      const nodes = await cluster.startAll('a', 'b', 'c')
      const random = new SeededRandom(seed, 'rot')
      const expected = new Map<string, string>()
      for (let round = 0; round < 12; round++) {
        for (const { name, epoch } of nodes) {
          for (let n = 0; n < 3; n++) {
            const text = `${name} ${round} ${n} ${'x'.repeat(random.integer(10, 25_000))}`
            const { baseOffset } = await cluster.produce(name, text, { copies: 3 })
            expected.set(`${name}/${epoch}/${baseOffset}`, text)
          }
        }
        // On one node at a time: what all have lost nobody can give back.
        const { name } = random.pick(nodes)
        const { disk } = cluster.host(name).env
        const paths = [...filesIn(disk, '/data/topics/orders')].filter(
          (path) => path.endsWith('.log') && !path.includes('quarantined'),
        )
        for (let spoilt = 0; spoilt < 3; spoilt++) {
          const path = random.pick(paths)
          const bytes = disk.stat(path)?.bytes ?? 0
          if (random.chance(0.2)) disk.open(path, 'write').truncate(random.integer(0, bytes))
          else flip(disk, path, random.integer(0, bytes - 1))
        }
        const served = () => nodes.map((node) => texts(node.journal!))
        for (const each of served()) for (const [id, text] of each) assert.equal(text, expected.get(id))
        await cluster.until(() => nodes.every((node) => node.status().damagedSegments === 0))
        for (const each of served()) assert.equal(each.size, expected.size)
      }
      for (const { name, epoch } of nodes) {
        sameFiles(cluster, 'a', 'b', name, epoch)
        sameFiles(cluster, 'a', 'c', name, epoch)
      }
      await cluster.stopAll()
    })
  }
})

/** What a node serves of all logs, by record id; damage is refused. */
function texts(journal: Journal): Map<string, string> {
  const found = new Map<string, string>()
  for (const log of journal.topicLogs('orders')) {
    for (let at = log.start; at < log.end; at++) {
      try {
        for (const { body, baseOffset } of framesIn(log.read(at, 1))) {
          const [record] = fromBinary(RecordBatchSchema, body).records
          found.set(`${log.id.origin}/${log.id.epoch}/${baseOffset}`, new TextDecoder().decode(record?.value))
        }
      } catch (error) {
        assert.ok(error instanceof ReeveError && error.code === 'DATA_CORRUPT', String(error))
      }
    }
  }
  return found
}

describe('damage in what a live origin itself writes', () => {
  it('does not keep a newcomer from the rest: others give it what the origin cannot, and nobody asks in circles', async () => {
    const cluster = new Cluster({ settings })
    const [a] = await cluster.startAll('a', 'b')
    for (let n = 0; n < 10; n++) await cluster.produce('a', value(n), { copies: 2 })
    // The file cannot be kept as it was found, so nothing in it is replaced.
    const { disk } = cluster.host('a').env
    const path = segments(disk, 'a', a!.epoch)[1]!
    flip(disk, path, 40_000)
    cluster.host('a').disk.failure = (operation, at) =>
      operation === 'makeFolder' && at.includes('quarantined') ? 'EIO' : undefined
    const host = cluster.host('c')
    if (!host.alive) host.start()
    const bytes = countFrames(host)
    await cluster.start('c')
    await cluster.until(() => cluster.log('c', 'a', a!.epoch)?.end === 10)
    assert.equal(a!.status().damagedSegments, 1)
    for (let n = 10; n < 12; n++) await cluster.produce('a', value(n), { copies: 3 })
    assert.ok(bytes() < 1.5 * cluster.log('a', 'a', a!.epoch)!.bytes)
    cluster.host('a').disk.failure = undefined
    await cluster.until(() => a!.status().damagedSegments === 0)
    sameFiles(cluster, 'a', 'c', 'a', a!.epoch)
    await cluster.stopAll()
  })
})
