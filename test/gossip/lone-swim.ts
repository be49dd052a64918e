/** A Swim alone, with all it says written down, and the messages to feed it with. */

import assert from 'node:assert/strict'
import { Agenda } from '../../src/gossip/agenda.ts'
import { Awareness } from '../../src/gossip/awareness.ts'
import { BroadcastQueue } from '../../src/gossip/broadcast-queue.ts'
import type { Endpoint } from '../../src/gossip/ip.ts'
import { decodeMessage } from '../../src/gossip/memberlist-codec.ts'
import type { Alive, Dead, Message, Suspect } from '../../src/gossip/messages.ts'
import { type Profile, profiles } from '../../src/gossip/profile.ts'
import type { Reminder } from '../../src/gossip/reminders.ts'
import { Swim } from '../../src/gossip/swim.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { seededRandom } from './cluster.ts'

export const us = 'us'
export const meta = Uint8Array.of(0xff, 0x80)

export function alive(node: string, incarnation = 1, more: Partial<Alive> = {}): Alive {
  return { kind: 'alive', node, incarnation, addr: Uint8Array.of(10, 0, 0, 2), port: 1, meta, vsn: ourVsn, ...more }
}
export const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  kind: 'suspect',
  node,
  from,
  incarnation,
})
export const dead = (node: string, from: string, incarnation = 1): Dead => ({ kind: 'dead', node, from, incarnation })

/** A node that knows the others, alive, at incarnation 1; what was queued for that is forgotten. */
export function start(others: readonly string[] = [], profile: Profile = profiles.lan) {
  const agenda = new Agenda()
  const awareness = new Awareness(8)
  const queue = new BroadcastQueue()
  const seen: string[] = []
  const reminders: Reminder[] = []
  const conflicts: Endpoint[] = []
  const swim = new Swim({
    name: us,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 1,
    profile,
    random: seededRandom(1),
    agenda,
    awareness,
    queue,
    listener: {
      joined: ({ name }) => seen.push(`${name} joined`),
      departed: ({ name }) => seen.push(`${name} departed`),
      updated: ({ name }) => seen.push(`${name} updated`),
      conflict: (_node, claimed) => conflicts.push(claimed),
      contested: () => seen.push('contested'),
      problem: (reason) => seen.push(reason),
      remind: (_node, reminder) => reminders.push(reminder),
    },
  })
  swim.start(meta, 0)
  for (const [i, name] of others.entries()) swim.alive(alive(name, 1, { port: i + 2 }), 0)
  seen.length = 0
  const queued = (): Message[] =>
    queue.take(100_000, 2, 1, 1000).map((bytes) => {
      const message = decodeMessage(bytes)
      assert.ok(message.ok, 'decodes')
      return message.value
    })
  queued()
  const stateOfNode = (name: string) => swim.list.get(name)?.state
  return { swim, agenda, awareness, seen, reminders, conflicts, queued, state: stateOfNode }
}
