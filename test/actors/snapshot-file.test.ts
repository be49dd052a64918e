import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, describe, test } from 'node:test'
import { pino } from 'pino'
import { openSnapshot, type SnapshotFile } from '../../src/actors/snapshot-file.ts'
import type { Disk } from '../../src/env/env.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { createRealDisk } from '../../src/env/real-disk.ts'
import type { MembershipFact } from '../../src/gossip/effects.ts'
import type { DiskOperation } from '../../src/simulation/disk.ts'
import type { Host } from '../../src/simulation/host.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { createWorld } from '../../src/simulation/world.ts'

const path = '/data/serf.snapshot'
const us = { name: 'us', at: { host: '10.0.0.1', port: 7946 } }

const fact = (kind: 'joined' | 'failed' | 'left', name: string): MembershipFact => {
  return { kind, member: { name, host: '10.0.0.2', port: 1, status: 'alive', tags: new Map(), vsn: new Uint8Array(6) } }
}

function logOf(lines: string[]) {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trim().split('\n'))
      done()
    },
  })
  return pino(sink)
}

function open(host: Host, lines: string[] = [], rejoinAfterLeave = true): SnapshotFile {
  return openSnapshot({ env: host.env, log: logOf(lines), path, rejoinAfterLeave })
}

const textIn = (host: Host) => new TextDecoder().decode(host.env.disk.readFile(path))
const known = ({ memory }: SnapshotFile) => [...memory.alive.keys()].sort().join(' ')

describe('the file in the simulated world', () => {
  function start(seed = 1) {
    const world = createWorld({ seed })
    const host = world.addHost('a')
    const lines: string[] = []
    const file = open(host, lines)
    file.begin(us)
    return { world, host, file, lines, rest: (ms = 1000) => world.run({ untilMs: world.now + ms }) }
  }

  test('news of one moment go into one write, and a kill soon after takes nothing', async () => {
    const { host, file, rest } = start()
    await rest()
    let writes = 0
    host.disk.failure = (operation) => {
      if (operation === 'write') writes += 1
      return undefined
    }
    for (const name of ['b', 'c', 'd']) file.note(fact('joined', name))
    file.note(fact('failed', 'c'))
    file.witness({ member: 4n, event: 0n, query: 1n })
    await rest()
    assert.equal(writes, 1)
    host.kill()
    host.start()
    const { memory } = open(host)
    assert.deepEqual([...memory.alive.keys()], ['us', 'b', 'd'])
    assert.deepEqual([...memory.failed.keys()], ['c'])
    assert.deepEqual(memory.times, { member: 4n, event: 0n, query: 1n })
  })

  test('members are on the device soon, also of a machine that loses power', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { host, file, rest } = start(seed)
      file.note(fact('joined', 'b'))
      await rest(1500)
      host.powerOff()
      host.start()
      assert.equal(known(open(host)), 'b us')
    }
  })

  test('a leave is on the device once it is said to be, and decides what the next run knows', async () => {
    for (const rejoinAfterLeave of [true, false]) {
      const { world, host, file } = start()
      file.note(fact('joined', 'b'))
      const left = file.leave()
      file.note(fact('left', 'b'))
      await world.complete(left)
      file.close()
      assert.deepEqual(host.open()?.files, [])
      host.crash()
      host.start()
      assert.match(textIn(host), /alive: b .*\nleave\n$/s)
      assert.equal(known(open(host, [], rejoinAfterLeave)), rejoinAfterLeave ? 'b us' : '')
    }
  })

  test('a line cut short and lines without sense are gone once the run has begun', async () => {
    const { host, rest } = start()
    await rest()
    host.kill()
    const { disk } = host.start()
    const damaged = 'alive: b 10.0.0.2:1\nbogus\n\0\0\0\nclock: 3\nalive: part 10.0.0.3:1'
    disk.open(path, 'write').write(new TextEncoder().encode(damaged), 0)
    const lines: string[] = []
    const file = open(host, lines)
    assert.equal(known(file), 'b')
    assert.match(lines.join(), /"skipped":2,"example":"bogus"/)
    file.begin(us)
    await rest()
    file.note(fact('joined', 'c'))
    await rest()
    assert.equal(textIn(host), 'alive: us 10.0.0.1:7946\nalive: b 10.0.0.2:1\nclock: 3\nalive: c 10.0.0.2:1\n')
  })

  test('a file that became too long is replaced while news come in', async () => {
    const { host, file, rest } = start()
    let longest = 0
    let shrunk = 0
    for (let round = 0; round < 400; round += 1) {
      for (let each = 0; each < 20; each += 1) file.note(fact(round % 2 ? 'failed' : 'joined', `n${each}`))
      file.witness({ member: BigInt(round), event: 0n, query: 0n })
      await rest(600)
      const { length } = textIn(host)
      if (length < longest) shrunk += 1
      longest = Math.max(longest, length)
    }
    assert.ok(shrunk >= 1, `never replaced; ${longest} bytes`)
    assert.ok(longest < 140 * 1024, `${longest} bytes`)
    host.kill()
    host.start()
    const { memory } = open(host)
    assert.equal(memory.failed.size, 20)
    assert.equal(memory.times.member, 399n)
  })

  test('what cannot be written is said once in a while, tried again, and made up for', async () => {
    const { host, file, lines, rest } = start()
    await rest()
    host.disk.failure = (operation) => (operation === 'write' || operation === 'open' ? 'ENOSPC' : undefined)
    let attempts = 0
    const failure = host.disk.failure
    host.disk.failure = (operation, at) => {
      attempts += 1
      return failure(operation, at)
    }
    for (const name of ['b', 'c', 'd', 'e']) {
      file.note(fact('joined', name))
      await rest(25_000)
    }
    assert.ok(lines.length >= 3 && lines.length <= 5, lines.join('\n'))
    assert.match(lines[0] ?? '', /cannot be written.*find its cluster/)
    assert.ok(attempts <= 6, `${attempts} attempts in 100 s`)
    host.disk.failure = undefined
    await rest(31_000)
    assert.equal(host.open()?.files.length, 1)
    host.kill()
    host.start()
    assert.equal(known(open(host)), 'b c d e us')
  })

  test('a leave goes on although the disk does not', async () => {
    const { world, host, file, rest } = start()
    await rest()
    host.disk.failure = () => 'EIO'
    await world.complete(file.leave())
    file.close()
    assert.deepEqual(host.open()?.files, [])
    assert.deepEqual(host.open()?.timers, [])
  })

  test('closed in the middle of anything it lets everything go', async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const { host, file, rest } = start(seed)
      await rest(seed / 3)
      file.note(fact('joined', 'b'))
      await rest(seed * 30)
      file.close()
      file.note(fact('joined', 'c'))
      assert.deepEqual(host.open()?.timers, [])
      await rest(100)
      assert.deepEqual(host.open()?.files, [], `seed ${seed}`)
    }
  })

  /**
   * A life of many short runs, each ended by a kill or by a loss of power anywhere, also in the middle of a replacement:
   * the next run knows every member that stood in the file once it was on the device, and reads nothing that never was.
   */
  test('over many seeds: no end in the middle of anything takes what was on the device before', async () => {
    const ends = new Map<DiskOperation, number>()
    for (let seed = 0; seed < 60; seed += 1) {
      const world = createWorld({ seed })
      const host = world.addHost('a')
      const random = new SeededRandom(seed, 'test')
      const joined = new Set<string>()
      let last: DiskOperation = 'open'
      for (let run = 0; run < 12; run += 1) {
        const lines: string[] = []
        const file = open(host, lines)
        const remembered = new Set(file.memory.alive.keys())
        for (const name of joined) assert.ok(remembered.has(name), `seed ${seed} run ${run}: ${name} is lost`)
        for (const name of remembered) assert.match(name, /^(us|n\d+-\d+)$/, `seed ${seed}`)
        host.disk.failure = (operation) => {
          last = operation
          return undefined
        }
        file.begin(us)
        await world.run({ untilMs: world.now + random.between(0, 8) })
        // Some runs end right there, while the file is being replaced.
        const steps = random.integer(0, 3)
        for (let step = 0; step < steps; step += 1) {
          const name = `n${run}-${step}`
          file.note(fact('joined', name))
          // After a second of peace it is on the device; before that, who knows.
          if (random.chance(0.5)) {
            await world.run({ untilMs: world.now + 1000 })
            joined.add(name)
          } else await world.run({ untilMs: world.now + random.between(400, 510) })
        }
        ends.set(last, (ends.get(last) ?? 0) + 1)
        if (random.chance(0.3)) host.kill()
        else if (random.chance(0.5)) host.crash()
        else host.powerOff()
        host.start()
      }
    }
    // Written but not synced, synced and renamed but only in the cache, replaced, appended to.
    for (const end of ['write', 'read', 'open', 'sync'] as const) {
      assert.ok((ends.get(end) ?? 0) > 5, `no end behind ${end}: ${[...ends].join(' ')}`)
    }
  })
})

