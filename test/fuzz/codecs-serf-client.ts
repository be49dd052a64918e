/** What an agent answers to our client on its RPC port. */

import assert from 'node:assert/strict'
import type { ByteStreamListener } from '../../src/env/env.ts'
import { ReeveError } from '../../src/errors.ts'
import { SerfClient } from '../../src/serf-rpc/client.ts'
import { Connection } from '../../src/serf-rpc/connection.ts'
import { fromHex, golden, type Json } from '../gossip/golden.ts'
import type { FuzzCodec } from './codec.ts'

type Asked = (client: SerfClient, heard: (record: unknown) => void) => Promise<unknown>

const nobody = () => undefined
const commands = new Map<string, Asked>(
  Object.entries({
    members: (client) => client.members(),
    stats: (client) => client.stats(),
    join: (client) => client.join(['127.0.0.1:1'], false),
    'get-coordinate': (client) => client.coordinate('bravo'),
    'list-keys': (client) => client.key('list-keys', ''),
    query: (client, heard) => client.query('load', new Uint8Array(), {}, heard, nobody),
    stream: (client, heard) => client.stream('*', heard, nobody),
    monitor: (client, heard) => client.monitor('info', heard, nobody),
  } satisfies Record<string, Asked>),
)
const names = [...commands.keys()]

export const serfClientCodecs: Readonly<Record<string, FuzzCodec>> = {
  /** The first byte says what was asked, after the handshake. */
  ipcReply: {
    corpus: golden('ipc').vectors.flatMap(({ name, hex, decoded }: Json) => {
      const second = name.endsWith('.responses') && decoded.messages.find(({ header }: Json) => header.Seq === 2)
      const at = names.indexOf(second?.forCommand?.replace('members-filtered', 'members'))
      return at < 0 ? [] : [Uint8Array.of(at, ...fromHex(hex))]
    }),
    accepts: async (input) => {
      const asked = commands.get(names[(input[0] ?? 0) % names.length] as string) as Asked
      const bytes = input.subarray(1)
      const half = bytes.length >> 1
      const whole = await outcome(asked, [bytes])
      assert.deepEqual(
        await outcome(asked, [bytes.subarray(0, half), bytes.subarray(half)]),
        whole,
        'another in two pieces',
      )
      return whole.answer !== undefined
    },
  },
}

async function outcome(asked: Asked, pieces: readonly Uint8Array[]) {
  let listener: ByteStreamListener | undefined
  const stream = {
    remote: { host: '127.0.0.1', port: 1 },
    receive: (to: ByteStreamListener) => {
      listener = to
    },
    write: () => true,
    end: nobody,
    destroy: nobody,
  }
  // Time stands still: the other side ends the connection before anything is late.
  const clock = { now: () => 0, monotonicMs: () => 0, setTimeout: () => 0, clearTimeout: nobody }
  const records: unknown[] = []
  const client = new SerfClient(new Connection(stream, clock), 1000)
  const settled = Promise.allSettled([client.handshake(undefined), asked(client, (record) => records.push(record))])
  for (const piece of pieces) listener?.data(piece)
  listener?.ended()
  const [greeted, answered] = await settled
  const problems = [greeted, answered].map((one) => (one.status === 'rejected' ? one.reason : undefined))
  for (const problem of problems) {
    if (problem !== undefined && !(problem instanceof ReeveError && problem.code !== 'INTERNAL')) throw problem
  }
  const answer =
    answered.status === 'fulfilled' ? { is: answered.value instanceof Function || answered.value } : undefined
  return { problems: problems.map((problem) => problem?.message), answer, records }
}
