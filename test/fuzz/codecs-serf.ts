/** What Serf's tools and files bring: the snapshot of an earlier run, and commands on the RPC port. */

import assert from 'node:assert/strict'
import { Snapshot } from '../../src/gossip/snapshot.ts'
import { formatSnapshotRecord, parseSnapshotLine } from '../../src/gossip/snapshot-record.ts'
import { type Memory, SnapshotReplay } from '../../src/gossip/snapshot-replay.ts'
import { fromHex, golden, type Json } from '../gossip/golden.ts'
import { FakeAgent } from '../serf-rpc/fake-agent.ts'
import { Talk } from '../serf-rpc/talk.ts'
import type { FuzzCodec } from './codec.ts'

const files: Uint8Array[] = golden('snapshot').vectors.map(({ hex }: Json) => fromHex(hex))
const lines = files.flatMap((file) => Buffer.from(file).toString().split('\n'))
const ours = ['# failed: node b [fe80::1]:7946', 'alive: a b 127.0.0.1:1', '# anything']
const self = { name: '', at: { host: '192.0.2.1', port: 1 } }

/** No command is answered with more than this, of the few members that the agent here has. */
const maxReplyBytes = 2048
/** Of a header without a body. */
const leastRequestBytes = 14

export const serfCodecs: Readonly<Record<string, FuzzCodec>> = {
  snapshotLine: {
    corpus: [...new Set([...lines, ...ours])].map((line) => new TextEncoder().encode(line)),
    accepts: (input) => {
      const [line = ''] = new TextDecoder('utf-8', { ignoreBOM: true }).decode(input).split('\n')
      const record = parseSnapshotLine(line)
      if (!record || record.kind === 'comment') return record !== undefined
      const written = formatSnapshotRecord(record)
      assert.match(written, /^[^\n]+\n$/)
      assert.deepEqual(parseSnapshotLine(written.slice(0, -1)), record)
      return true
    },
  },
  snapshot: {
    corpus: files,
    accepts: (input) => {
      const whole = replay([input])
      const third = Math.ceil(input.length / 3) || 1
      const pieces = [0, 1, 2].map((n) => input.subarray(n * third, (n + 1) * third))
      assert.deepEqual(replay(pieces), whole, 'another memory in three pieces')
      const { memory } = whole
      // We ourselves, with a name nobody has, are not written.
      const again = new Snapshot(self, memory).whole()
      assert.deepEqual(replay([again]), { memory, skipped: [] })
      return memory.alive.size > 0
    },
  },
  ipc: {
    corpus: golden('ipc')
      .vectors.filter(({ name }: Json) => name.endsWith('.requests'))
      .map(({ hex }: Json) => fromHex(hex)),
    accepts: async (input) => {
      const whole = await converse([input])
      const half = input.length >> 1
      const pieces = await converse([input.subarray(0, half), input.subarray(half)])
      assert.deepEqual(pieces, whole, 'another outcome in two pieces')
      return whole.ended === undefined && whole.admitted
    },
  },
}

function replay(pieces: readonly Uint8Array[]): { memory: Memory; skipped: string[] } {
  const skipped: string[] = []
  const replay = new SnapshotReplay({ rejoinAfterLeave: true, skipped: (line) => skipped.push(line) })
  for (const piece of pieces) replay.push(piece)
  return { memory: replay.end(), skipped }
}

/** What a session makes of it; its replies must be whole values, and no more than commands can be worth. */
async function converse(pieces: readonly Uint8Array[]) {
  const agent = new FakeAgent()
  const talk = new Talk(agent)
  for (const piece of pieces) {
    talk.session.receive(piece)
    // What the agent here is asked is done within one turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const writtenBytes = talk.written.reduce((sum, { length }) => sum + length, 0)
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  assert.equal(
    writtenBytes <= (1 + bytes / leastRequestBytes) * maxReplyBytes,
    true,
    `${writtenBytes} bytes of replies`,
  )
  talk.heard()
  const { ended, session } = talk
  const admitted = session.isAdmitted
  session.close()
  assert.equal(agent.listeners.size, 0, 'somebody listens still')
  return { orders: agent.orders, stopped: agent.stopped, ended, admitted }
}
