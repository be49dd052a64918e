/** Of the charts: which parts of a node run, and when. */

import { bug, oneSeed, type PlantedBug } from '../planted-bug.ts'

const supervisor = 'machines/supervisor.ts'
const replicator = 'machines/replicator.ts'
const membership = 'machines/membership.ts'
const reconcile = 'machines/reconcile.ts'

/** Names that never come back. */
const renamed = { faults: 'rename,force-leave', gapMs: 2_000 }

export const machineBugs: readonly PlantedBug[] = [
  bug(
    'reconcile-by-edges',
    'a peer that comes back at another address or under another run is still called where it was',
    reconcile,
    'const moved = replica !== undefined && (replica.peer.epoch !== peer.epoch || replica.peer.address !== peer.address)',
    'const moved = false',
    'kill,address',
  ),
  bug(
    'parked-for-ever',
    'a peer that was away is not copied from any more',
    reconcile,
    "return replica.order === 'park' || moved ? 'resume' : undefined",
    "return moved ? 'resume' : undefined",
    { faults: 'partition,pause', gapMs: 2_500, minutes: 0.8 },
  ),
  bug(
    'never-stopped',
    'replicators of nodes that left run for ever',
    reconcile,
    "if (!wanted.some(({ name }) => name === replica.peer.name)) steps.push({ order: 'stop', peer: replica.peer })",
    'if (!wanted.some(({ name }) => name === replica.peer.name)) replicas.push(replica)',
    renamed,
  ),
  bug(
    'never-parked',
    'a dead peer is dialled for ever',
    reconcile,
    "if (!up) return replica?.order === 'run' ? 'park' : undefined",
    'if (!up) return undefined',
    renamed,
  ),
  bug(
    'left-is-kept',
    'a peer that left is called for ever',
    supervisor,
    "    case 'member.left':\n    case 'member.reaped':\n      return peers.filter((peer) => peer.name !== event.name)",
    "    case 'member.left':\n      return peers\n    case 'member.reaped':\n      return peers.filter((peer) => peer.name !== event.name)",
    renamed,
  ),
  bug(
    'updates-ignored',
    'a peer that changed its address or its run is not heard',
    supervisor,
    "    case 'member.joined':\n    case 'member.updated':\n    case 'member.failed': {",
    "    case 'member.joined':\n    case 'member.failed': {",
    'address,kill',
  ),
  bug(
    'logs-not-assigned-anew',
    'logs of a peer that went away are asked of nobody else',
    supervisor,
    "'replicator.*': { actions: ['noteReplica', 'assignLogs'] },",
    "'replicator.*': { actions: ['noteReplica'] },",
  ),
  bug(
    'backoff-for-ever',
    'a replicator that lost its peer once never dials again',
    replicator,
    "after: { backoff: { target: 'pulling' } },",
    '',
    { faults: 'resets', gapMs: 1_500 },
  ),
  bug(
    'resumes-at-the-old-address',
    'a peer that moved is dialled where it was',
    replicator,
    "event.type === 'resume' ? { peer: event.peer, attempts: 0 } : {}",
    "event.type === 'resume' ? { attempts: 0 } : {}",
    'address,kill',
  ),
  bug(
    'assignment-not-passed-on',
    'a replicator that runs does not hear of logs that it is to copy',
    replicator,
    "assign: { actions: 'passOnAssignment' },",
    '',
  ),
  bug(
    'joins-once',
    'a node that found nobody at its start stays alone',
    membership,
    "after: { joinBackoff: { target: 'contacting' } },",
    '',
    {
      steps: [
        ...oneSeed(4),
        { atMs: 0, kind: 'start', host: 'node-2' },
        { atMs: 3_000, kind: 'start', host: 'node-1' },
        { atMs: 3_000, kind: 'start', host: 'node-3' },
        { atMs: 4_000, kind: 'start', host: 'node-4' },
      ],
    },
  ),
  bug(
    'alone-for-ever',
    'a node that lost everybody does not ask again',
    membership,
    "after: { rejoinInterval: { target: 'alone', reenter: true, actions: 'contactOthers' } },",
    '',
    {
      nodes: 2,
      steps: [
        ...oneSeed(2),
        { atMs: 0, kind: 'start', host: 'node-1' },
        { atMs: 500, kind: 'start', host: 'node-2' },
        { atMs: 8_000, kind: 'stop', host: 'node-1' },
        // It knows nobody any more.
        { atMs: 14_000, kind: 'wipe', host: 'node-1' },
        { atMs: 16_000, kind: 'start', host: 'node-1' },
      ],
    },
  ),
  bug(
    'leaves-without-a-word',
    'a node that leaves is taken for failed',
    membership,
    "entry: 'announceLeave',\n      on: { 'gossip.left'",
    "on: { 'gossip.left'",
  ),
  bug(
    'members-not-passed-on',
    'failures of members do not reach the supervisor',
    membership,
    "'member.*': { actions: 'passOn' },",
    "'member.joined': { actions: 'passOn' },",
    'kill',
  ),
]
