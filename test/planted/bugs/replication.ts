/** Of copies: who has what, who asks whom, who counts as a copy. */

import type { FaultStep } from '../../../src/simulation/faults.ts'
import { bug, type PlantedBug } from '../planted-bug.ts'

const pull = 'src/actors/pull.ts'
const source = 'src/server/pull-source.ts'
const news = 'src/server/pull-news.ts'
const copies = 'src/replication/copies.ts'
const assignment = 'src/replication/assignment.ts'
const directory = 'src/replication/directory.ts'
const comparison = 'src/replication/comparison.ts'

/** Nodes end while others have not everything of them. */
const lost = { faults: 'kill,wipe,partition', gapMs: 1_200 }
/** And do not come back as they were. */
const gone = { faults: 'rename,wipe,partition,bridge', gapMs: 1_200, minutes: 0.7 }
/** More than streams take at once. */
const large = { faults: 'partition,bandwidth,kill', gapMs: 2_000, recordMaxBytes: 60_000 }
/** Retention takes what others lack. */
const trimmed = {
  faults: 'partition,power-off',
  gapMs: 2_000,
  settings: { segmentMaxBytes: 65_536, maxBatchBytes: 32_768, retentionBytes: 150_000 },
  recordMaxBytes: 20_000,
}

/** Places all over a disk, from this one on. */
const shares = (first: number): number[] => Array.from({ length: 9 }, (_, index) => first + index / 10)

