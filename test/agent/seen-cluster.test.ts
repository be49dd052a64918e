import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Operation, ProduceAsked, Read, ReadAsked, Stored } from '../../src/simulation/history.ts'
import type { Verdict } from '../../src/simulation/judges/bench.ts'
import { auditOf } from '../../src/simulation/judges/finally-everywhere.ts'
import type { JudgeName } from '../../src/simulation/judges/judge.ts'
import { namedAuditOf } from '../../src/simulation/judges/kept-cursors.ts'
import { Court, type Evidence, verdictText } from '../../src/simulation/recording/court.ts'
import { cursorName } from '../../src/simulation/workload/cursor-users.ts'
import { smallFiles, startAgain } from '../campaign/start-again.ts'
import { corpus } from '../planted/corpus.ts'
import { SeenCluster } from './seen-cluster.ts'
import { Stage } from './stage.ts'
import { Writer } from './writer.ts'

const names = ['a', 'b', 'c']

/** To be altered. */
interface Answered {
  runs: { log: string; sums: number[] }[]
}

/** What makes a judge speak, done to the evidence of a run in which nothing was wrong. */
const lies: readonly [judge: JudgeName, what: string, lie: (evidence: Evidence[], rounds: number) => void][] = [
  [
    'finallyEverywhere',
    'a record that one node does not give in the end',
    (evidence, rounds) => {
      const read = auditsAt('b', rounds)(evidence).at(-1) as ReadAsked
      const runs = (read.answer as unknown as Answered).runs
      runs.at(-1)!.sums.pop()
    },
  ],
  [
    'noStepBack',
    'a run of records that a reader is given twice',
    (evidence) => {
      const { answer } = find(evidence, isRead, (read) => runsOf(read).length > 1 && read.cursorName === undefined)
      const { runs } = answer as unknown as Answered
      runs.push(runs[0]!)
    },
  ],
  [
    'noStepBack',
    'a run of records that a reader never gets',
    (evidence, rounds) => {
      const read = auditsAt('a', rounds)(evidence).find((one) => runsOf(one).length > 2) as ReadAsked
      const runs = (read.answer as unknown as Answered).runs
      const first = runs.findIndex(({ log }, at) => runs.findIndex((other, n) => n > at && other.log === log) !== -1)
      runs.splice(first, 1)
    },
  ],
  [
    'oneContent',
    'a record that is read as something else',
    (evidence) => {
      const read = find(evidence, isRead, (one) => runsOf(one).length > 0)
      ;(runsOf(read)[0]!.sums as number[])[0]!++
    },
  ],
  [
    'oneContent',
    'a copy with a frame that its origin never wrote',
    (evidence) => {
      // Of one log what another one's says: whole frames, and not those that belong there.
      const writes = evidence.filter((one) => 'step' in one && one.node === 'c' && one.step.kind === 'open')
      const paths = writes.flatMap((one) => ('step' in one && one.step.kind === 'open' ? one.step.path : []))
      const [one, other] = [...new Set(paths.filter((path) => /orders\/[ab]\/.*\/0{20}\.log$/.test(path)))]
      assert.ok(one && other)
      evidence.push({ atMs: Number.MAX_VALUE, node: 'c', step: { kind: 'rename', from: one, to: other } })
    },
  ],
  [
    'timeOrder',
    'an answer by time that begins with what is latest',
    (evidence) => {
      const read = find(evidence, isRead, (one) => new Set(runsOf(one).map(({ timestamp }) => timestamp)).size > 1)
      const runs = [...runsOf(read)].sort((one, other) => (one.timestamp < other.timestamp ? 1 : -1))
      Object.assign(read, { byTime: true, answer: { ...read.answer, runs } })
    },
  ],
  [
    'durableCopies',
    'an answer that counts more copies than there are',
    (evidence) => {
      const { answer } = find(evidence, isProduce, (one) => one.answer?.ok === true)
      ;(answer as { copies: number }).copies = 7
    },
  ],
  [
    'durableCopies',
    'a disk that never said that it had what was acknowledged',
    (evidence) => {
      remove(evidence, (one) => 'step' in one && one.node === 'a' && one.step.kind === 'answered')
    },
  ],
  [
    'durableBeforeVisible',
    'a disk that never said that it had what was read',
    (evidence) => {
      remove(evidence, (one) => 'step' in one && one.node === 'b' && one.step.kind === 'answered')
    },
  ],
  [
    'storedOnce',
    'a record sent again that is answered with another place',
    (evidence) => {
      const first = find(evidence, isProduce, (one) => one.place !== undefined && one.answer?.ok === true)
      const answer = first.answer as Stored
      const operation = { ...first, answer: { ...answer, base: answer.base + 1 } }
      evidence.push({ atMs: Number.MAX_VALUE, operation })
    },
  ],
  [
    'readYourWrites',
    'a node that says it has no more than what it was to wait for',
    (evidence) => {
      const read = find(evidence, isRead, (one) => {
        const [[log = '', to = 0] = []] = Object.entries(one.waitsFor)
        const last = runsOf(one).at(-1)
        return one.only?.log === log && last !== undefined && last.from + last.sums.length >= to
      })
      Object.assign(read.answer as object, { runs: [], atEnd: true })
    },
  ],
  [
    'keptCursors',
    'a named cursor that begins anew',
    (evidence) => {
      const reading = namedAuditOf('c', cursorName)
      const read = find(evidence, isRead, (one) => one.reading === reading && one.answer?.ok === true)
      const [whole] = auditsAt('c', 1)(evidence).filter(({ topic }) => topic === read.topic)
      Object.assign(read.answer as object, { runs: runsOf(whole as ReadAsked) })
    },
  ],
  [
    'nothingDeleted',
    'a file that is not there any more',
    (evidence) => {
      const opened = evidence.find(
        (one) =>
          'step' in one && one.node === 'a' && one.step.kind === 'open' && /orders\/.*\.log$/.test(one.step.path),
      )
      assert.ok(opened && 'step' in opened && opened.step.kind === 'open')
      evidence.push({ atMs: Number.MAX_VALUE, node: 'a', step: { kind: 'remove', path: opened.step.path } })
    },
  ],
  [
    'equalCopies',
    'a disk that ends before the others',
    (evidence) => {
      const lost = evidence.findLastIndex((one) => 'step' in one && one.node === 'b' && one.step.kind === 'write')
      evidence.splice(lost - 20, Number.POSITIVE_INFINITY)
      remove(evidence, (one, at) => at > evidence.length / 2 && 'step' in one && one.node === 'b')
    },
  ],
  [
    'knownMembers',
    'a node that says of another that it is gone',
    (evidence) => {
      const asked = operationsOf(evidence).findLast(({ kind, node }) => kind === 'members' && node === 'a')
      ;(asked!.answer as unknown as { alive: string[] }).alive.pop()
    },
  ],
  [
    'honestErrors',
    'an answer that means a bug',
    (evidence) => {
      const refused = find(
        evidence,
        (one): one is Operation => one.answer?.ok === false,
        () => true,
      )
      ;(refused.answer as { code: string }).code = 'INTERNAL'
    },
  ],
]

