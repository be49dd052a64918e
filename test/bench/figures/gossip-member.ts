/**
 * A member of ours as a process of its own, for `gossip.ts`: says what it sees a line each, does what its parent tells
 * it. Nothing but gossip: no log, no server.
 */

import { pino } from 'pino'
import { loadGossip } from '../../../src/cli/compile-early.ts'
import { optimiseLate } from '../../../src/cli/optimise-late.ts'
import { aesGcm } from '../../../src/env/aes-gcm.ts'
import { realClock } from '../../../src/env/real-clock.ts'
import { realDatagrams } from '../../../src/env/real-datagrams.ts'
import { createRealDisk } from '../../../src/env/real-disk.ts'
import { realRandom } from '../../../src/env/real-random.ts'
import { realStreams } from '../../../src/env/real-streams.ts'
import { profiles } from '../../../src/gossip/profile.ts'
import type { MemberOrder } from './gossip-clusters.ts'

// As the agent does.
const { startGossip } = await loadGossip()
optimiseLate()
const [name = '', port = ''] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const member = await startGossip({
  // Not the whole environment: a member needs no library for calls, and would pay for loading one.
  env: {
    clock: realClock,
    random: realRandom,
    disk: createRealDisk(),
    datagrams: realDatagrams,
    streams: realStreams,
    aead: aesGcm,
  },
  config: {
    name,
    bind: { host: '127.0.0.1', port: Number(port) },
    tags: new Map(),
    profile: profiles.lan,
    compression: true,
  },
  log: pino({ level: 'silent' }),
  emit: (fact) => {
    if ('member' in fact) say(`${fact.kind} ${fact.member.name} .`)
    if (fact.kind === 'userEvent') say(`event ${fact.event.name} .`)
  },
})

process.on('message', async (order: MemberOrder) => {
  if (order.kind === 'join') await member.join([order.at])
  if (order.kind === 'event') await member.sendEvent(order.name)
  if (order.kind === 'leave') {
    await member.leave()
    process.exit(0)
  }
})
process.once('disconnect', () => process.exit(0))
say('running')
