import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { ReeveError } from '../../src/index.ts'
import { batchOf, epochA, epochB, epochC, hasCode, idOf, openOn, readAll, valuesOf, viewOf } from '../log/scenery.ts'
import { ask } from './calls.ts'
import { SmallDisk, withoutSmallDisks } from './small-disk.ts'
import { Stage } from './stage.ts'

const { produce, consume } = LogService.method

describe('a disk', { skip: withoutSmallDisks() }, () => {
  const stage = new Stage()
  const disks: SmallDisk[] = []
  const smallDisk = (bytes: number) => {
    const disk = new SmallDisk(bytes)
    disks.push(disk)
    return disk
  }
  after(async () => {
    try {
      await stage.end()
    } finally {
      for (const disk of disks) disk.end()
    }
  })

  test('that is full: refused with RESOURCE_EXHAUSTED, reads go on, and writes too as soon as there is space', async () => {
    const disk = smallDisk(4 * 1024 * 1024)
    const ballast = `${disk.path}/ballast`
    writeFileSync(ballast, new Uint8Array(3 * 1024 * 1024))
    const agent = await stage.start('full', { dataDir: `${disk.path}/data` })
    const write = () => {
      const records = [{ value: new Uint8Array(64 * 1024).fill(0x61) }]
      return ask(agent, produce, { topic: 'orders', batch: { records } })
    }
    let written = 0
    const refusal = await (async () => {
      for (;;) {
        try {
          await write()
          written++
        } catch (error) {
          return error as ReeveError
        }
      }
    })()
    assert.ok(written > 0)
    assert.deepEqual([refusal.code, refusal.grpc], ['DISK_FULL', 8])
    await assert.rejects(write(), hasCode('DISK_FULL'))
    await agent.logged('the disk is full; writes are refused until there is space')
    const read = await ask(agent, consume, { topic: 'orders', maxBytes: 16 * 1024 * 1024 })
    assert.equal(read.batches.flatMap(({ batch }) => batch?.records ?? []).length, written)

    rmSync(ballast)
    assert.equal((await write()).baseOffset, BigInt(written))
    await agent.logged('fullOver')
    const complaints = agent.lines.filter(({ msg }) => msg.startsWith('the disk is full'))
    assert.equal(complaints.filter(({ log }) => String(log).startsWith('orders/')).length, 1)
    await agent.stop()
  })

  test('that becomes read-only: refused, reads go on, and writes too as soon as it takes them', async () => {
    const disk = smallDisk(1024 * 1024)
    // None stays open for writing: the system would not take the disk away from it.
    const options = { dataDir: `${disk.path}/data`, settings: { openFilesMax: 0 } }
    const { journal, events } = await openOn(createRealDisk(), options)
    await journal.append('orders', batchOf('one'), 1)
    disk.remount('ro')
    for (const topic of ['orders', 'payments']) {
      await assert.rejects(journal.append(topic, batchOf('two'), 1), hasCode('DISK_FAILED'))
    }
    assert.deepEqual(valuesOf(readAll(viewOf(journal, idOf('orders')))), ['one'])
    disk.remount('rw')
    await journal.append('payments', batchOf('two'), 1)
    assert.equal((await journal.append('orders', batchOf('two'), 1)).baseOffset, 1)
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['unwritable', 'unwritable', 'writable', 'writable'],
    )
    await journal.close()

    disk.remount('ro')
    await assert.rejects(openOn(createRealDisk(), { ...options, epoch: epochB }), hasCode('DATA_DIR_UNUSABLE'))
    disk.remount('rw')
    const { journal: next } = await openOn(createRealDisk(), { ...options, epoch: epochC })
    assert.deepEqual(valuesOf(readAll(viewOf(next, idOf('orders', 'a', epochA)))), ['one', 'two'])
    await next.close()
  })

  test('that is full when a node starts: it starts, serves what it has, and refuses the rest', async () => {
    const disk = smallDisk(2 * 1024 * 1024)
    const dataDir = `${disk.path}/data`
    const { journal } = await openOn(createRealDisk(), { dataDir })
    await journal.append('orders', batchOf('one'), 1)
    await journal.close()
    rmSync(`${dataDir}/format`)
    disk.fill()
    const { journal: next } = await openOn(createRealDisk(), { dataDir, epoch: epochB })
    assert.deepEqual(valuesOf(readAll(viewOf(next, idOf('orders')))), ['one'])
    await assert.rejects(next.append('payments', batchOf('two'), 1), hasCode('DISK_FULL'))
    await next.close()
  })
})
