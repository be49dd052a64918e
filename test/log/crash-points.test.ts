import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { realClock } from '../../src/env/real-clock.ts'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { logKey } from '../../src/log/log-id.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import type { ProduceAsked } from '../../src/simulation/history.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import type { Evidence } from '../../src/simulation/recording/court.ts'
import { recordingDisk } from '../../src/simulation/recording/recording-disk.ts'
import { recordSum } from '../../src/simulation/universe/record-sums.ts'
import { failPower, type RecordedRun } from '../campaign/power-failures.ts'
import { batchOf, epochB, readAll } from './scenery.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Lie {
  /** Calls that say so at once and do nothing. */
  readonly unsynced?: 'files' | 'folders'
}

/** Two runs of a journal on real files: many write at a time, frames come from a peer, segments are small. */
async function recordedRun({ unsynced }: Lie = {}): Promise<RecordedRun> {
  const folder = join(mkdtempSync(join(tmpdir(), 'reeve-crash-points-')), 'a')
  folders.push(folder)
  const evidence: Evidence[] = []
  const honest = recordingDisk(createRealDisk(), (step) => {
    evidence.push({ atMs: evidence.length, node: 'a', step })
  })
  const disk: typeof honest = {
    ...honest,
    ...(unsynced === 'folders' && { syncFolder: async () => {} }),
    open(path, mode) {
      const file = honest.open(path, mode)
      return unsynced === 'files' ? { ...file, cold: false, sync: async () => {} } : file
    },
  }
  const settings = { ...defaultLogSettings, segmentMaxBytes: 2000, groupMaxBytes: 700, indexIntervalBytes: 300 }
  const peer = await framesOfPeer(join(folder, '..', 'b'))
  for (const epoch of ['01980000-0000-7000-8000-0000000000a1', '01980000-0000-7000-8000-0000000000a2']) {
    const report = () => {}
    const journal = await openJournal({ disk, clock: realClock, dataDir: folder, node: 'a', epoch, settings, report })
    const append = async (topic: string, value: string) => {
      const { log, baseOffset } = await journal.append(topic, batchOf(value), 1)
      const operation: ProduceAsked = {
        ...{ kind: 'produce', client: 'writer', node: 'a', disk: 'a', topic, place: undefined, copies: 1 },
        ...{ sums: [recordSum(new Uint8Array(0), Buffer.from(value))], beganMs: 0, endedMs: evidence.length },
        answer: { ok: true, log: logKey(log), base: baseOffset, count: 1, copies: 1, duplicate: false },
      }
      evidence.push({ atMs: evidence.length, operation })
    }
    for (let round = 0; round < 8; round++) {
      const at = journal.log(peer.id)?.end ?? 0
      const frames = peer.frames.slice(at, at + 5).map(({ bytes }) => bytes)
      await Promise.all([
        ...Array.from({ length: 5 }, (_, n) => append('orders', `${epoch} ${round} ${n} ${'.'.repeat(40 * n)}`)),
        append('payments', `${epoch} ${round}`),
        journal.replicate(peer.id, Buffer.concat(frames)),
      ])
    }
    await journal.close()
  }
  return { folders: new Map([['a', folder]]), evidence }
}

async function framesOfPeer(dataDir: string) {
  const id = { topic: 'orders', origin: 'b', epoch: epochB }
  const options = { dataDir, node: 'b', epoch: epochB, settings: defaultLogSettings, report: () => {} }
  const journal = await openJournal({ disk: createRealDisk(), clock: realClock, ...options })
  for (let n = 0; n < 80; n++) await journal.append('orders', batchOf(`of b ${n}`), 1)
  const frames = readAll(journal.log(id)!)
  await journal.close()
  return { id, frames }
}

test('wherever the power fails in what a real disk was told, all that was acknowledged is there and nothing is damaged', async () => {
  const run = await recordedRun()
  const { moments, cut, again } = await failPower(run, Number.POSITIVE_INFINITY, new SeededRandom(1, 'power'))
  assert.ok(moments > 150, `${moments} steps`)
  assert.ok(cut > 0 && again > 0, `${cut} torn tails, ${again} second failures`)
})

for (const unsynced of ['files', 'folders'] as const) {
  test(`a journal whose ${unsynced} are not synced is found out`, async () => {
    const run = await recordedRun({ unsynced })
    const failing = failPower(run, Number.POSITIVE_INFINITY, new SeededRandom(1, 'power'))
    await assert.rejects(failing, (error: Error) => {
      const left = /left in (.*)$/.exec(error.message)?.[1]
      if (left) rmSync(join(left, '..'), { recursive: true })
      return /durable|acknowledged/.test(`${error.message} ${(error.cause as Error)?.message}`)
    })
  })
}
