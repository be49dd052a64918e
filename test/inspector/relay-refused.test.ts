import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import type { ClientCallListener, Rpc } from '../../src/env/env.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { ReeveError } from '../../src/errors.ts'
import { WatchResponseSchema } from '../../src/gen/reeve/v1/inspector_pb.ts'
import { Hub } from '../../src/inspector/hub.ts'
import type { RelayRecord, TraceRecord } from '../../src/inspector/record.ts'
import { Relay } from '../../src/inspector/relay.ts'
import { createAuthority } from '../certificates.ts'
import { enter, openStage, watch } from './watching.ts'

const relays = (records: readonly TraceRecord[]) => records.filter((each): each is RelayRecord => each.kind === 'relay')

describe('a peer that has access rules', () => {
  const stage = openStage()
  const folder = mkdtempSync(join(tmpdir(), 'reeve-inspector-acl-'))
  const file = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  let settingsOf: (name: string, policy: string) => Promise<object>
  before(async () => {
    const authority = await createAuthority()
    settingsOf = async (name, policy) => {
      const { cert, key, ca } = await authority.issue({ name, dns: [name], ips: ['127.0.0.1'] })
      return {
        aclPolicyFile: file(`${name}.csv`, policy),
        serverTls: {
          certFile: file(`${name}.pem`, cert),
          keyFile: file(`${name}-key.pem`, key),
          caFile: file(`${name}-ca.pem`, ca),
        },
      }
    }
  })
  after(async () => {
    await stage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('gives its records to whom it lets inspect, and says so to whom it does not', async () => {
    const replicate = 'p, a, *, replicate\np, b, *, replicate\n'
    const a = await stage.start('a', await settingsOf('a', `${replicate}p, b, *, inspect\n`))
    const b = await stage.start('b', await settingsOf('b', replicate))
    const refused = await watch(a, await enter(a))
    await refused.until((records) => relays(records).some(({ state }) => state === 'refused'))
    assert.equal(relays(refused.records).at(-1)?.reason?.code, 'PERMISSION_DENIED')
    assert.ok(!refused.records.some((each) => each.node === 'b' && 'sequence' in each))
    refused.close()
    const allowed = await watch(b, await enter(b))
    await allowed.until((records) => records.some((each) => each.kind === 'transition' && each.node === 'a'))
    allowed.close()
  })
})

describe('a peer that lies', () => {
  const stamp = { epoch: 'e', sequence: 1, atMs: 1 }
  const lies: [string, Uint8Array][] = [
    ['a record of another node', message({ kind: 'note', node: 'a', ...stamp, text: 'x' })],
    ['a record that only we may make', message({ kind: 'relay', by: 'a', node: 'b', atMs: 1, state: 'open' })],
    ['a record that is none', message({ kind: 'note', node: 'b' })],
    ['no JSON', toBinary(WatchResponseSchema, create(WatchResponseSchema, { records: ['{'] }))],
    ['no message', new Uint8Array([0xff, 0xff])],
  ]

  for (const [what, bytes] of lies) {
    it(`is believed nothing that follows: ${what}`, () => {
      const { hub, told, peer } = relayed()
      peer().message(message({ kind: 'note', node: 'b', ...stamp, text: 'true' }))
      peer().message(bytes)
      peer().message(message({ kind: 'note', node: 'b', ...stamp, sequence: 2, text: 'late' }))
      const last = told().at(-1) as RelayRecord
      assert.deepEqual([last.kind, last.state, last.reason?.code], ['relay', 'away', 'PEER_MISMATCH'])
      assert.deepEqual(hub.reached('b')?.sequence, 1)
      assert.equal(hub.reached('a'), undefined)
    })
  }

  it('is not the same as one that is old, or cannot be reached', () => {
    for (const [code, state] of [
      ['METHOD_UNKNOWN', 'unsupported'],
      ['UNAUTHENTICATED', 'refused'],
      ['UNAVAILABLE', 'away'],
      ['OVERLOADED', 'away'],
    ] as const) {
      const { told, peer } = relayed()
      peer().closed(new ReeveError(code, 'why'))
      assert.equal((told().at(-1) as RelayRecord).state, state)
    }
  })

  function message(record: object): Uint8Array {
    return toBinary(WatchResponseSchema, create(WatchResponseSchema, { records: [JSON.stringify(record)] }))
  }

  function relayed() {
    const hub = new Hub()
    const calls: ClientCallListener[] = []
    const call = { send: () => true, end() {}, cancel() {}, pause() {}, resume() {} }
    const dial: Rpc['dial'] = () => ({
      call: (_path, _options, listener) => {
        calls.push(listener)
        return call
      },
      close() {},
    })
    new Relay({
      ...{ hub, node: 'a', history: 10, tls: () => undefined, random: { fraction: () => 0 }, rpc: { dial } },
      clock: { ...realClock, setTimeout: () => ({}) },
      peers: () => [{ name: 'b', epoch: 'e', address: '127.0.0.1:1' }],
    })
    return {
      hub,
      peer: () => calls.at(-1) as ClientCallListener,
      told: () => {
        const records: TraceRecord[] = []
        for (let id = hub.firstId; id < hub.nextId; id++) records.push(JSON.parse(hub.at(id)?.text ?? ''))
        return records
      },
    }
  }
})
