/**
 * A member in a process of its own, whose event loop is blocked again and again when it is told to: run by
 * `stall.test.ts`, to which it reports what it sees. Arguments: name, address to join or `-`, milliseconds to go on for.
 */

import { pino } from 'pino'
import { startGossip } from '../../src/actors/gossip.ts'
import { createRealEnv } from '../../src/env/real.ts'
import { profiles } from '../../src/gossip/profile.ts'

export type Report =
  | { readonly kind: 'bound'; readonly address: string }
  | { readonly kind: 'failed'; readonly name: string }
  | { readonly kind: 'members'; readonly alive: readonly string[] }
  | { readonly kind: 'over'; readonly blocked: number; readonly stalls: { count: number; totalMs: number } }

const [name = '', seed = '-'] = process.argv.slice(2)
const report = (news: Report) => process.send?.(news)

const gossip = await startGossip({
  env: createRealEnv(),
  config: {
    name,
    bind: { host: '127.0.0.1', port: 0 },
    tags: new Map(),
    profile: profiles.lan,
    compression: true,
  },
  log: pino({ level: 'silent' }),
  emit: (fact) => {
    if (fact.kind === 'failed') report({ kind: 'failed', name: fact.member.name })
    if ('member' in fact) tellMembers()
  },
})

function tellMembers(): void {
  const alive = gossip.members().flatMap((member) => (member.status === 'alive' ? [member.name] : []))
  report({ kind: 'members', alive: alive.sort() })
}

const cell = new Int32Array(new SharedArrayBuffer(4))
let blocked = 0

/** As busy as a long computation, for everybody but the machine. */
function blockEventLoop(forMs: number): void {
  blocked += 1
  Atomics.wait(cell, 0, 0, forMs)
}

function stallUntil(endMs: number): void {
  const runMs = 200 + 800 * Math.random()
  setTimeout(() => {
    if (performance.now() < endMs) {
      blockEventLoop(1000 + 2000 * Math.random())
      stallUntil(endMs)
    } else report({ kind: 'over', blocked, stalls: gossip.stats().stalls })
  }, runMs)
}

process.on('message', ({ stallForMs }: { stallForMs: number }) => {
  if (stallForMs > 0) stallUntil(performance.now() + stallForMs)
  else report({ kind: 'over', blocked, stalls: gossip.stats().stalls })
})
process.on('disconnect', () => process.exit())

if (seed !== '-') await gossip.join([seed])
report({ kind: 'bound', address: `${gossip.address.host}:${gossip.address.port}` })
