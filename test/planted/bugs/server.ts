/** Of answers to clients, and of what the cluster keeps for them. */

import { bug, type PlantedBug } from '../planted-bug.ts'

const produce = 'src/server/produce.ts'
const reader = 'src/server/reader.ts'

export const serverBugs: readonly PlantedBug[] = [
  {
    name: 'ack-before-write',
    breaks: 'records are acknowledged before they are anywhere',
    edits: [
      {
        file: 'src/log/append-once.ts',
        find: 'const done = whenDurable(log.append(body, recordCount, claim)).then(',
        replace: 'const done = Promise.resolve(early(log.append(body, recordCount, claim))).then(',
      },
      {
        file: 'src/log/append-once.ts',
        find: 'function equal(',
        replace: `function early(placed: ReturnType<Log['append']>): Appended {
  const { log, baseOffset, recordCount } = placed
  return { log, baseOffset, recordCount, endOffset: baseOffset + recordCount, timestamp: 1n } as Appended
}

function equal(`,
      },
    ],
  },
  bug(
    'copies-ignored',
    'a record that was to be on several disks is acknowledged when it is on one',
    produce,
    'if (copies <= 1) return appending.then(answer)',
    'if (copies <= 7) return appending.then(answer)',
  ),
  bug(
    'copies-pending-is-success',
    'a record is acknowledged although its copies did not come in time',
    produce,
    'if (count < copies) throw copiesPending(appended, count, copies)',
    'if (count < 1) throw copiesPending(appended, count, copies)',
  ),
  bug(
    'count-as-asked',
    'an acknowledgement says more copies than there are',
    'src/server/acks.ts',
    'resolve(reached)',
    'resolve(wanted)',
    { faults: 'partition,pause', gapMs: 2_000 },
  ),
  bug(
    'writer-counts-twice',
    'the writer of a log counts as two copies',
    'src/server/acks.ts',
    'const writer = isLive(log) ? 1 : 0',
    'const writer = 1',
  ),
  bug(
    'wait-ignored',
    'a reader that waits for its own write does not see it',
    'src/server/catch-up.ts',
    'if (this.#caughtUp) this.#calls.reached()',
    'if (this.#caughtUp || waitMs !== undefined) this.#calls.reached()',
    { faults: 'weather,partition,bandwidth', gapMs: 1_500 },
  ),
  bug(
    'wait-ends-one-early',
    'a reader that waits is let in one record too early',
    'src/server/catch-up.ts',
    'if (position.offset > (journal.log(position.id)?.end ?? 0)) this.#missing.set(key, position)',
    'if (position.offset > (journal.log(position.id)?.end ?? 0) + 1) this.#missing.set(key, position)',
    { faults: 'weather,partition,bandwidth', gapMs: 1_500 },
  ),
  bug(
    'cursor-one-ahead',
    'a reader that resumes by its cursor leaves out a record',
    'src/server/cursor.ts',
    'read.push({ from, value: offset })',
    'read.push({ from, value: offset > 0 && offset % 11 === 0 ? offset + 1 : offset })',
  ),
  bug(
    'cursor-one-behind',
    'a reader that resumes by its cursor gets a record twice',
    'src/server/cursor.ts',
    'read.push({ from, value: offset })',
    'read.push({ from, value: offset % 11 === 10 ? offset - 1 : offset })',
  ),
  bug(
    'reader-not-woken',
    'a tailing reader does not hear of new records',
    reader,
    'if (this.#moved(log, atStart)) this.#wake()',
    'if (this.#moved(log, atStart) && this.#tracks.size > 2) this.#wake()',
    { nodes: 2, faults: 'weather' },
  ),
  bug(
    'new-logs-from-their-end',
    'records of a node that joined later are not read',
    reader,
    'if (this.#moved(log, atStart)) this.#wake()',
    "if (this.#moved(log, { at: 'end' })) this.#wake()",
  ),
  bug(
    'fold-without-its-end',
    'a short cursor stands for more than was read',
    'src/catalog/folding.ts',
    'if ((offsetOf(key) ?? -1) < end || !follows.every((followed) => read.has(followed))) continue',
    'if (!follows.every((followed) => read.has(followed))) continue',
  ),
  {
    // Where a commit is merged with what the catalog has, it is joined once more: to join it first only spares a record.
    name: 'named-cursors-go-back',
    breaks: 'a commit by a reader that is behind moves a named cursor back',
    edits: [
      {
        file: 'src/catalog/cursors.ts',
        find: 'const state = this.#state(topic, joined(placeIn(before), place as Place))',
        replace: 'const state = this.#state(topic, place as Place)',
      },
      {
        file: 'src/catalog/cursor-kind.ts',
        find: 'condense(declarations, topic, ofTopic.reduce(joined))',
        replace: 'condense(declarations, topic, placeIn(merged))',
      },
    ],
  },
  bug(
    'batch-records-left-out',
    'of a batch that does not fit the answer as a whole the rest is left out',
    reader,
    'track.offset = frame.baseOffset + selection.next',
    'track.offset = frame.baseOffset + frame.recordCount',
  ),
]