describe('real nodes before the judges of the simulator', () => {
  const stage = new Stage()
  const evidence: Evidence[] = []
  let seen: SeenCluster

  before(async () => {
    const told = (more: readonly Evidence[]) => void evidence.push(...more)
    seen = await SeenCluster.of({ stage, names, seed: 7, furtherTopics: ['churn'], pauseMs: 30, told })
  })
  after(() => stage.end())

  test('nodes are killed under load, all at once too, and come back in any order: no promise is broken', async () => {
    const { agents, start } = startAgain(seen, smallFiles)
    for (const name of names) await start(name)
    await stage.together([...agents.values()])
    seen.open()
    const writers = names.map((name) => new Writer(stage, agents.get(name)!, 'churn', { history: seen.history }))
    const written = (name: string) => writers.find((writer) => writer.name === name)!.until(60, agents.get(name)!.epoch)
    for (const order of [['b'], ['c'], ['a', 'c', 'b'], ['c', 'b', 'a']]) {
      await Promise.all(names.map(written))
      await Promise.all(order.map((name) => agents.get(name)!.kill()))
      for (const name of order) {
        const agent = await start(name)
        for (const writer of writers) if (writer.name === name) writer.moveTo(agent)
        if (name === order[0]) await written(name)
      }
    }
    await Promise.all(names.map(written))
    await Promise.all(writers.map((writer) => writer.stop()))
    const { answers } = await seen.rest()
    assert.ok(answers > 500, `${answers} answers`)
    for (const agent of agents.values()) await agent.stop()
    seen.end()
    assert.deepEqual(judged(evidence), [], 'the same judgement as while it happened')
  })

  for (const [judge, what, lie] of lies) {
    test(`${judge} speaks of ${what}`, () => {
      const altered = evidence.map((one) => ('operation' in one ? structuredClone(one) : one))
      lie(altered, seen.rounds)
      const found = judged(altered)
      assert.ok(
        found.some((verdict) => verdict.judge === judge),
        verdictText(found),
      )
    })
  }

  test('a node that does not sync is found out while it runs', async () => {
    const bug = corpus.find(({ name }) => name === 'no-sync')
    assert.ok(bug)
    const faulty = new Stage()
    try {
      const watched = await SeenCluster.of({ stage: faulty, names: ['d'], seed: 1, bug })
      const agent = await watched.start('d')
      const writer = new Writer(faulty, agent, 'orders', { history: watched.history })
      await writer.until(10, agent.epoch)
      await writer.stop()
      assert.throws(() => watched.look(), /d: durableCopies: orders\/d\/.* not durable on the disk of that node/)
    } finally {
      await faulty.end()
    }
  })

  function judged(all: readonly Evidence[]): Verdict[] {
    const court = new Court(seen.folders)
    court.hear(all)
    return [...court.found, ...court.rests({ operations: operationsOf(all) }, names, seen.rounds)]
  }
})

const isRead = (operation: Operation): operation is ReadAsked => operation.kind === 'read'
const isProduce = (operation: Operation): operation is ProduceAsked => operation.kind === 'produce'

function operationsOf(evidence: readonly Evidence[]): Operation[] {
  return evidence.flatMap((one) => ('operation' in one ? one.operation : []))
}

/** One in the middle: what is before and after it is as it was. */
function find<One extends Operation>(
  evidence: readonly Evidence[],
  is: (operation: Operation) => operation is One,
  holds: (operation: One) => boolean,
): One {
  const those = operationsOf(evidence).filter((operation): operation is One => is(operation) && holds(operation))
  assert.ok(those.length > 0, 'nothing of that kind happened')
  return those[those.length >> 1] as One
}

function runsOf({ answer }: ReadAsked): Read['runs'] {
  return answer?.ok && 'runs' in answer ? answer.runs : []
}

/** The answers to one who read everything at that node in the end. */
function auditsAt(node: string, round: number): (evidence: readonly Evidence[]) => ReadAsked[] {
  return (evidence) =>
    operationsOf(evidence).filter(
      (one): one is ReadAsked => isRead(one) && one.reading === auditOf(node, round) && runsOf(one).length > 0,
    )
}

function remove(evidence: Evidence[], which: (one: Evidence, at: number) => boolean): void {
  const kept = evidence.filter((one, at) => !which(one, at))
  evidence.splice(0, evidence.length, ...kept)
}