describe('the file of a real disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-snapshot-'))
  const real = join(folder, 'serf.snapshot')
  const disk: Disk = createRealDisk()
  const openReal = (lines: string[] = [], at = real) =>
    openSnapshot({ env: { disk, clock: realClock }, log: logOf(lines), path: at, rejoinAfterLeave: true })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('is for its owner alone, also when somebody else made it, and leaves nothing beside it', async () => {
    writeFileSync(real, 'alive: b 10.0.0.2:1\n', { mode: 0o644 })
    const file = openReal()
    file.begin(us)
    file.note(fact('joined', 'c'))
    await file.leave()
    file.close()
    assert.equal(statSync(real).mode & 0o777, 0o600)
    assert.equal(
      readFileSync(real, 'utf8'),
      'alive: us 10.0.0.1:7946\nalive: b 10.0.0.2:1\nalive: c 10.0.0.2:1\nleave\n',
    )
    assert.deepEqual(readdirSync(folder), ['serf.snapshot'])
  })

  test('of gigabytes only the end is read', () => {
    const huge = join(folder, 'huge')
    writeFileSync(huge, 'alive: early 10.0.0.2:1\n')
    truncateSync(huge, 3 * 1024 ** 3)
    writeFileSync(huge, '\nalive: late 10.0.0.2:1\n', { flag: 'a' })
    const lines: string[] = []
    assert.equal(known(openReal(lines, huge)), 'late')
    assert.match(lines.join(), /far too long/)
    rmSync(huge)
  })

  test('what is no file, or cannot be read, is not silently taken for an empty one', () => {
    for (const at of [folder, '/dev/null']) {
      assert.throws(() => openReal([], at), { code: 'DATA_DIR_UNUSABLE' }, at)
    }
  })
})
