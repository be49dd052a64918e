/** Of gossip: who is alive, and who says so. */

import { bug, oneSeed, type PlantedBug } from '../planted-bug.ts'

const swim = 'src/gossip/swim.ts'
const suspicions = 'src/gossip/suspicions.ts'
const serf = 'src/gossip/serf.ts'
const merge = 'src/gossip/merge.ts'

export const membershipBugs: readonly PlantedBug[] = [
  bug(
    'refutes-with-the-same-incarnation',
    'a member that is accused wrongly cannot clear itself',
    swim,
    'const incarnation = Math.min(Math.max(this.self.incarnation, accused) + 1, maxIncarnation)',
    'const incarnation = Math.min(Math.max(this.self.incarnation, accused), maxIncarnation)',
    { members: 'blinks' },
  ),
  bug(
    'death-not-refuted',
    'a member that was buried alive stays buried',
    swim,
    `    if (message.node === this.#parts.name) {
      this.#suspicions.countOfUs()
      this.#refute(message.incarnation, nowMs)
      return
    }
    this.#bury(message, nowMs)`,
    '    if (message.node !== this.#parts.name) this.#bury(message, nowMs)',
    { members: 'cut-off,sleeps' },
  ),
  bug(
    'suspects-live-for-ever',
    'members that died are never declared dead',
    swim,
    'if (node.state !== NodeState.suspect) return\n    this.#bury',
    'if (node.state !== NodeState.dead) return\n    this.#bury',
    { faults: 'rename,kill', gapMs: 2_000 },
  ),
  bug(
    'old-news-accepted',
    'dead members come back by what was said before they died',
    swim,
    'if (message.incarnation <= known.incarnation && !moved) {',
    'if (message.incarnation < known.incarnation && !moved) {',
    { members: 'deaf' },
  ),
  {
    name: 'suspicion-outlives-refutation',
    breaks: 'a member is declared dead although it has refuted',
    // Whoever looks when the time is up whether it is still suspect makes up for a timer that goes on.
    edits: [
      {
        file: suspicions,
        find: '    this.#parts.agenda.cancel(this.#running.get(node.name)?.timer)\n    this.#running.delete(node.name)',
        replace: '    if (node.name === this.#parts.name) this.#running.delete(node.name)',
      },
      {
        file: swim,
        find: 'if (node.state !== NodeState.suspect) return\n    this.#bury',
        replace: 'if (isGone(node)) return\n    this.#bury',
      },
    ],
    world: { members: 'blinks' },
  },
  bug(
    'dead-on-hearsay',
    'one wrong exchange of state buries members everywhere',
    merge,
    "swim.suspect({ kind: 'suspect', node, incarnation, from: swim.self.name }, nowMs)",
    "swim.dead({ kind: 'dead', node, incarnation, from: swim.self.name }, nowMs)",
    { members: 'blinks,sleeps' },
  ),
  bug(
    'left-not-merged',
    'who was away when a member left takes it for failed',
    merge,
    "swim.dead({ kind: 'dead', node, incarnation, from: node }, nowMs)",
    'void node',
    { members: 'missed-farewell' },
  ),
  {
    name: 'lamport-not-witnessed',
    breaks: 'intents of a member that restarted are taken for old',
    edits: [
      { file: serf, find: '    this.clock.witness(intent.lTime)\n    const member', replace: '    const member' },
      // A goodbye says by itself whose it is, and makes up for the intent.
      {
        file: serf,
        find: "member.status === 'leaving' || state === NodeState.left ? 'left'",
        replace: "member.status === 'leaving' ? 'left'",
      },
    ],
    world: { faults: 'kill,wipe' },
  },
  bug(
    'leave-heard-as-failure',
    'members that left are tried again for a day',
    serf,
    "const status = member.status === 'leaving' || state === NodeState.left ? 'left' : 'failed'",
    "const status = 'failed' as MemberStatus",
    'leave',
  ),
  bug(
    'failed-never-tried-again',
    'the two sides of a partition never find each other again',
    serf,
    'if (failed.length === 0 || this.#parts.random() >= failed.length / alive) return undefined',
    'if (failed.length >= 0 || alive > 0) return undefined',
    {
      minutes: 2,
      steps: [
        ...oneSeed(4),
        ...['node-1', 'node-2', 'node-3', 'node-4'].map((host) => ({ atMs: 0, kind: 'start', host }) as const),
        { atMs: 8_000, kind: 'partition', groups: [['node-1', 'node-2']] },
        // By then nobody gossips to the dead any more.
        { atMs: 110_000, kind: 'heal' },
      ],
    },
  ),
  bug(
    'own-leave-believed',
    'a member that somebody declared left by mistake stays so',
    serf,
    'if (member.name === this.#parts.name && !this.#leaving) {',
    'if (member.name === this.#parts.name && this.#leaving) {',
    'force-leave',
  ),
  bug(
    'moved-members-refused',
    'a member that comes back at another address is not let in',
    swim,
    'if (known.state !== NodeState.left && !reclaimable && !found) {',
    '{',
    {
      minutes: 0.2,
      settings: { profile: 'wan' },
      steps: [
        ...['node-1', 'node-2', 'node-3', 'node-4'].map((host) => ({ atMs: 0, kind: 'start', host }) as const),
        { atMs: 8_000, kind: 'swapAddresses', host: 'node-1', other: 'node-2' },
      ],
    },
  ),
  bug(
    'tags-not-taken-over',
    'a member that restarted keeps the tags of its earlier run, and peers call that',
    swim,
    '    node.meta = message.meta\n    node.incarnation',
    '    node.incarnation',
    'kill',
  ),
]