export const replicationBugs: readonly PlantedBug[] = [
  {
    name: 'replication-in-circles',
    breaks: 'each node takes what it copies for new records of its own, and the others copy those',
    edits: [
      {
        file: pull,
        find: 'const end = await this.#options.journal().replicate(wanted.id, frames)',
        replace: `const end = await this.#options.journal().replicate(wanted.id, frames)
        for (const { body, recordCount } of framesIn(frames)) {
          if (!wanted.id.topic.startsWith('_')) await this.#options.journal().append(wanted.id.topic, body, recordCount)
        }`,
      },
      {
        file: pull,
        find: "import type { Journal } from '../log/journal.ts'",
        replace: "import { framesIn } from '../log/frame.ts'\nimport type { Journal } from '../log/journal.ts'",
      },
    ],
  },
  {
    name: 'offset-0-on-rejoin',
    breaks: 'a replica that comes back copies everything once more behind what it has',
    edits: [
      {
        file: 'src/actors/pull-wants.ts',
        find: 'offset: BigInt(end), chain: chain ?? 0n, start: BigInt(start) }',
        replace: 'offset: 0n, chain: 0n, start: 0n }',
      },
      {
        file: 'src/log/log.ts',
        find: 'const fresh = frames.subarray(this.#held(frames))',
        replace: 'const fresh = frames',
      },
      { file: 'src/log/arriving.ts', find: "if (fault === 'chain') throw diverged(key, offset)", replace: '' },
    ],
  },
  bug(
    'synced-before-written',
    'a copy counts that is not on the disk yet',
    pull,
    'const end = await this.#options.journal().replicate(wanted.id, frames)',
    `this.#call?.send(encodeSynced(wanted.ref, this.#options.directory.endAt(this.#peer.name, wanted.key)))
        const end = await this.#options.journal().replicate(wanted.id, frames)`,
  ),
  bug(
    'sent-is-synced',
    'what was sent to a replica counts as a copy',
    source,
    'if (!this.#call.send(encodeFrames(ref, frames))) this.#blocked = true',
    'this.#count(subscription, subscription.position)\n      if (!this.#call.send(encodeFrames(ref, frames))) this.#blocked = true',
  ),
  bug(
    'pull-skips-a-frame',
    'now and then a frame is left out of what a replica is sent',
    source,
    'this.#byRef.set(want.ref, subscription)',
    'if (subscription.position % 5 === 4 && subscription.position < log.end) subscription.position++\n    this.#byRef.set(want.ref, subscription)',
  ),
  bug(
    'source-never-woken',
    'records that come while a replica has everything are not sent to it',
    source,
    `      this.#queue(subscription)
      this.#pump()
      return
    }
    this.#news.moved(log)`,
    `      if (this.#ready.length > 0) this.#pump()
      return
    }
    this.#news.moved(log)`,
  ),
  bug(
    'source-stays-blocked',
    'a stream that was full once is silent for ever',
    source,
    `  drained(): void {
    this.#blocked = false`,
    '  drained(): void {',
    large,
  ),
  {
    name: 'replica-stays-paused',
    breaks: 'a replica that had to wait for its disk once waits for ever',
    edits: [
      { file: pull, find: 'else this.#call?.resume()', replace: '' },
      // So that little is much.
      { file: pull, find: 'unsyncedMaxBytes = 16 * 1024 * 1024', replace: 'unsyncedMaxBytes = 16 * 1024' },
    ],
    world: { faults: 'disk-slow,disk-hang,partition', gapMs: 2_000 },
  },
  bug(
    'copies-end-off-by-one',
    'an acknowledgement counts copies that lack the last record',
    copies,
    'if (noted.end >= end && (',
    'if (noted.end >= end - 1 && (',
  ),
  bug(
    'orphans-assigned-to-nobody',
    'the logs of dead nodes do not reach those who lack them',
    assignment,
    'if (live !== undefined) return live',
    'return live',
    lost,
  ),
  bug(
    'assignment-by-edges',
    'a log whose holder went away is not asked of another',
    assignment,
    'if (now === before) continue',
    'if (now === before || before !== undefined) continue',
    gone,
  ),
  bug(
    'excluded-for-ever',
    'a peer that could not serve a log once is never asked for it again',
    directory,
    "if (this.#excluded.get(name)?.keys.get(key) === 'untilNews') this.readmit(name, key)",
    '',
    {
      nodes: 3,
      steps: [
        { atMs: 0, kind: 'start', host: 'node-1' },
        { atMs: 0, kind: 'start', host: 'node-2' },
        { atMs: 0, kind: 'start', host: 'node-3' },
        // What the third lacks is damaged at both others, each in other places, who cannot heal each other before it has asked both.
        { atMs: 3_000, kind: 'kill', host: 'node-3' },
        { atMs: 11_000, kind: 'bridge', sides: [['node-1'], ['node-2']] },
        ...shares(0.1).map((share): FaultStep => ({ atMs: 12_000, kind: 'rot', host: 'node-1', share })),
        ...shares(0.15).map((share): FaultStep => ({ atMs: 12_000, kind: 'rot', host: 'node-2', share })),
        { atMs: 13_000, kind: 'start', host: 'node-3' },
        { atMs: 22_000, kind: 'heal' },
      ],
    },
  ),
  bug(
    'never-compared',
    'what is older than the present run of a peer is never asked for',
    comparison,
    'this.#digested = root === this.#summary.root()',
    'this.#digested = root !== -1n',
    lost,
  ),
  bug(
    'news-lost-while-blocked',
    'what moves while a stream is full is never told',
    news,
    'if (this.#changed.size > 0 && !this.#timer) this.#tell()',
    'this.#changed.clear()',
    {
      nodes: 3,
      topicKeepers: 0,
      recordMaxBytes: 60_000,
      lullMs: 100_000,
      // What the first one writes gets to the third one through the second only, and slowly.
      steps: [
        ...['node-1', 'node-2', 'node-3'].map((host) => ({ atMs: 0, kind: 'start', host }) as const),
        { atMs: 3_000, kind: 'bridge', sides: [['node-1'], ['node-3']] },
        { atMs: 3_000, kind: 'weather', weather: { bytesPerSecond: 200_000 }, from: ['node-2'], to: ['node-3'] },
      ],
    },
  ),
  bug(
    'late-log-never-due',
    'a replica that lacks what all others have trimmed gets no more of that log',
    'src/actors/late-logs.ts',
    '      this.#due(id)',
    '',
    trimmed,
  ),
  bug(
    'begins-anew-one-late',
    'a copy that begins behind a trim leaves out its first record',
    'src/actors/pull-share.ts',
    'await journal().beginAt(id, start)',
    'await journal().beginAt(id, start + 1)',
    trimmed,
  ),
  bug(
    'damage-asked-of-origin-only',
    'damage in the log of a dead node stays, though others have it',
    'src/actors/healer.ts',
    'return left.find(({ peer }) => peer === id.origin) ?? left[0]',
    'return left.find(({ peer }) => peer === id.origin)',
    { ...gone, faults: 'bit-rot,rename,wipe' },
  ),
  bug(
    'damage-forgotten',
    'damage that nobody could help with at first is never healed',
    'src/actors/healer.ts',
    '    this.#donors.set(donor.peer, donor)\n    this.#again()',
    '    this.#donors.set(donor.peer, donor)\n    this.#unhealed.clear()',
    {
      nodes: 2,
      steps: [
        { atMs: 0, kind: 'start', host: 'node-1' },
        { atMs: 500, kind: 'start', host: 'node-2' },
        // It has what is damaged meanwhile at the other, and nobody else has.
        { atMs: 9_000, kind: 'kill', host: 'node-2' },
        ...[0.3, 0.45, 0.6, 0.75].map((share): FaultStep => ({ atMs: 10_000, kind: 'rot', host: 'node-1', share })),
        { atMs: 22_000, kind: 'start', host: 'node-2' },
      ],
    },
  ),
]
