/** Of copies: who has what, who asks whom, who counts as a copy. */

import { bug, type PlantedBug } from '../planted-bug.ts'

const pull = 'src/actors/pull.ts'
const source = 'src/server/pull-source.ts'
const news = 'src/server/pull-news.ts'
const copies = 'src/replication/copies.ts'
const assignment = 'src/replication/assignment.ts'
const directory = 'src/replication/directory.ts'
const comparison = 'src/replication/comparison.ts'
const summary = 'src/replication/summary.ts'

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
        file: pull,
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
    'position-counts-unverified',
    'copies are counted of a replica whose log is another',
    source,
    'if (subscription?.verified) this.#count',
    'if (subscription) this.#count',
  ),
  bug(
    'sent-is-synced',
    'what was sent to a replica counts as a copy',
    source,
    'if (!this.#call.send(encodeFrames(ref, frames))) this.#blocked = true',
    'this.#count(subscription, subscription.position)\n      if (!this.#call.send(encodeFrames(ref, frames))) this.#blocked = true',
  ),
  bug(
    'diverged-not-noticed',
    'a replica whose log is another is fed all the same',
    source,
    'return ours !== undefined && (position === 0 || ours === chain)',
    'return ours !== undefined || chain !== ours',
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
  ),
  bug(
    'replica-stays-paused',
    'a replica that had to wait for its disk once waits for ever',
    pull,
    'else this.#call?.resume()',
    '',
  ),
  bug(
    'copies-count-what-was-said-once',
    'a node that lost its disk still counts as a copy',
    copies,
    'held.set(node, { start, end })',
    'held.set(node, { start, end: Math.max(end, held.get(node)?.end ?? 0) })',
    'wipe,power-off',
  ),
  bug(
    'copies-one-too-few',
    'an acknowledgement of n copies is given at one less',
    copies,
    'descending[copies - 2] ?? -1',
    'descending[copies - 3] ?? end',
  ),
  bug(
    'copies-end-off-by-one',
    'an acknowledgement counts copies that lack the last record',
    copies,
    'if (noted.end >= end && (',
    'if (noted.end >= end - 1 && (',
  ),
  bug(
    'copies-begun-anew-count-for-all',
    'an acknowledgement counts copies that never had the record',
    copies,
    '(noted.start === 0 || noted.start < end)',
    'noted.start >= 0',
  ),
  bug(
    'orphans-assigned-to-nobody',
    'the logs of dead nodes do not reach those who lack them',
    assignment,
    'if (live !== undefined) return live',
    'return live',
    'kill,partition',
  ),
  bug(
    'assignment-by-edges',
    'a log whose holder went away is not asked of another',
    assignment,
    'if (now === before) continue',
    'if (now === before || before !== undefined) continue',
  ),
  bug(
    'live-by-name-only',
    'logs of earlier runs of a node are asked of that node alone',
    directory,
    'return name === id.origin && epoch === id.epoch',
    'return name === id.origin',
    'kill,wipe',
  ),
  bug(
    'forgotten-peer-keeps-offers',
    'what a peer offered that is gone is still asked of it',
    directory,
    'for (const [key, { by }] of [...this.#offers]) if (by.has(name)) this.#remove(source, key)',
    '',
  ),
  bug(
    'excluded-for-ever',
    'a peer that could not serve a log once is never asked for it again',
    directory,
    "if (this.#excluded.get(name)?.keys.get(key) === 'untilNews') this.readmit(name, key)",
    '',
  ),
  bug(
    'own-run-offered',
    'a node copies its own present log from others',
    directory,
    'if (id.epoch === this.#epoch || this.#excluded.get(source.name)?.keys.has(key)) return false',
    'if (this.#excluded.get(source.name)?.keys.has(key)) return false',
  ),
  bug(
    'never-compared',
    'what is older than the present run of a peer is never asked for',
    comparison,
    'this.#digested = root === this.#summary.root()',
    'this.#digested = root !== -1n',
    'kill,wipe',
  ),
  bug(
    'group-never-released',
    'a group that one peer was asked about is never asked of another',
    comparison,
    '    this.#listings.release(group)\n    this.#advance()',
    '    this.#advance()',
  ),
  bug(
    'released-wakes-nobody',
    'a node waits for ever for its turn with a group',
    comparison,
    'for (const comparison of [...this.#comparisons]) comparison.released(group)',
    '',
  ),
  bug(
    'summary-stands-still',
    'nodes that differ take themselves for equal',
    summary,
    'else if (epoch < group.latest) group.older = undefined',
    '',
  ),
  bug(
    'root-stands-still',
    'nodes that differ take themselves for equal after their first comparison',
    summary,
    `    this.#root = undefined
    if (!group.logs.has(epoch)) group.logs.set(epoch, log)`,
    '    if (!group.logs.has(epoch)) group.logs.set(epoch, log)',
  ),
  bug(
    'news-told-once',
    'of a log that grows on elsewhere only its beginning is told',
    news,
    'if (this.#followed.has(',
    'if (this.#told.has(log.key) || this.#followed.has(',
  ),
  bug(
    'news-lost-while-blocked',
    'what moves while a stream is full is never told',
    news,
    'if (this.#changed.size > 0 && !this.#timer) this.#tell()',
    'this.#changed.clear()',
  ),
  bug(
    'late-log-never-due',
    'a replica that lacks what all others have trimmed gets no more of that log',
    'src/actors/late-logs.ts',
    '      this.#due(id)',
    '',
  ),
  bug(
    'begins-anew-one-late',
    'a copy that begins behind a trim leaves out its first record',
    pull,
    'if (start !== undefined) await journal().beginAt(id, start)',
    'if (start !== undefined) await journal().beginAt(id, start + 1)',
  ),
  bug(
    'damage-asked-of-origin-only',
    'damage in the log of a dead node stays, though others have it',
    'src/actors/healer.ts',
    'return left.find(({ peer }) => peer === id.origin) ?? left[0]',
    'return left.find(({ peer }) => peer === id.origin)',
    'bit-rot,leave,kill',
  ),
  bug(
    'damage-forgotten',
    'damage that nobody could help with at first is never healed',
    'src/actors/healer.ts',
    '    this.#donors.set(donor.peer, donor)\n    this.#again()',
    '    this.#donors.set(donor.peer, donor)\n    this.#unhealed.clear()',
    'bit-rot,partition',
  ),
]
