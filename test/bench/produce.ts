import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { callUnary } from '../../src/client/call.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { type Bench, quantile, type Row, Rows } from './figure.ts'
import { flood, recordBytes, recordsPerBatch } from './flood.ts'
import type { Stage } from './stage.ts'

/** Bytes of a batch on disk, nearly: two bytes of protobuf around each value and two around each record. */
const batchBytes = recordsPerBatch * (recordBytes + 4)

export async function produce({ stage, repetitions, quick }: Bench): Promise<Row[]> {
  const rows = new Rows()
  const batches = quick ? 500 : 2000
  const calls = quick ? 300 : 1000
  const [agent] = await stage.agents(1)
  const { channel } = await stage.clientOf(agent!)
  await flood(channel, 'warm-up', 500)
  for (let n = 0; n < repetitions; n++) {
    const { tookMs, groups } = await flood(channel, `produce-${n}`, batches)
    const { tookMs: barelyMs } = await writeAndSync(stage, groups, batchBytes)
    const records = batches * recordsPerBatch
    rows.add(
      'stream, 1,000 x 100 B, 8 in flight',
      'records/s',
      (records * 1000) / tookMs,
      'write + fdatasync of the same',
    )
    rows.add('write + fdatasync of the same', 'records/s', (records * 1000) / barelyMs)

    const callMs: number[] = []
    for (let call = 0; call < calls; call++) {
      const beganMs = performance.now()
      const batch = { records: [{ value: new Uint8Array(recordBytes) }] }
      await callUnary(channel, LogService.method.produce, { topic: `unary-${n}`, batch }, 10_000)
      callMs.push(performance.now() - beganMs)
    }
    const { syncMs } = await writeAndSync(stage, new Array(calls).fill(1), recordBytes)
    rows.add('unary, one by one: p50', 'ms', quantile(callMs, 0.5), 'write + fdatasync of one: p50')
    rows.add('unary, one by one: p99', 'ms', quantile(callMs, 0.99), 'write + fdatasync of one: p99')
    rows.add('write + fdatasync of one: p50', 'ms', quantile(syncMs, 0.5))
    rows.add('write + fdatasync of one: p99', 'ms', quantile(syncMs, 0.99))
  }
  await stage.clear()
  return rows.list()
}

/** What the disk does when nothing else is asked of it: appends each group to one file and syncs. */
async function writeAndSync(
  stage: Stage,
  groups: readonly number[],
  bytes: number,
): Promise<{ tookMs: number; syncMs: number[] }> {
  const sync = promisify(fdatasync)
  const source = new Uint8Array(bytes * Math.max(...groups)).fill(1)
  const fd = openSync(join(stage.folder(), 'barely'), 'w')
  const syncMs: number[] = []
  const beganMs = performance.now()
  try {
    for (const count of groups) {
      const groupMs = performance.now()
      writeSync(fd, source, 0, count * bytes)
      await sync(fd)
      syncMs.push(performance.now() - groupMs)
    }
  } finally {
    closeSync(fd)
  }
  return { tookMs: performance.now() - beganMs, syncMs }
}
