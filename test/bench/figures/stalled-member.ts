/**
 * A member of ours as a process of its own, for `stalled-processes.ts`, to which it tells whom it takes for failed; its
 * event loop is blocked again and again from when it is told to. Arguments: name, address to join or `-`, profile,
 * `aware` or `unaware` of its stalls, milliseconds that it runs in between on average.
 */

import { pino } from 'pino'
import { startGossip } from '../../../src/actors/gossip.ts'
import { createRealEnv } from '../../../src/env/real.ts'
import { type ProfileName, profiles } from '../../../src/gossip/profile.ts'

export type Report =
  | { readonly kind: 'bound'; readonly address: string }
  | { readonly kind: 'alive'; readonly count: number }
  | { readonly kind: 'failed'; readonly name: string }
  | { readonly kind: 'blocked'; readonly times: number }

const [name = '', seed = '-', profileName = '', awareness = '', runMs = ''] = process.argv.slice(2)
const usual = profiles[profileName as ProfileName]
const blockedMs = { least: 1000, most: 5000 }
const report = (news: Report) => process.send?.(news)

const gossip = await startGossip({
  env: createRealEnv(),
  config: {
    name,
    bind: { host: '127.0.0.1', port: 0 },
    tags: new Map(),
    profile: awareness === 'aware' ? usual : { ...usual, stallMs: Number.POSITIVE_INFINITY },
    compression: true,
  },
  log: pino({ level: 'silent' }),
  emit: (fact) => {
    if (fact.kind === 'failed') report({ kind: 'failed', name: fact.member.name })
    if ('member' in fact) {
      report({ kind: 'alive', count: gossip.members().filter(({ status }) => status === 'alive').length })
    }
  },
})

const cell = new Int32Array(new SharedArrayBuffer(4))
let times = 0

function stall(): void {
  setTimeout(
    () => {
      times += 1
      // As a long computation, but for the machine: it would be the machine that is slow.
      Atomics.wait(cell, 0, 0, blockedMs.least + (blockedMs.most - blockedMs.least) * Math.random())
      report({ kind: 'blocked', times })
      stall()
    },
    -Math.log(1 - Math.random()) * Number(runMs),
  )
}

process.on('message', stall)
process.once('disconnect', () => process.exit())

if (seed !== '-') await gossip.join([seed])
report({ kind: 'bound', address: `${gossip.address.host}:${gossip.address.port}` })
